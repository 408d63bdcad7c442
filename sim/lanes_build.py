"""Builds the library of a machine's lanes: netlist, C source, compiler."""

import os
import shlex
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, Module, Value
from amaranth.utils import ceil_log2

from bittrue.hdl import timing
from bittrue.hdl.machine import Machine
from bittrue.hdl.network import Network, stages_of, trace_name
from bittrue.hdl.watch import trace_layout
from bittrue.model.build import built, compiler_identity, find_compiler, run_tool, taken_by
from bittrue.model.exceptions import BittrueError

from . import tools
from .dut import package_text
from .fingerprint import code_fingerprint
from .lanes_code import Source
from .lanes_cut import read_netlist
from .lanes_netlist import Netlist, yosys_netlist
from .lanes_ranges import storage
from .stimulus import load_width
from .words import CHUNK

LANES = (64, 32, 16, 8)
"""Samples side by side that are chosen among."""

FAST_BYTES = 1 << 19
"""State that is taken to stay in a core's own caches."""

FLAGS = (
    *("-O1", "-ftree-vectorize", "-march=native", "-fwrapv"),
    *("-fPIC", "-shared", "-fvisibility=hidden", "-std=gnu11"),
)
"""Options of the C compiler. The vectoriser is what counts: more of -O3 was measured to cost three
times the build and to bring nothing."""

FLAGS_VARIABLE = "CFLAGS"

PARTS = (
    "build",
    "cells",
    "code",
    "cut",
    "loops",
    "netlist",
    "outline",
    "operations",
    "plan",
    "ranges",
    "state",
    "values",
)
"""Files ``lanes_*.py`` that a build depends on."""

HANDSHAKES = ("i__ready", "o__valid", "load__ready", "idle", "framing_error")
"""Ports that must not depend on what the samples are."""


def lanes_for(machine: Machine) -> int:
    """Return how many samples side by side suit a machine: its state is to stay in the caches."""
    one = 0
    for layer, folding in machine.parts:
        words = 2 << ceil_log2(folding.input_folds)
        one += words * folding.simd * storage(layer.input.format.width) // 8
        one += 8 * folding.pe * timing.LayerTiming.of(layer, folding).output
    return next((lanes for lanes in LANES[:-1] if one * lanes <= FAST_BYTES), LANES[-1])


def lanes_library(machine: Machine, lanes: int | None = None) -> Path:
    """Return a machine's library, compiled once.

    Parameters
    ----------
    machine : Machine
        What is built.
    lanes : int, optional
        Samples side by side; as `lanes_for` has it where not given.

    Raises
    ------
    ToolMissing
        If there is no C compiler or no Yosys.
    BittrueError
        If one of them fails, the netlist holds what is not known, or control depends on data.
    """
    compiler, lanes = find_compiler("c"), lanes or lanes_for(machine)
    header, texts = package_text("lanes.h"), [package_text(f"lanes_{name}.py") for name in PARTS]

    def make(folder: Path) -> None:
        (folder / "lanes.h").write_text(header, encoding="utf-8")
        (folder / "lanes.c").write_text(lanes_source(machine, lanes), encoding="utf-8")
        run_tool([*compiler, *taken_by(compiler, flags), "lanes.c", "-o", "lanes.so"], folder)

    flags = [*FLAGS, *shlex.split(os.environ.get(FLAGS_VARIABLE, ""))]
    parts = [machine.digest, str(lanes), code_fingerprint(), header, *texts, *flags]
    parts += [str(tools.yosys().version()), compiler_identity(tuple(compiler))]
    return built("lanes", parts, make) / "lanes.so"


def lanes_source(machine: Machine, lanes: int) -> str:
    """Return the C source of a machine's model with its driver."""
    fields = _fields(machine)
    netlist = read_netlist(yosys_netlist(_rtlil(machine), "network"), fields)
    logs = _logs(machine)
    shown = {
        "o__payload": (netlist.outputs["o__valid"][0], netlist.input("o__ready")),
        **{port: (netlist.outputs[port][0],) for port, _ in logs[1:]},
        **({"count": (None,)} if machine.counters != "none" else {}),
    }
    first, last = machine.foldings[0], machine.foldings[-1]
    source = Source(netlist, {"i__payload": [True] * first.simd + [False]}, shown, lanes)
    _check_control(source, netlist, [port for port, _ in logs[1:]])
    lines = [
        source.text(),
        f"#define SIMD {first.simd}",
        f"#define BEATS {first.input_folds}",
        f"#define INPUTS {first.inputs}",
        f"#define FIELDS {len(fields['load__payload'])}",
        f"#define LOGS {len(logs)}",
        f"#define LAST {last.pe}",
        f"typedef int{32 if fields['i__payload'][0] <= 32 else 64}_t code;",
        *(["#define COUNTED"] if machine.counters != "none" else []),
        '#include "lanes.h"',
        "static void note(driver *d)",
        "{",
        "    const model *m = &d->m;",
    ]
    for number, (port, condition) in enumerate(logs):
        pieces = len(netlist.outputs[port])
        lines.append(f"    if ({condition}) record(d, {number}, &m->Y_{port}[0][0], {pieces});")
    return "\n".join([*lines, "}"]) + "\n"


def _rtlil(machine: Machine) -> str:
    """Return a network as RTLIL, its registers without a reset.

    No test bench pulls the reset: what starts a simulation are the words at power-up.
    """
    network = Network(machine)
    m = Module()
    m.domains.sync = domain = ClockDomain("sync", reset_less=True)
    m.submodules.network = network
    ports = [domain.clk, *(Value.cast(port) for _, _, port in network.signature.flatten(network))]
    text: str = rtlil.convert(m, name="network", ports=ports, emit_src=False)
    return text


def _fields(machine: Machine) -> dict[str, list[int]]:
    """Return how the ports of a machine's network are cut: into codes, and what goes with them."""
    (first, into), (last, out) = machine.parts[0], machine.parts[-1]
    load = load_width(machine)
    fields = {
        "i__payload": [first.input.format.width] * into.simd + [1],
        "o__payload": [last.output.format.width] * out.pe + [1],
        "load__payload": [min(CHUNK, load - low) for low in range(0, load, CHUNK)],
    }
    for number, stage, format, folding in stages_of(machine) if machine.trace else ():
        *others, _ = (field.width for _, field in trace_layout(format, folding))
        fields[trace_name(number, stage)] = [*others, *[format.width] * folding.pe]
    return fields


def _logs(machine: Machine) -> list[tuple[str, str]]:
    """Return the ports that are written down, each with the condition for it."""
    stages = stages_of(machine) if machine.trace else ()
    traces = (trace_name(number, stage) for number, stage, _, _ in stages)
    output = ("o__payload", "m->y_o__valid[0] & m->x_o__ready[0]")
    return [output, *((name, f"m->y_{name}[0]") for name in traces)]


def _check_control(source: Source, netlist: Netlist, traces: list[str]) -> None:
    control = {name: netlist.outputs[name][0] for name in (*HANDSHAKES, *traces)}
    control["o__payload"] = netlist.outputs["o__payload"][-1]
    for name, operand in control.items():
        if not source.plan.scalar(operand):
            raise BittrueError(f"the control of a network must not depend on its data, got {name}")
