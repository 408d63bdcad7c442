"""Faults planted in the hardware's source, by name."""

import inspect
from dataclasses import dataclass
from types import ModuleType

from amaranth.hdl import Const, Signal

from bittrue.hdl import (
    buffer,
    curve,
    delta,
    layer,
    layer_trainer,
    lfsr,
    mac,
    network,
    requantize,
    timing,
    trainer,
    update,
    weights,
)
from bittrue.hdl.layer_trainer import LayerTrainer


@dataclass(frozen=True)
class Fault:
    """A text of a module's source in place of another."""

    name: str
    module: ModuleType
    old: str
    new: str


def plant(monkeypatch, fault):
    """Let the components of a module be as its source would have them with a fault."""
    source = inspect.getsource(fault.module)
    assert source.count(fault.old) == 1, fault.name
    namespace = {**vars(fault.module)}
    exec(source.replace(fault.old, fault.new), namespace)
    for name, kind in vars(fault.module).items():
        if inspect.isclass(kind) and kind.__module__ == fault.module.__name__:
            for attribute, method in vars(namespace[name]).items():
                if inspect.isfunction(method) and attribute != "__init__":
                    monkeypatch.setattr(kind, attribute, method)


def plant_standstill(monkeypatch):
    """Let a buffer never say that it holds a sample."""
    elaborate = buffer.SampleBuffer.elaborate

    def stuck(self, platform):
        m = elaborate(self, platform)
        m.d.comb += self.available.eq(0)
        return m

    monkeypatch.setattr(buffer.SampleBuffer, "elaborate", stuck)


LAST_SEGMENT = Fault(
    "the last segment is an LSB too high",
    curve,
    "choose([code >> common for code in intercepts], ",
    "choose([(c >> common) + (c == intercepts[-1]) for c in intercepts], ",
)

ROW_GOES_ON = Fault(
    "the row does not begin again",
    layer,
    "row.eq(Mux(self.release, 0, row + 1))",
    "row.eq(row + 1)",
)

PIPELINE_FULL = Fault(
    "a reset leaves the pipeline full", layer, "reset_less=False", "reset_less=True"
)

FIRST_DROPPED = Fault("first is dropped", mac, "with m.If(first[-1]):", "with m.If(0):")

REQUANTIZE = [
    Fault("ties are never rounded up", requantize, "half & (odd | rest)", "half & rest"),
    Fault(
        "the most negative code is inside",
        requantize,
        "outside |= sign & ~rounded[:magnitude_bits].any()",
        "pass",
    ),
    Fault(
        "overflow by one bit is not seen",
        requantize,
        "above = rounded[magnitude_bits:]",
        "above = rounded[magnitude_bits + 1 :]",
    ),
    Fault("the enable is lost", requantize, "name=name, en=self.en)", "name=name)"),
    Fault("a register is left out", requantize, 'self._held(m, fitted, "fitted")', "fitted"),
]

CURVE = [
    Fault(
        "the most negative code has no magnitude",
        curve,
        "magnitude[: len(self.i)]",
        "Cat(magnitude[: len(self.i) - 1], Const(0))",
    ),
    Fault(
        "segments start late",
        curve,
        'self._held(m, _looked_up(cell, cells.splits), "split")',
        'self._held(m, _looked_up(cell, [s + (s & -s) for s in cells.splits]), "split")',
    ),
    LAST_SEGMENT,
    Fault("rounding before the mirror", curve, "carry = increment ^ negative", "carry = negative"),
    Fault("the enable is lost", curve, "name=name, en=self.en)", "name=name)"),
]

NEURON = [
    FIRST_DROPPED,
    Fault(
        "a guard bit of the tree is missing",
        mac,
        "register(a + b, ",
        "register((a + b)[:-1].as_signed(), ",
    ),
    Fault(
        "the largest product wraps around",
        mac,
        "register(w * x, ",
        "register((w * x)[:-1].as_signed(), ",
    ),
    Fault("the bias is left out", mac, "self.o.eq(start + term)", "self.o.eq(term)"),
    Fault("the enable is lost", mac, "name=name, en=self.en)", "name=name)"),
]

NETWORK = [
    PIPELINE_FULL,
    Fault(
        "a reset leaves the write bank",
        buffer,
        "write_bank, read_bank = Signal(), Signal()",
        "write_bank, read_bank = Signal(reset_less=True), Signal()",
    ),
    LAST_SEGMENT,
    Fault("padding lanes show", layer, "Mux(real, neuron.output, 0)", "neuron.output"),
    Fault(
        "the bias of another fold",
        layer,
        "memory.fold.eq(tags[at_bias].fold)",
        "memory.fold.eq(tags[at_bias + 1].fold)",
    ),
    ROW_GOES_ON,
    Fault(
        "weights a cycle early",
        weights,
        'row = delayed(m, row, 1, name="weight_row", en=self.en)',
        "pass",
    ),
    Fault(
        "never ready again",
        network,
        "m.d.comb += intake.hold.eq(self.hold | self.idle | loader.busy)",
        "m.d.comb += intake.hold.eq(~self.idle)",
    ),
]

