"""Named faults: mistakes that people make, planted in the source while a netlist is made of it.

A fault changes a few words of one module. The module's functions are compiled anew with them, and
run in the place of the true ones until the netlist is there; no file is written.
"""

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FunctionType, ModuleType

from amaranth.back import rtlil

from bittrue.hdl import (
    address,
    buffer,
    curve,
    layer,
    loader,
    mac,
    network,
    requantize,
    watch,
    weights,
)
from bittrue.hdl.machine import Machine
from bittrue.hdl.network import Network
from bittrue.model.curves import Curve, Segment
from bittrue.model.exceptions import BittrueError

from .mutants import TOP


@dataclass(frozen=True)
class Fault:
    """A mistake in the source.

    Members
    -------
    name : str
        What it is called.
    what : str
        What goes wrong.
    module : ModuleType
        Where.
    was, becomes : str
        The words, which stand there once, and what is put in their place.
    """

    name: str
    what: str
    module: ModuleType
    was: str
    becomes: str


FAULTS = (
    Fault(
        "rounding mode, down",
        "ties to even are rounded down",
        requantize,
        "half & (odd | rest)",
        "half & rest",
    ),
    Fault(
        "rounding mode, up",
        "ties to even are rounded up",
        requantize,
        "half & (odd | rest)",
        "half",
    ),
    Fault(
        "overflow mode",
        "sums that leave the range wrap",
        requantize,
        "return Mux(overflowed, Mux(negative, low, target.max_code), low_bits)",
        "return low_bits",
    ),
    Fault(
        "saturation, sign",
        "negative sums saturate at the largest code",
        requantize,
        "Mux(negative, low, target.max_code)",
        "target.max_code",
    ),
    Fault(
        "overflow, largest code",
        "the bit above the largest code is not looked at",
        requantize,
        "above = rounded[magnitude_bits:]",
        "above = rounded[magnitude_bits + 1 :]",
    ),
    Fault(
        "guard bit",
        "the accumulator has one bit less",
        mac,
        "m.d.sync += self.o.eq(self.o + term)",
        "m.d.sync += self.o.eq((self.o + term)[: len(self.o) - 1].as_signed())",
    ),
    Fault(
        "sign",
        "weights are multiplied as if unsigned",
        mac,
        "register(w * x, ",
        "register(w.as_unsigned() * x, ",
    ),
    Fault(
        "dropped first",
        "a dot product goes on from the sum before",
        layer,
        "neuron.first.eq(tags[self._timing.operands].first)",
        "neuron.first.eq(0)",
    ),
    Fault(
        "first, one late",
        "a dot product starts anew one product late",
        layer,
        "neuron.first.eq(tags[self._timing.operands].first)",
        "neuron.first.eq(tags[self._timing.operands + 1].first)",
    ),
    Fault(
        "> for >= (split cells)",
        "a segment begins one code late",
        curve,
        "[skip : cells.low_bits] < split[skip:]",
        "[skip : cells.low_bits] <= split[skip:]",
    ),
    Fault(
        "> for >= (comparators)",
        "a segment begins one code late",
        curve,
        "_reaches(z, start) for start",
        "_reaches(z, start + 1) for start",
    ),
    Fault(
        "mirror",
        "the curve of negative codes is not mirrored",
        curve,
        "mirror = Mux(negative, Const(self._table.mirror, len(value)), 0)",
        "mirror = Const(0, len(value))",
    ),
    Fault(
        "lost stall",
        "a layer moves on while its output waits",
        layer,
        "self.en.eq(~self.o.valid | self.o.ready)",
        "self.en.eq(1)",
    ),
    Fault(
        "lost stall, buffer",
        "a third sample is taken where two have room",
        buffer,
        "self.i.ready.eq((held_next < 2) & ~self.hold)",
        "self.i.ready.eq((held_next < 3) & ~self.hold)",
    ),
    Fault(
        "latency + 1",
        "a requantized code comes one cycle late",
        requantize,
        'self.o.eq(self._held(m, fitted, "fitted"))',
        'self.o.eq(self._held(m, self._held(m, fitted, "late"), "fitted"))',
    ),
    Fault(
        "latency - 1",
        "output beats are valid one cycle early",
        layer,
        "self.o.valid.eq(tags[-1].word)",
        "self.o.valid.eq(tags[-2].word)",
    ),
    Fault(
        "framing, early last",
        "a sample that ended early is taken for whole",
        buffer,
        "self.committed.eq(taken & last & at_end & ~lost)",
        "self.committed.eq(taken & last & ~lost)",
    ),
    Fault(
        "framing, missing last",
        "the beats behind a missing last count as a sample",
        buffer,
        "self.committed.eq(taken & last & at_end & ~lost)",
        "self.committed.eq(taken & last & at_end)",
    ),
    Fault(
        "framing, not sticky",
        "a framing error is forgotten",
        network,
        "self.framing_error.eq(self.framing_error | intake.misframed)",
        "self.framing_error.eq(intake.misframed)",
    ),
    Fault(
        "bank",
        "every sample is written to the same bank",
        buffer,
        "m.d.sync += write_bank.eq(~write_bank)",
        "m.d.sync += write_bank.eq(write_bank)",
    ),
    Fault(
        "reset, position",
        "reset leaves the place in a sample",
        buffer,
        "position = Signal(index_below(self._beats))",
        "position = Signal(index_below(self._beats), reset_less=True)",
    ),
    Fault(
        "reset, tags",
        "reset leaves words in the pipeline",
        layer,
        "en=self.en, reset_less=False, shape=layout",
        "en=self.en, reset_less=True, shape=layout",
    ),
    Fault(
        "row",
        "weights are read one row behind",
        layer,
        "memory.row.eq(row),",
        "memory.row.eq(Mux(row == 0, 0, row - 1)),",
    ),
    Fault(
        "write mask",
        "reads of the load port write too",
        weights,
        "write = at.asked & at.write & self.loading",
        "write = at.asked & self.loading",
    ),
    Fault(
        "hold",
        "the network is idle though samples are under way",
        network,
        "self.idle.eq(self.hold & ~self.i.ready & (in_flight == 0))",
        "self.idle.eq(self.hold & ~self.i.ready)",
    ),
    Fault(
        "load while busy",
        "samples are taken before the last write is done",
        network,
        "intake.hold.eq(self.hold | self.idle | loader.busy)",
        "intake.hold.eq(self.hold | self.idle)",
    ),
    Fault(
        "load, two reads",
        "a read is taken before the one before it is answered",
        loader,
        "self.request.ready.eq(self.open & ~waiting_next)",
        "self.request.ready.eq(self.open)",
    ),
    Fault(
        "<= for <",
        "an input behind the last is taken for one",
        address,
        "request.input < folding.inputs",
        "request.input <= folding.inputs",
    ),
    Fault(
        "counter, saturation",
        "a full counter starts again at zero",
        watch,
        "m.d.sync += count.eq(Mux(total[self._bits :].any(), (1 << self._bits) - 1, total))",
        "m.d.sync += count.eq(total)",
    ),
    Fault(
        "counter, clear",
        "counts are not cleared",
        watch,
        "m.d.sync += count.eq(0)",
        "m.d.sync += count.eq(total)",
    ),
    Fault(
        "sample number",
        "words are numbered by beats, not by samples",
        watch,
        "with m.If(self.probe.valid & last):",
        "with m.If(self.probe.valid):",
    ),
)
"""Mistakes in the source; tables have more, see `table_faults`."""


