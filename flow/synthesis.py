"""Synthesis: from Verilog to what it takes on a device, and how fast it is there."""

import gzip
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from bittrue.hdl.curve_alone import CurveAlone
from bittrue.hdl.machine import Machine
from bittrue.hdl.netlist import to_verilog
from bittrue.hdl.network import Network
from bittrue.model.build import built
from bittrue.model.curves import Curve

from .console import Told
from .families import TARGETS, Target, target_of
from .mapped import Resources, Timing, resources_of, timing_of
from .wasm import Note, run_wasm, tool_version

SCOPES = "scopes.txt"
CELLS = "cells.json"
NETLIST = "netlist.json"
REPORT = "report.json"
KEEP = "setattr -set keep 1 a:keep=1 %ci:+$dff[Q] t:$dff %i"
"""Yosys merges registers whose wires are marked ``keep``, but not cells that are."""


@dataclass(frozen=True)
class Synthesis:
    """What was found for one family.

    Parameters
    ----------
    target : str
        Of `TARGETS`.
    flags : dict
        Command or flags by tool.
    tools : list of str
        Packages with their versions.
    resources : Resources
        After synthesis.
    timing : Timing or None
        After place and route, where that was asked for and is possible.
    """

    target: str
    flags: Mapping[str, str]
    tools: Sequence[str]
    resources: Resources
    timing: Timing | None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**asdict(self), "title": TARGETS[self.target].title}


class Source(NamedTuple):
    """What is synthesised.

    Members
    -------
    verilog : str
        Its text; the clock is named ``clk``.
    top : str
        Name of the top module.
    """

    verilog: str
    top: str


def synthesize(
    source: Source,
    target: str,
    *,
    seeds: Iterable[int] = (1,),
    dsp: bool = True,
    timeout: float | None = None,
    note: Note | None = None,
    told: Told | None = None,
) -> Synthesis:
    """Synthesise, place and route, or find it done.

    Parameters
    ----------
    source : Source
        From `network_source` or `curve_source`.
    target : str
        One of `TARGETS`.
    seeds : iterable of int
        For which it is placed; none for resources only.
    dsp : bool
        Whether hard multipliers may be used.
    timeout : float, optional
        Seconds for each run of a tool.
    note : callable, optional
        Told what a person who waits should know.
    told : callable, optional
        Told runs done, and of how many.

    Raises
    ------
    ToolMissing
        If a tool is not installed.
    BittrueError
        If the target is unknown, or a tool fails or runs out of time.
    """
    family = target_of(target)
    chosen = sorted(set(seeds)) if family.place else []
    used = ["yosys", *([family.place] if family.place and chosen else [])]
    tools = [tool_version(tool) for tool in used]
    told = told or _untold
    total = 1 + len(chosen)
    told(0, total, f"{target}: yosys")
    script = script_of(family, source.top, dsp=dsp)
    folder = _mapped(source.verilog, script, timeout, note)
    reports = {}
    for done, seed in enumerate(chosen, 1):
        told(done, total, f"{target}: {family.place}, seed {seed}")
        reports[seed] = _placed(folder, family, seed, timeout, note)
    told(total, total, "")
    flags = {"yosys": script}
    if family.place and chosen:
        flags[family.place] = " ".join(family.place_flags)
    scopes = (folder / SCOPES).read_text(encoding="utf-8").split()
    return Synthesis(
        target,
        flags,
        tools,
        resources_of(_read(folder / CELLS), family),
        timing_of(reports, scopes, source.top) if reports else None,
    )


def script_of(family: Target, top: str, *, dsp: bool) -> str:
    """Return what Yosys is told."""
    words = [family.synth, *([] if dsp or not family.no_dsp else [family.no_dsp]), "-top", top]
    return (
        f"read_verilog design.v; hierarchy -top {top}; proc; flatten; {KEEP}; "
        f"{' '.join(words)}; tee -q -o {CELLS} stat -json; "
        f"tee -q -o {SCOPES} select -list t:$scopeinfo; write_json {NETLIST}"
    )


def _mapped(verilog: str, script: str, timeout: float | None, note: Note | None) -> Path:
    """Return the folder of a netlist, its cells and its scopes."""

    def make(folder: Path) -> None:
        (folder / "design.v").write_text(verilog, encoding="utf-8")
        run_wasm("yosys", ["-q", "-p", script], folder, timeout=timeout, note=note)
        netlist = folder / NETLIST
        with gzip.open(folder / f"{NETLIST}.gz", "wb", compresslevel=4) as packed:
            packed.write(netlist.read_bytes())
        netlist.unlink()

    return built("synth", [verilog, script, tool_version("yosys")], make)


def _placed(
    mapped: Path, family: Target, seed: int, timeout: float | None, note: Note | None
) -> dict[str, Any]:
    """Return nextpnr's report for one seed."""
    tool = str(family.place)
    flags = [*family.place_flags, "--seed", str(seed)]

    def make(folder: Path) -> None:
        netlist = gzip.decompress((mapped / f"{NETLIST}.gz").read_bytes())
        (folder / NETLIST).write_bytes(_inside(netlist) if family.inside_only else netlist)
        files = ["--json", NETLIST, "--report", REPORT]
        run_wasm(tool, [*flags, *files], folder, timeout=timeout, note=note)
        (folder / NETLIST).unlink()

    parts = [mapped.name, *flags, str(family.inside_only), tool_version(tool)]
    return _read(built("place", parts, make) / REPORT)


def _inside(netlist: bytes) -> bytes:
    """Return a netlist whose only port is the clock."""
    tree = json.loads(netlist)
    for module in tree["modules"].values():
        module["ports"] = {name: port for name, port in module["ports"].items() if name == "clk"}
    return json.dumps(tree).encode()


def _read(file: Path) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return tree


def _untold(done: int, total: int, note: str = "") -> None:
    """Show nothing."""


def network_source(machine: Machine) -> Source:
    """Return a machine as what to synthesise: its weights are writable, and 0 at power-up."""
    return Source(unindexed(to_verilog(Network(machine), "network")), "network")


def curve_source(table: Curve, *, registers: bool = True) -> Source:
    """Return a curve alone as what to synthesise, pipelined or without registers."""
    alone = CurveAlone(table, registers=registers)
    return Source(unindexed(to_verilog(alone, "curve_alone")), "curve_alone")


def unindexed(verilog: str) -> str:
    """Return Verilog in which no name holds brackets, as that of ``words[0]``.

    Yosys takes that name for bit 0 of ``words`` where it maps to look-up tables, and fails where
    both are there.
    """
    return re.sub(r"\\\S+", lambda name: name[0].replace("[", "(").replace("]", ")"), verilog)
