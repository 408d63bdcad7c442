"""The arithmetic contract, written a third time: as words, for proofs.

This follows docs/arithmetic.md line by line. It reads descriptions only, and shares nothing with
the fixed model or the hardware.
"""

from collections.abc import Sequence
from typing import NamedTuple

from bittrue.model.curves import Curve
from bittrue.model.modes import Overflow, Rounding
from bittrue.model.shape import Layer, Shape
from bittrue.model.types import FixedType, Format

from .terms import Term, Terms


class Number(NamedTuple):
    """An exact integer that is stood for by a word of two's complement, wide enough for it.

    Members
    -------
    term : Term
        The word, signed.
    frac : int
        Fractional bits.
    """

    term: Term
    frac: int


class Requantized(NamedTuple):
    """What a requantization gives.

    Members
    -------
    code : Term
        In the target's width.
    inexact, overflowed : Term
        One bit each.
    """

    code: Term
    inexact: Term
    overflowed: Term


class Word(NamedTuple):
    """A word of a network, and what was lost in making it.

    Members
    -------
    layer : int
        Its number.
    stage : str
        ``accumulator``, ``preactivation`` or ``output``.
    neuron : int
        Its number.
    code : Term
        As many bits as the stage's format has.
    inexact, overflowed : Term or None
        Losses; None for an accumulator, which loses nothing.
    """

    layer: int
    stage: str
    neuron: int
    code: Term
    inexact: Term | None = None
    overflowed: Term | None = None


