"""What directed vectors must visit: the pre-activation codes at which a curve can go wrong."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from bittrue.model.curves import Curve
from bittrue.model.design import Layer
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import Codes, Overflow

MAX_WIDTH = 20
"""Widest pre-activation, in bits, whose codes are all searched for witnesses."""


@dataclass(frozen=True)
class Mutant:
    """A curve with one number of its table changed by one LSB.

    Members
    -------
    segment : int
        Row that was changed.
    field : str
        ``start``, ``slope`` or ``intercept``.
    change : int
        +1 or -1.
    curve : Curve or None
        The changed curve; None where there can be no such table.
    witnesses : ndarray of int64
        Pre-activation codes at which its output is another one: none if it alters no code.
    """

    segment: int
    field: str
    change: int
    curve: Curve | None
    witnesses: Codes


@dataclass(frozen=True)
class Targets:
    """Pre-activation codes to visit in one layer.

    Members
    -------
    ends : frozenset of int
        First and last code of each segment, of both signs where the curve mirrors.
    mutants : tuple of Mutant
        Each of the table's numbers changed by ±1 LSB.
    ties : tuple of ndarray of int64
        Codes whose output requantization is a tie, by kind: kept part even or odd, sum negative
        or not. One of each is to be visited.
    overflows : tuple of ndarray of int64
        Codes whose output overflows, downwards and upwards. One of each is to be visited.
    """

    ends: frozenset[int]
    mutants: tuple[Mutant, ...]
    ties: tuple[Codes, ...]
    overflows: tuple[Codes, ...]

    def codes(self) -> list[int]:
        """Return codes that visit all there is, the fewer the better."""
        chosen = set(self.ends)
        groups = [mutant.witnesses for mutant in self.mutants] + [*self.ties, *self.overflows]
        for group in sorted((group for group in groups if len(group)), key=len):
            if not chosen.intersection(group.tolist()):
                chosen.add(int(group[np.argmin(np.abs(group))]))
        return sorted(chosen)

    def without(self, code: int) -> "Targets":
        """Return the targets that are left if no pre-activation can be ``code``."""
        mutants = (replace(m, witnesses=m.witnesses[m.witnesses != code]) for m in self.mutants)
        return Targets(
            self.ends - {code},
            tuple(mutants),
            tuple(group[group != code] for group in self.ties),
            tuple(group[group != code] for group in self.overflows),
        )


def targets_in(layer: Layer) -> Targets:
    """Return the codes that the curve of a layer must be shown, as far as they can be reached."""
    stage, targets = layer.preactivation, targets_of(layer.curve)
    if stage.overflow is Overflow.SAT_SYM and stage.format.signed:
        return targets.without(stage.format.min_code)
    return targets


@lru_cache(maxsize=64)
def targets_of(curve: Curve) -> Targets:
    """Return the codes that a curve's component must be shown."""
    codes = _searched(curve)
    return Targets(
        frozenset(code for first, last in curve.ends() for code in _mirrored(curve, first, last)),
        tuple(_mutants(curve, codes)),
        tuple(_ties(curve, codes)),
        tuple(_overflows(curve, codes)),
    )


def _searched(curve: Curve) -> Codes:
    if curve.input.width <= MAX_WIDTH:
        return curve.input.codes()
    near = [code + n for ends in curve.ends() for code in ends for n in range(-512, 513)]
    inside = {code for code in near if 0 <= code <= curve.input.max_code}
    signed = inside | {-code for code in inside} if curve.input.signed else inside
    return np.array(sorted(signed), dtype=np.int64)


def _mirrored(curve: Curve, *arguments: int) -> Iterator[int]:
    """Yield the pre-activation codes that give an argument."""
    for argument in arguments:
        if argument <= curve.input.max_code:
            yield argument
        if curve.mirror is not None and argument:
            yield -argument


def _mutants(curve: Curve, codes: Codes) -> Iterator[Mutant]:
    arguments = codes if curve.mirror is None else np.abs(codes)
    expected = curve.evaluate(codes)
    ends = curve.ends()
    for number, row in enumerate(curve.segments):
        first = ends[max(number - 1, 0)][0]
        touched = (arguments >= first) & (arguments <= ends[number][1])
        for field in row._fields:
            for change in (-1, 1):
                try:
                    changed = curve.with_segment(
                        number, row._replace(**{field: getattr(row, field) + change})
                    )
                except BittrueError:
                    yield Mutant(number, field, change, None, codes[:0])
                    continue
                differs = changed.evaluate(codes[touched]) != expected[touched]
                yield Mutant(number, field, change, changed, codes[touched][differs])


def _sums(curve: Curve, codes: Codes) -> Codes:
    return curve.line(codes if curve.mirror is None else np.abs(codes))


def _ties(curve: Curve, codes: Codes) -> Iterator[Codes]:
    drop = curve.sum_format.frac - curve.output.format.frac
    sums = _sums(curve, codes)
    for kind in tie_kinds(sums, drop):
        yield codes[kind]


def tie_kinds(sums: Codes, drop: int) -> Iterator[np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Yield, for each kind of tie, which sums are one: kept part even or odd, negative or not."""
    if not 1 <= drop < 63:
        return
    tie = (sums & (1 << drop) - 1) == 1 << drop - 1
    for odd in (0, 1):
        for negative in (False, True):
            yield tie & (sums >> drop & 1 == odd) & ((sums < 0) == negative)


def _overflows(curve: Curve, codes: Codes) -> Iterator[Codes]:
    _, _, overflowed = curve.evaluate_flagged(codes)
    negative = _sums(curve, codes) < 0
    yield codes[overflowed & negative]
    yield codes[overflowed & ~negative]
