"""One lane of a layer: the path of a neuron from operands to output."""

from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, Out

from bittrue.model.shape import Layer

from . import timing
from .curve import Curve
from .mac import Mac
from .requantize import Requantize
from .shapes import lanes_of, shape_of


class Neuron(Component):
    """Multiply-accumulate, requantize, curve: a pipeline with one clock enable.

    Parameters
    ----------
    layer : Layer
        Formats and curve.
    simd : int
        Products a cycle.

    Members
    -------
    en, first, weights, inputs, bias
        As in `Mac`.
    accumulator : Out(accumulator format)
        The running sum.
    preactivation : Out(pre-activation format)
        The sum, requantized.
    preactivation_inexact, preactivation_overflowed : Out(1)
        What that requantization lost.
    output : Out(output format)
        The curve of it.
    output_inexact, output_overflowed : Out(1)
        What the curve's requantization lost.

    Attributes
    ----------
    bias_delay : int
        Enabled cycles from ``first`` to the cycle that reads the bias.
    latency : int
        Enabled cycles from the last operands to the output. Initiation interval: as many cycles
        as a neuron has beats of inputs.
    """

    def __init__(self, layer: Layer, simd: int) -> None:
        self._layer, self._simd = layer, simd
        self.bias_delay = timing.bias_delay(simd)
        self.latency = timing.mac(simd) + timing.REQUANTIZE + timing.curve(layer.curve)
        ports = {
            "en": In(1),
            "first": In(1),
            "weights": In(lanes_of(layer.weight.format, simd)),
            "inputs": In(lanes_of(layer.input.format, simd)),
            "accumulator": Out(shape_of(layer.accumulator)),
        }
        if layer.bias is not None:
            ports["bias"] = In(shape_of(layer.bias.format))
        for stage, format in (
            ("preactivation", layer.preactivation.format),
            ("output", layer.output.format),
        ):
            ports |= {
                stage: Out(shape_of(format)),
                f"{stage}_inexact": Out(1),
                f"{stage}_overflowed": Out(1),
            }
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        """Connect the three stages."""
        m = Module()
        layer = self._layer
        bias = layer.bias.format if layer.bias else None
        m.submodules.mac = mac = Mac(
            layer.weight.format, layer.input.format, layer.accumulator, self._simd, bias
        )
        m.submodules.requantize = requantize = Requantize(layer.accumulator, layer.preactivation)
        m.submodules.curve = curve = Curve(layer.curve)
        m.d.comb += [
            mac.en.eq(self.en),
            mac.first.eq(self.first),
            mac.weights.eq(self.weights),
            mac.inputs.eq(self.inputs),
            self.accumulator.eq(mac.o),
        ]
        if bias is not None:
            m.d.comb += mac.bias.eq(self.bias)
        before = mac.o
        for name, stage in (("preactivation", requantize), ("output", curve)):
            m.d.comb += [
                stage.en.eq(self.en),
                stage.i.eq(before),
                getattr(self, name).eq(stage.o),
                getattr(self, f"{name}_inexact").eq(stage.inexact),
                getattr(self, f"{name}_overflowed").eq(stage.overflowed),
            ]
            before = stage.o
        return m
