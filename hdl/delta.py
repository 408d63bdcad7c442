"""One neuron's delta in gates: error times derivative, requantized; and the rate on it."""

from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, Out

from bittrue.model.learning import Learning
from bittrue.model.shape import Layer
from bittrue.model.types import Format

from . import timing
from .derivative import Slope, slope_format, source_format
from .pipeline import APART, delayed
from .requantize import Requantize
from .shapes import shape_of
from .update import rate_factor, rated_format


class Delta(Component):
    """From error and output (or pre-activation) to what a neuron hands on.

    Parameters
    ----------
    layer : Layer
        The layer.
    learning : Learning
        How the network learns.
    number : int
        Number of the layer.
    exact : Format, optional
        Format of errors that are not requantized yet; where not given, they are.

    Members
    -------
    error : In(exact format or error format)
        Code.
    value : In(source_format)
        What the derivative is taken from, in the same cycle.
    carried : Out(error format or delta format)
        What is carried back, by the network's rule, ``latency`` cycles later.
    rated : Out(rated_format)
        Delta times rate, in step with it.

    Attributes
    ----------
    latency : int
        Cycles from operands to results. Initiation interval 1.
    """

    def __init__(
        self, layer: Layer, learning: Learning, number: int, *, exact: Format | None = None
    ) -> None:
        self._layer, self._learning, self._exact = layer, learning, exact
        self._own = own = learning.layers[number]
        self.latency = timing.delta(learning)
        self.carried_format = carried_format(learning, number)
        source = own.error.format if exact is None else exact
        super().__init__(
            {
                "error": In(shape_of(source)),
                "value": In(shape_of(source_format(layer.curve, own.derivative))),
                "carried": Out(shape_of(self.carried_format)),
                "rated": Out(shape_of(rated_format(learning, own.delta.format))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the stages in order."""
        m = Module()
        own, curve = self._own, self._layer.curve
        m.submodules.slope = slope = Slope(curve, own.derivative)
        m.d.comb += slope.i.eq(self.value)
        error, waited = self.error, 0
        if self._exact is not None:
            m.submodules.into_error = into_error = Requantize(self._exact, own.error)
            m.d.comb += [into_error.en.eq(1), into_error.i.eq(self.error)]
            error, waited = into_error.o, into_error.latency
        error = delayed(m, error, slope.latency - waited, name="error", attrs=APART)
        product = own.error.format * slope_format(curve, own.derivative)
        m.submodules.into_delta = into_delta = Requantize(product, own.delta)
        m.d.comb += [
            into_delta.en.eq(1),
            into_delta.i.eq(
                delayed(m, error * slope.o, timing.PRODUCT, name="product", shape=shape_of(product))
            ),
        ]
        delta, since = into_delta.o, timing.PRODUCT + into_delta.latency
        factor, _ = rate_factor(self._learning)
        rated = delta
        if factor != 1:
            operand = delayed(m, delta, timing.OPERANDS, name="delta")
            rated = delayed(m, operand * factor, timing.PRODUCT, name="rated")
            rest = timing.OPERANDS + timing.PRODUCT
            delta, since = delayed(m, delta, rest, name="delta_beside_rated"), since + rest
        if self._learning.rule == "book":
            carried = delayed(m, error, since, name="error_beside_delta")
        else:
            carried = delta
        m.d.comb += [self.carried.eq(carried), self.rated.eq(rated)]
        return m


def carried_format(learning: Learning, number: int) -> Format:
    """Return the format of what a layer carries back."""
    own = learning.layers[number]
    return own.error.format if learning.rule == "book" else own.delta.format