BUFFER = [
    Fault("a third sample is taken", buffer, "(held_next < 2) & ~self.hold", "~self.hold"),
    Fault("hold is not heard", buffer, "(held_next < 2) & ~self.hold", "held_next < 2"),
    Fault("a missing last is forgotten", buffer, "sync += lost.eq(1)", "sync += position.eq(0)"),
    Fault("lost for ever", buffer, "[position.eq(0), lost.eq(0)]", "position.eq(0)"),
    Fault(
        "a reset leaves the count",
        buffer,
        "held, held_next = Signal(range(3)), Signal(range(3))",
        "held, held_next = Signal(range(3), reset_less=True), Signal(range(3))",
    ),
    Fault("the read does not wait", buffer, "read.en.eq(self.en)", "read.en.eq(1)"),
]

CONVERTER = [
    Fault("ready too long", buffer, "next_count + largest <= capacity", "next_count < capacity"),
    Fault(
        "the last beat is not filled up",
        buffer,
        "Mux(self.i.payload.last, self._steps_last, self._steps_in)",
        "self._steps_in",
    ),
    Fault("valid a lane late", buffer, "count >= self._steps_out", "count > self._steps_out"),
    Fault("last is never lowered", buffer, "Mux(self.o.payload.last, 0, beat + 1)", "beat + 1"),
    Fault(
        "a reset leaves the count",
        buffer,
        "(Signal(range(capacity + 1)) for _ in range(3))",
        "(Signal(range(capacity + 1), reset_less=True) for _ in range(3))",
    ),
]

STALLS = [
    Fault("operands do not wait", layer, 'name="inputs", en=self.en)', 'name="inputs")'),
    Fault("counters do not wait", layer, "m.If(self.en & self.available)", "m.If(self.available)"),
    Fault(
        "counters wait for nothing",
        layer,
        "m.If(self.en & self.available)",
        "m.If(self.en & self.available & (self.o.ready | self.o.valid))",
    ),
    Fault("valid is not held", layer, "~self.o.valid | self.o.ready", "1"),
    Fault("the row read does not wait", weights, "read.en.eq(self.en)", "read.en.eq(1)"),
]

START = [
    PIPELINE_FULL,
    Fault(
        "a reset leaves the fold",
        layer,
        "fold = Signal(index_below(folds))",
        "fold = Signal(index_below(folds), reset_less=True)",
    ),
]

SAMPLE = [
    Fault(
        "a sample is released a beat early",
        layer,
        "self.en & issue.word & issue.last_fold",
        "self.en & self.available & (self.address == beats - 2) & issue.last_fold",
    ),
    ROW_GOES_ON,
    FIRST_DROPPED,
    LAST_SEGMENT,
]

IDLE = [Fault("a word without a sample", layer, "self.available & issue.tail", "issue.tail")]

TRAINING = [
    Fault(
        "a sample is taken in behind a lesson",
        trainer,
        "self.hold.eq(self.busy | (self.committed & self.train))",
        "self.hold.eq(self.busy)",
    ),
    Fault(
        "a reset leaves the place of inputs",
        layer_trainer,
        "position = Signal(index_below(folding.input_folds))",
        "position = Signal(index_below(folding.input_folds), reset_less=True)",
    ),
    Fault(
        "the largest error wraps around",
        trainer,
        "(t - y)[: exact_error(format).width]",
        "(t - y)[: exact_error(format).width - 1].as_signed()",
    ),
    Fault(
        "rows are written back a cycle early",
        layer_trainer,
        "at_end = visits[timing.WEIGHTS + timing.UPDATE]",
        "at_end = visits[timing.WEIGHTS + timing.UPDATE - 1]",
    ),
    Fault("padding draws too", lfsr, "Mux(self.last, ends[1], ends[0])", "ends[0]"),
    Fault("deltas are carried in place of errors", delta, '.rule == "book":', '.rule != "book":'),
    Fault("ties of updates are never even", update, "Rounding(rounding))", "Rounding.RND)"),
]


class OffAtStep57(LayerTrainer):
    """One weight of one layer is an LSB too large after the 57th step, or another."""

    STEP, LAYER, ROW = 57, 1, 7

    def _change(self, m, visits, kept, inputs):
        at_end = visits[timing.WEIGHTS + timing.UPDATE]
        steps = Signal(8, name="steps")
        with m.If(at_end.valid & at_end.last & at_end.last_beat):
            m.d.sync += steps.eq(steps + 1)
        here = self._number == self.LAYER
        self._off = (steps == self.STEP - 1) & (at_end.row == self.ROW) if here else Const(0)
        super()._change(m, visits, kept, inputs)

    def _changed(self, *arguments, **options):
        return super()._changed(*arguments, **options) + self._off
