"""What ``bittrue synth`` found, or estimated: a table for people, JSON for programs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from rich.console import Console

from bittrue.hdl.machine import Machine
from bittrue.model.design import Design

from .estimate import Estimate
from .families import TARGETS
from .synthesis import Synthesis
from .tables import bare_table, versions

SCHEMA = "bittrue.synth/1"
ESTIMATE_SCHEMA = "bittrue.estimate/1"
KINDS = ("lut", "ff", "dsp", "bram", "carry", "lutram")
HEADINGS = ("LUT", "FF", "DSP", "BRAM", "carry", "LUT as memory", "Fmax in MHz")


class Subject(NamedTuple):
    """What the figures are of.

    Members
    -------
    design : Design
        The network.
    machine : Machine
        Its hardware.
    curve_of : int or None
        The layer whose curve alone is meant.
    """

    design: Design
    machine: Machine
    curve_of: int | None = None

    def __str__(self) -> str:
        what = f"the curve of layer {self.curve_of}"
        if self.curve_of is None:
            machine, lanes = self.machine, self.machine.to_json()
            what = f"PE {lanes['pe']}, SIMD {lanes['simd']}, counters {machine.counters}, "
            what += f"trace {'on' if machine.trace else 'off'}"
        sizes = "-".join(map(str, self.machine.shape.sizes))
        return f"design {self.design.digest[:12]}, {sizes}: {what}"

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        machine = {**self.machine.to_json(), "digest": self.machine.digest}
        return {"design": self.design.digest, "machine": machine}


def to_json(results: Sequence[Synthesis], subject: Subject) -> dict[str, Any]:
    """Return what tools found as JSON."""
    return {
        "schema": SCHEMA,
        "part": "network" if subject.curve_of is None else "curve",
        "layer": subject.curve_of,
        "targets": [result.to_json() for result in results],
        **subject.to_json(),
        "versions": versions(),
    }


def show(page: Console, results: Sequence[Synthesis], subject: Subject) -> None:
    """Print what tools found, a line a family, then critical paths and flags."""
    page.print(f"{subject}\n", soft_wrap=True, markup=False)
    table = bare_table("resources", "target", *HEADINGS)
    for result in results:
        figures = [f"{getattr(result.resources, kind):g}" for kind in KINDS]
        fmax = "–" if result.timing is None else f"{result.timing.fmax:.1f}"
        table.add_row(result.target, *figures, fmax)
    page.print(table)
    for result in results:
        _show_more(page, result)


def _show_more(page: Console, result: Synthesis) -> None:
    """Print the critical path of a family, and how its figures were made."""
    lines = [f"\n{result.target}: {TARGETS[result.target].title}, {', '.join(result.tools)}"]
    if result.timing is not None:
        timing = result.timing
        figures = ", ".join(f"{fmax:.1f} (seed {seed})" for seed, fmax in timing.seeds.items())
        lines += [f"  Fmax {timing.fmax:.1f} MHz, the median of {figures}"]
        lines += [f"  critical path from {timing.start} to {timing.end}:"]
        lines += [f"    {step.delay:6.2f} ns  {step.component}" for step in timing.path]
    lines += [f"  {tool}: {flags}" for tool, flags in result.flags.items()]
    for line in lines:
        page.print(line, soft_wrap=True, markup=False)


def estimates_to_json(estimates: Sequence[Estimate], subject: Subject) -> dict[str, Any]:
    """Return what was estimated as JSON."""
    return {
        "schema": ESTIMATE_SCHEMA,
        "estimates": [one.to_json() for one in estimates],
        **subject.to_json(),
        "versions": versions(),
    }


def show_estimates(page: Console, estimates: Sequence[Estimate], subject: Subject) -> None:
    """Print what was estimated, a line a family."""
    page.print(f"{subject}\n", soft_wrap=True, markup=False)
    table = bare_table("estimated", "target", *HEADINGS, "latency", "interval")
    for one in estimates:
        cells = [f"{getattr(one, kind):g}" for kind in KINDS]
        table.add_row(one.target, *cells, f"{one.fmax:.0f}", str(one.latency), str(one.interval))
    page.print(table)
    page.print("latency and interval in cycles are exact; the README says how wrong the rest is")