@contextmanager
def planted(fault: Fault) -> Iterator[None]:
    """Run a module's functions with a fault in them while a block lasts.

    Raises
    ------
    BittrueError
        If the words that become others do not stand there once.
    """
    source = inspect.getsource(fault.module)
    if source.count(fault.was) != 1:
        raise BittrueError(
            f"{fault.was!r} must stand once in {fault.module.__name__}, "
            f"got it {source.count(fault.was)} times"
        )
    changed = ModuleType(fault.module.__name__)
    changed.__dict__.update(__package__=fault.module.__package__, __file__=fault.module.__file__)
    with _in_place(changed):
        exec(compile(source.replace(fault.was, fault.becomes), fault.name, "exec"), vars(changed))
    twins = _functions(changed)
    kept = {
        name: (function, function.__code__) for name, function in _functions(fault.module).items()
    }
    for name, (function, code) in kept.items():
        if twins[name].__code__.co_code != code.co_code or not _alike(twins[name], function):
            function.__code__ = twins[name].__code__
    try:
        yield
    finally:
        for function, code in kept.values():
            function.__code__ = code


@contextmanager
def _in_place(module: ModuleType) -> Iterator[None]:
    """Let a module stand under its name, for what looks there while it is made."""
    before = sys.modules[module.__name__]
    sys.modules[module.__name__] = module
    try:
        yield
    finally:
        sys.modules[module.__name__] = before


def _alike(a: FunctionType, b: FunctionType) -> bool:
    return a.__code__.co_consts == b.__code__.co_consts


def _functions(module: ModuleType) -> Mapping[str, FunctionType]:
    """Return a module's own functions and methods by name."""
    found: dict[str, FunctionType] = {}
    for name, value in vars(module).items():
        if getattr(value, "__module__", None) != module.__name__:
            continue
        members = vars(value).items() if isinstance(value, type) else [("", value)]
        for member, part in members:
            if isinstance(part, FunctionType):
                found[f"{name}.{member}"] = part
    return found


def table_faults(machine: Machine) -> dict[str, Machine]:
    """Return machines with a fault in a curve's table, by name.

    One number is one LSB off; or all segments begin one code late, as with > for >=.
    """
    found: dict[str, Machine] = {}
    for number, shape in enumerate(machine.shape.layers):
        at, table = f"layer {number}", shape.curve
        late = [row._replace(start=row.start + (n > 0)) for n, row in enumerate(table.segments)]
        tables = {f"> for >=, {at}": _with(table, late)}
        for row, segment in enumerate(table.segments):
            for part in segment._fields[row == 0 :]:
                for step in (1, -1):
                    rows = list(table.segments)
                    rows[row] = segment._replace(**{part: getattr(segment, part) + step})
                    name = f"table, {at}, {part} of segment {row}, {step:+d} LSB"
                    tables[name] = _with(table, rows)
        for name, changed in tables.items():
            if changed is not None and changed != table:
                layers = list(machine.shape.layers)
                layers[number] = replace(shape, curve=changed)
                found[name] = replace(machine, shape=replace(machine.shape, layers=tuple(layers)))
    return found


def _with(table: Curve, rows: Sequence[Segment]) -> Curve | None:
    """Return a table with other rows, or None where they make none."""
    try:
        return replace(table, segments=tuple(rows))
    except BittrueError:
        return None


def rtlil_of(machine: Machine) -> str:
    """Return a machine as RTLIL."""
    text: str = rtlil.convert(Network(machine), name=TOP, emit_src=False)
    return text
