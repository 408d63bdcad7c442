"""The stream contracts of what stands between layers, as `explore` asks for them."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product

from .explore import Move, Outputs, Violation
from .terms import Term, Terms

HELD = 2
"""Samples in a buffer."""


def _require(what: str, expected: Term | int, actual: Term) -> None:
    """Hold an output against what is promised."""
    number = actual.constant
    if isinstance(expected, int):
        if number != expected:
            raise Violation(f"{what} must be {expected}, got {_shown(actual)}")
    elif actual is not expected:
        raise Violation(f"{what} must be {_shown(expected)}, got {_shown(actual)}")


def _shown(term: Term) -> str:
    if term.constant is not None:
        return str(term.constant)
    return str(term.value) if term.op == "var" else "a word made of others"


@dataclass(frozen=True)
class BufferContract:
    """A buffer of two samples: whole samples in, in order, each read as long as it is wanted.

    Parameters
    ----------
    terms : Terms
        Where tokens are made.
    width : int
        Bits of a beat.
    beats : int
        Beats a sample.
    samples, partial : tuples of tokens
        Whole samples held, oldest first; the beats of one that is on its way.
    lost : bool
        A ``last`` was missing: beats are dropped up to the next.
    read : Term or None
        What the read port must show; None for anything.
    ready : int
        Whether a beat must be taken.
    """

    terms: Terms = field(compare=False)
    width: int
    beats: int
    samples: tuple[tuple[Term, ...], ...] = ()
    partial: tuple[Term, ...] = ()
    lost: bool = False
    read: Term | None = None
    ready: int = 0

    @property
    def tokens(self) -> tuple[Term, ...]:
        """All tokens inside."""
        read = () if self.read is None else (self.read,)
        return (*(beat for sample in self.samples for beat in sample), *self.partial, *read)

    @property
    def key(self) -> Hashable:
        """Its state but for the tokens."""
        read = None if self.read is None else self.tokens.index(self.read)
        return len(self.samples), len(self.partial), self.lost, read, self.ready

    def moves(self) -> Iterator[Move]:
        """Write or not, read or not; a sample is released by the last read of it only."""
        writes = [(0, 0), (1, 0), (1, 1)]
        reads = [(0, 0, 0), *((1, address, 0) for address in range(self.beats))]
        if self.samples:
            reads += [(1, address, 1) for address in range(self.beats)]
        for (valid, last), (en, address, release), hold in product(writes, reads, (0, 1)):
            yield {
                "valid": valid,
                "last": last,
                "hold": hold,
                "en": en,
                "address": address,
                "release": release,
            }

    def inputs(self, move: Move) -> dict[str, Term]:
        """Return ports for a move."""
        terms = self.terms
        bits = max(self.beats - 1, 1).bit_length()
        return {
            "i__valid": terms.const(move["valid"], 1),
            "i__payload": terms.concat([self._new, terms.const(move["last"], 1)]),
            "hold": terms.const(move["hold"], 1),
            "en": terms.const(move["en"], 1),
            "address": terms.const(move["address"], bits),
            "release": terms.const(move["release"], 1),
        }

    @property
    def _new(self) -> Term:
        return self.terms.var("new beat", self.width)

    def after(self, move: Move, outputs: Outputs) -> "BufferContract":
        """Return the contract behind a cycle; see `Contract`."""
        _require("ready", self.ready, outputs["i__ready"])
        _require("available", int(bool(self.samples)), outputs["available"])
        if self.read is not None:
            _require("the beat read", self.read, outputs["lanes"])
        written, committed, misframed = self._written(move)
        _require("committed", committed, outputs["committed"])
        _require("misframed", misframed, outputs["misframed"])
        read = self.read
        if move["en"]:
            read = self.samples[0][move["address"]] if self.samples else None
        samples = written.samples[1:] if move["release"] else written.samples
        ready = int(len(samples) < HELD and not move["hold"])
        return replace(written, samples=samples, read=read, ready=ready)

    def _written(self, move: Move) -> tuple["BufferContract", int, int]:
        """Return the contract with a beat written, and whether a sample came whole or wrong."""
        if not (move["valid"] and self.ready):
            return self, 0, 0
        if self.lost:
            return replace(self, lost=not move["last"]), 0, 0
        at_end = len(self.partial) == self.beats - 1
        if move["last"] and at_end:
            sample = (*self.partial, self._new)
            return replace(self, samples=(*self.samples, sample), partial=()), 1, 0
        if move["last"] or at_end:
            return replace(self, partial=(), lost=at_end), 0, 1
        return replace(self, partial=(*self.partial, self._new)), 0, 0

    def renamed(self, names: Mapping[Term, Term]) -> "BufferContract":
        """Return it with other tokens."""
        return replace(
            self,
            samples=tuple(tuple(names[beat] for beat in sample) for sample in self.samples),
            partial=tuple(names[beat] for beat in self.partial),
            read=None if self.read is None else names[self.read],
        )


@dataclass(frozen=True)
class ConverterContract:
    """A width converter: the lanes of each sample in order, filled up with zeros, never mixed.

    Parameters
    ----------
    terms : Terms
        Where tokens are made.
    width : int
        Bits of a lane.
    lanes_in, lanes_out, size : int
        Lanes a beat on both sides, and real lanes a sample.
    held : tuple of Term
        Lanes that have come and not gone, padding included.
    given, taken : int
        Beats of the present sample that came in, and that went out.
    """

    terms: Terms = field(compare=False)
    width: int
    lanes_in: int
    lanes_out: int
    size: int
    held: tuple[Term, ...] = ()
    given: int = 0
    taken: int = 0
    started: bool = False

    @property
    def tokens(self) -> tuple[Term, ...]:
        """All tokens inside."""
        return tuple(lane for lane in self.held if lane.constant is None)

    @property
    def key(self) -> Hashable:
        """Its state but for the tokens."""
        padding = tuple(lane.constant is None for lane in self.held)
        return padding, self.given, self.taken, self.started

    @property
    def _beats_in(self) -> int:
        return -(-self.size // self.lanes_in)

    @property
    def _beats_out(self) -> int:
        return -(-self.size // self.lanes_out)

    def moves(self) -> Iterator[Move]:
        """Give a beat or none, take one or none."""
        for valid, ready in product((0, 1), repeat=2):
            yield {"valid": valid, "ready": ready}

    def _beat(self) -> list[Term]:
        """Return the lanes of the next beat, those behind the sample's end zero."""
        real = min(self.lanes_in, self.size - self.given * self.lanes_in)
        lanes = [self.terms.var(f"new lane {n}", self.width) for n in range(real)]
        return lanes + [self.terms.const(0, self.width)] * (self.lanes_in - real)

    def inputs(self, move: Move) -> dict[str, Term]:
        """Return ports for a move."""
        terms = self.terms
        last = terms.const(self.given == self._beats_in - 1, 1)
        return {
            "i__valid": terms.const(move["valid"], 1),
            "i__payload": terms.concat([*self._beat(), last]),
            "o__ready": terms.const(move["ready"], 1),
        }

    def after(self, move: Move, outputs: Outputs) -> "ConverterContract":
        """Return the contract behind a cycle; see `Contract`."""
        whole = len(self.held) >= self.lanes_out
        _require("valid", int(whole), outputs["o__valid"])
        ready = outputs["i__ready"].constant
        if ready is None or (not ready and self.started and len(self.held) < 2 * self.lanes_out):
            raise Violation("ready must be 1 while less than two beats are held, got 0")
        held, taken = self.held, self.taken
        if whole:
            beat = self.terms.concat(held[: self.lanes_out])
            last = self.terms.const(taken == self._beats_out - 1, 1)
            _require("the beat", self.terms.concat([beat, last]), outputs["o__payload"])
        if whole and move["ready"]:
            held, taken = held[self.lanes_out :], (taken + 1) % self._beats_out
        following = replace(self, held=held, taken=taken, started=True)
        if not (move["valid"] and ready):
            return following
        real = min(self.lanes_in, self.size - self.given * self.lanes_in)
        held = (*held, *self._beat()[:real])
        given = (self.given + 1) % self._beats_in
        if not given:
            missing = self._beats_out * self.lanes_out - self.size
            held = (*held, *[self.terms.const(0, self.width)] * missing)
        return replace(following, held=held, given=given)

    def renamed(self, names: Mapping[Term, Term]) -> "ConverterContract":
        """Return it with other tokens."""
        return replace(self, held=tuple(names.get(lane, lane) for lane in self.held))
