"""One weight's update in gates: multiply, bring to the weight's LSB, add, fit."""

from amaranth.hdl import Cat, Const, Module, Value
from amaranth.lib.wiring import Component, In, Out

from bittrue.model.learning import STOCHASTIC, Learning
from bittrue.model.lfsr import BITS
from bittrue.model.modes import Rounding
from bittrue.model.types import FixedType, Format

from . import timing
from .curve_rows import trailing_zeros
from .pipeline import delayed
from .requantize import Requantize, increment_of
from .shapes import shape_of

CHANCE_BITS = 15
"""Most dropped bits that chance is added to."""


def rate_factor(learning: Learning) -> tuple[int, int]:
    """Return the learning rate as an odd number, and how many bits that is shifted left."""
    shift = trailing_zeros([learning.rate])
    return learning.rate >> shift, shift


def rated_format(learning: Learning, delta: Format) -> Format:
    """Return the format of delta times rate, the zeros at the end of the rate left out."""
    factor, shift = rate_factor(learning)
    frac = delta.frac + learning.rate_format.frac - shift
    ends = (delta.min_code * factor, delta.max_code * factor)
    return Format.spanning(*ends, frac)


class Update(Component):
    """Changes one weight, or one bias, by a rated delta times an input, or a rated delta alone.

    Parameters
    ----------
    learning : Learning
        Its rate and rounding.
    delta : Format
        Format of deltas, before the rate.
    input : Format or None
        Format of inputs; None for a bias.
    weight : FixedType
        Type of what is changed.

    Members
    -------
    rated : In(rated format)
        Delta times rate, as `rated_format` has it.
    input : In(input format)
        Not for a bias.
    draw : In(16)
        Of use where updates are rounded by chance.
    old : In(weight format)
        Code, in the same cycle as the others.
    o : Out(weight format)
        Code, ``latency`` cycles later.

    Attributes
    ----------
    latency : int
        Cycles from operands to result. Initiation interval 1.
    """

    latency = timing.UPDATE

    def __init__(
        self, learning: Learning, delta: Format, input: Format | None, weight: FixedType
    ) -> None:
        self._learning, self._weight, self._has_input = learning, weight, input is not None
        rated = rated_format(learning, delta)
        self._product = rated if input is None else rated * input
        ports = {
            "rated": In(shape_of(rated)),
            "draw": In(BITS),
            "old": In(shape_of(weight.format)),
            "o": Out(shape_of(weight.format)),
        }
        if input is not None:
            ports["input"] = In(shape_of(input))
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        """Build the stages in order."""
        m = Module()
        product = self.rated * self.input if self._has_input else self.rated
        product = delayed(m, product, timing.PRODUCT, name="product", shape=shape_of(self._product))
        draw = delayed(m, self.draw, timing.PRODUCT, name="draw")
        change = delayed(m, self._rounded(product, draw), 1, name="change")
        old = delayed(m, self.old, timing.PRODUCT + 1, name="old")
        total = old + change
        source = Format(total.shape().signed, len(total), self._weight.format.frac)
        m.submodules.fit = fit = Requantize(source, self._weight)
        m.d.comb += [fit.en.eq(1), fit.i.eq(total), self.o.eq(fit.o)]
        return m

    def _rounded(self, product: Value, draw: Value) -> Value:
        """Return a product in the weight's LSB."""
        drop = self._product.frac - self._weight.format.frac
        rounding = self._learning.rounding
        if drop <= 0:
            return product << -drop
        if rounding == STOCHASTIC:
            return (product + self._chance(draw, drop)) >> drop
        kept, increment, _ = increment_of(product, drop, Rounding(rounding))
        return kept + increment

    def _chance(self, draw: Value, drop: int) -> Value:
        """Return what is added before ``drop`` bits are cut.

        The contract drops the zeros at the end of the rate as well, which `rated_format` left out.
        """
        _, zeros = rate_factor(self._learning)
        bits = min(drop + zeros, CHANCE_BITS)
        raised = drop - bits
        if raised >= 0:
            return Cat(Const(0, raised), draw[:bits])
        return draw[-raised:bits]
