"""Synthesis, estimates, proofs and quantization in a report."""

from collections.abc import Iterator, Mapping
from typing import Any

from bittrue.sim.equal import Status

from .report_page import Cell, Facts, Figure, Figures, Group, Line, Section, Table
from .report_results import Stored
from .report_schema import QuantizeResult
from .report_schema_many import (
    EstimateResult,
    ProveResult,
    SynthResult,
    TargetFound,
    TimingFound,
)
from .report_svg import MARGIN, WIDTH, Drawing, number
from .report_tensors import tensor_groups
from .report_verify import configuration, said
from .synth_report import HEADINGS, KINDS

STEP = 40.0
"""Pixels for a component of a critical path."""


def synth_section(anchor: str, stored: Stored, found: SynthResult) -> Section:
    """Return what synthesis found as a section."""
    rows = []
    for one in found.targets:
        figures = [f"{getattr(one.resources, kind):g}" for kind in KINDS]
        rows.append([one.target, *figures, "–" if one.timing is None else f"{one.timing.fmax:.1f}"])
    blocks: list[Any] = [Table("Resources", ("target", *HEADINGS), rows)]
    for one in found.targets:
        blocks += _target(one)
    part = "network" if found.layer is None else f"curve of layer {found.layer}"
    title = f"Synthesis of the {part}, design {found.design[:12]}"
    about = [("result", stored.digest), ("design", found.design)]
    blocks.append(configuration(about, machine=found.machine, versions=found.versions))
    return Section(anchor, title, blocks)


def _target(one: TargetFound) -> Iterator[Group]:
    blocks: list[Any] = []
    if one.timing is not None:
        timing = one.timing
        seeds = ", ".join(f"{fmax:.1f} (seed {seed})" for seed, fmax in timing.seeds.items())
        blocks += [
            Line(f"Fmax {timing.fmax:.1f} MHz, the median of {seeds}."),
            Figures([_path(timing, one.target)]),
        ]
    cells = [[name, str(count)] for name, count in one.resources.cells.items()]
    how = [("tools", ", ".join(one.tools)), *one.flags.items()]
    blocks += [
        Group("Cells", [Table("Cells of the device", ("cell", "count"), cells)], folded=True),
        Group("How the figures were made", [Facts(how)], folded=True),
    ]
    yield Group(one.title, blocks)


def _path(timing: TimingFound, target: str) -> Figure:
    """Draw a critical path: a bar for each component, as long as its delay."""
    total = sum(max(step.delay, 0.0) for step in timing.path)
    drawing = Drawing(WIDTH, STEP * len(timing.path) + 8)
    room, start = WIDTH - 2 * MARGIN, float(MARGIN)
    for at, step in enumerate(timing.path):
        width = room * max(step.delay, 0.0) / total if total else 0.0
        y = STEP * at + 4
        drawing.text(MARGIN, y + 12, f"{step.delay:.2f} ns  {step.component}", "tick")
        title = f"{step.component}: {step.delay:.3f} ns"
        drawing.add("rect", title, x=start, y=y + 18, width=width, height=14, kind="bar c0")
        start += width
    caption = f"Critical path on {target}, {number(total)} ns, from {timing.start} to {timing.end}."
    rows = [[step.component, f"{step.delay:.3f}"] for step in timing.path]
    table = Table("Critical path", ("component", "ns"), rows)
    return Figure(caption, drawing.markup(caption), table)


def estimate_section(anchor: str, stored: Stored, found: EstimateResult) -> Section:
    """Return estimates as a section."""
    rows = [
        [
            one.target,
            *(f"{getattr(one, kind):g}" for kind in KINDS),
            f"{one.fmax:.0f}",
            str(one.latency),
            str(one.interval),
        ]
        for one in found.estimates
    ]
    table = Table("Estimated", ("target", *HEADINGS, "latency", "interval"), rows)
    note = Line("Estimated without tools; latency and interval, in cycles, are exact.")
    about = [("result", stored.digest), ("design", found.design)]
    last = configuration(about, machine=found.machine, versions=found.versions)
    return Section(anchor, f"Estimate of design {found.design[:12]}", [table, note, last])


def prove_section(anchor: str, stored: Stored, found: ProveResult) -> Section:
    """Return proofs as a section."""
    proven = sum(claim.status == Status.PROVEN.value for claim in found.claims)
    whole = bool(found.claims) and proven == len(found.claims)
    rows: list[list[str | Cell]] = []
    for claim in found.claims:
        kind = "good" if claim.status == Status.PROVEN.value else "bad"
        counts = (str(count) for count in (claim.words, claim.asked, claim.tried))
        rows.append([Cell(claim.status, kind), claim.claim, *counts, claim.different or ""])
    columns = ("verdict", "claim", "words", "asked", "tried", "different")
    blocks: list[Any] = [
        Line(f"{proven} of {len(found.claims)} claims proven", "good" if whole else "bad"),
        Table("Claims, for all inputs", columns, rows, 2),
    ]
    about = [("result", stored.digest), ("design", found.design), ("solver", found.solver)]
    blocks.append(configuration(about, machine=found.machine, versions=found.versions))
    return Section(anchor, f"Proofs of design {found.design[:12]}", blocks)


def quantize_section(anchor: str, stored: Stored, found: QuantizeResult) -> Section:
    """Return formats and ranges as a section."""
    config: Mapping[str, Any] = {name: said(value) for name, value in found.config.items()}
    about = [("result", stored.digest), ("design", found.design)]
    last = configuration(about, config=config, versions=found.versions)
    title = f"Formats of design {found.design[:12]}"
    return Section(anchor, title, [*tensor_groups(found.tensors), last])