class Specification:
    """The contract on the terms of one proof.

    Parameters
    ----------
    terms : Terms
        Where terms are made.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    def number(self, code: Term, format: Format) -> Number:
        """Return a code as an exact number: one bit wider where it has no sign."""
        terms = self._terms
        return Number(code if format.signed else terms.zext(code, code.width + 1), format.frac)

    def product(self, a: Term, a_format: Format, b: Term, b_format: Format) -> Number:
        """Return the product of two codes, in exactly as many bits as they have together."""
        terms = self._terms
        width = a_format.width + b_format.width
        wide = [
            terms.extend(code, width, format.signed)
            for code, format in ((a, a_format), (b, b_format))
        ]
        product = terms.binary("mul", *wide)
        frac = a_format.frac + b_format.frac
        if a_format.signed or b_format.signed:
            return Number(product, frac)
        return Number(terms.zext(product, width + 1), frac)

    def total(self, numbers: Sequence[Number]) -> Number:
        """Return an exact sum; numbers are aligned to the finest LSB."""
        terms = self._terms
        frac = max(number.frac for number in numbers)
        growth = len(numbers).bit_length()
        width = growth + max(number.term.width + frac - number.frac for number in numbers)
        aligned = [
            terms.binary("shl", terms.sext(n.term, width), terms.const(frac - n.frac, width))
            for n in numbers
        ]
        total = aligned[0]
        for term in aligned[1:]:
            total = terms.binary("add", total, term)
        return Number(total, frac)

    def requantize(self, number: Number, target: FixedType) -> Requantized:
        """Shift, round, fit the range."""
        terms, format = self._terms, target.format
        drop = number.frac - format.frac
        raised = max(-drop, 0)
        width = max(number.term.width, drop, format.width) + raised + 2
        x = terms.sext(number.term, width)
        if drop > 0:
            rounded, inexact = self._rounded(x, drop, target.rounding)
        else:
            rounded = terms.binary("shl", x, terms.const(raised, width))
            inexact = terms.const(0, 1)
        low, high = format.min_code, format.max_code
        if target.overflow is Overflow.SAT_SYM and format.signed:
            low = -high
        below = terms.binary("slt", rounded, terms.const(low, width))
        above = terms.binary("slt", terms.const(high, width), rounded)
        overflowed = terms.binary("or", below, above)
        return Requantized(
            terms.slice(
                self._fitted(rounded, (below, above), (low, high), target), 0, format.width
            ),
            inexact,
            overflowed,
        )

    def _rounded(self, x: Term, drop: int, mode: Rounding) -> tuple[Term, Term]:
        """Return x / 2**drop as an integer, and whether that is not exact."""
        terms, width = self._terms, x.width
        shift = terms.const(drop, width)
        down = terms.binary("ashr", x, shift)
        rest = terms.binary("sub", x, terms.binary("shl", down, shift))
        half = terms.const(1 << (drop - 1), width)
        tie = terms.binary("eq", rest, half)
        more = terms.binary("ult", half, rest)
        some = terms.any(rest)
        negative = terms.binary("slt", x, terms.const(0, width))
        decided = {
            Rounding.RND: terms.const(1, 1),
            Rounding.RND_MIN_INF: terms.const(0, 1),
            Rounding.RND_INF: terms.not_(negative),
            Rounding.RND_ZERO: negative,
            Rounding.RND_CONV: terms.slice(down, 0, 1),
        }
        if mode is Rounding.TRN:
            up = terms.const(0, 1)
        elif mode is Rounding.TRN_ZERO:
            up = terms.binary("and", negative, some)
        else:
            up = terms.binary("or", more, terms.binary("and", tie, decided[mode]))
        return terms.binary("add", down, terms.zext(up, width)), some

    def _fitted(
        self, rounded: Term, outside: tuple[Term, Term], ends: tuple[int, int], target: FixedType
    ) -> Term:
        terms, width = self._terms, rounded.width
        if target.overflow is Overflow.WRAP:
            return rounded
        (below, above), (low, high) = outside, ends
        if target.overflow is Overflow.SAT_ZERO:
            low = high = 0
        fitted = terms.ite(above, terms.const(high, width), rounded)
        return terms.ite(below, terms.const(low, width), fitted)

    def curve(self, z: Term, curve: Curve) -> Requantized:
        """Return a curve's output code, and what its requantization lost."""
        terms, mirror = self._terms, curve.mirror
        negative, argument, format = self._argument(z, curve)
        slope, intercept = self._row(argument, format, curve)
        table = self.requantize(
            self.total(
                [
                    self.product(slope, curve.slope_format, argument, format),
                    self.number(intercept, curve.intercept_format),
                ]
            ),
            curve.output,
        )
        if mirror is None:
            return table
        turned = terms.binary("sub", terms.const(mirror, table.code.width), table.code)
        return table._replace(code=terms.ite(negative, turned, table.code))

    def slope(self, z: Term, curve: Curve) -> Term:
        """Return the slope code of the segment that a pre-activation lies in."""
        _, argument, format = self._argument(z, curve)
        return self._row(argument, format, curve)[0]

    def _argument(self, z: Term, curve: Curve) -> tuple[Term, Term, Format]:
        """Return whether a code is negative, what the table is for there, and its format."""
        terms = self._terms
        number = self.number(z, curve.input)
        negative = terms.binary("slt", number.term, terms.const(0, number.term.width))
        if curve.mirror is None:
            return negative, z, curve.input
        minus = terms.binary("sub", terms.const(0, z.width), z)
        return negative, terms.ite(negative, minus, z), Format(False, z.width, curve.input.frac)

    def _row(self, argument: Term, format: Format, curve: Curve) -> tuple[Term, Term]:
        """Return slope and intercept of the last segment that has started."""
        terms = self._terms
        number = self.number(argument, format).term
        formats = (curve.slope_format, curve.intercept_format)
        first, *others = curve.segments
        chosen = [terms.const(code, f.width) for code, f in zip(first[1:], formats, strict=True)]
        for segment in others:
            begun = terms.not_(
                terms.binary("slt", number, terms.const(segment.start, number.width))
            )
            chosen = [
                terms.ite(begun, terms.const(code, f.width), before)
                for code, f, before in zip(segment[1:], formats, chosen, strict=True)
            ]
        return chosen[0], chosen[1]

    def neuron(
        self, layer: Layer, inputs: Sequence[Term], weights: Sequence[Term], bias: Term | None
    ) -> tuple[Term, Requantized, Requantized]:
        """Return accumulator, pre-activation and output of one neuron."""
        numbers = [
            self.product(w, layer.weight.format, x, layer.input.format)
            for w, x in zip(weights, inputs, strict=True)
        ]
        if layer.bias is not None and bias is not None:
            numbers.append(self.number(bias, layer.bias.format))
        total = self.total(numbers)
        accumulator = self._terms.slice(
            self._terms.sext(total.term, max(total.term.width, layer.accumulator.width)),
            0,
            layer.accumulator.width,
        )
        # the accumulator's format holds every sum, so the cut word stands for the same number
        preactivation = self.requantize(
            self.number(accumulator, layer.accumulator), layer.preactivation
        )
        return accumulator, preactivation, self.curve(preactivation.code, layer.curve)

    def network(
        self, shape: Shape, inputs: Sequence[Term], weights: Sequence[Sequence["NeuronCodes"]]
    ) -> list[Word]:
        """Return every word of one sample, layer by layer, stage by stage.

        Parameters
        ----------
        shape : Shape
            The network.
        inputs : sequence of Term
            Input codes.
        weights : sequence of sequence of NeuronCodes
            Of each layer, each neuron's.
        """
        words: list[Word] = []
        for number, layer in enumerate(shape.layers):
            found = [
                self.neuron(layer, inputs, *weights[number][neuron])
                for neuron in range(layer.outputs)
            ]
            words += [Word(number, "accumulator", n, made[0]) for n, made in enumerate(found)]
            words += [Word(number, "preactivation", n, *made[1]) for n, made in enumerate(found)]
            words += [Word(number, "output", n, *made[2]) for n, made in enumerate(found)]
            inputs = [made[2].code for made in found]
        return words


class NeuronCodes(NamedTuple):
    """A neuron's weights, one for each input, and its bias or None."""

    weights: Sequence[Term]
    bias: Term | None
