"""Curve units beside published ones: error, LUT, multipliers, latency, Fmax.

Ours are synthesised without registers for their size and pipelined for their speed, placed and
routed once a seed; the figures of others stand in published_curves.toml with their sources. Prints
both with flags, versions and seeds, and writes them to build/hardware_curves.json; ``--json``
prints that instead, ``--readme`` puts the table into README.md. ``make bench-hardware`` calls this.
"""

import argparse
import json
import statistics
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from page import markdown, put_into_build, put_into_readme

from bittrue.flow.synthesis import Synthesis, curve_source, synthesize
from bittrue.hdl import timing
from bittrue.model.curve_errors import CurveErrors, errors_of
from bittrue.model.curves import Curve
from bittrue.model.formats import FixedType, Format
from bittrue.model.makers import make_curve
from bittrue.model.modes import Rounding

PUBLISHED = Path(__file__).with_name("published_curves.toml")
INPUT, OUTPUT = "fxp-s16/12", "fxp-u16/15"
DASH = "–"


class Unit(NamedTuple):
    """A curve of ours: its maker, segments where it takes them, formats, whether it is placed."""

    title: str
    maker: str
    segments: int | None = None
    input: str = INPUT
    output: str = OUTPUT
    placed: bool = True

    def table(self, rounding: Rounding = Rounding.RND_CONV) -> Curve:
        """Return its table."""
        output = FixedType.parse(self.output, rounding)
        return make_curve(self.maker, Format.parse(self.input), output, segments=self.segments)

    @property
    def words(self) -> str:
        """Fractional bits of input and output."""
        return f"{Format.parse(self.input).frac} → {Format.parse(self.output).frac}"


UNITS = (
    Unit("PLAN", "plan", input="fxp-s8/4", output="fxp-u8/7", placed=False),
    Unit("PLAN", "plan", input="fxp-s12/8", output="fxp-u9/8", placed=False),
    Unit("PLAN", "plan"),
    Unit("A-law", "alaw"),
    Unit("Alippi", "alippi"),
    Unit("hard sigmoid, x/5 + ½", "hard-sigmoid"),
    Unit("fit, 8 segments", "fit", 8),
    Unit("fit, 16 segments", "fit", 16),
    Unit("fit, 32 segments", "fit", 32),
    Unit("uniform, 64 segments", "uniform", 64),
    Unit("faithful", "faithful", output="fxp-s16/12"),
    Unit("faithful", "faithful"),
)


class Found(NamedTuple):
    """What was measured of a unit: without registers for two families, and pipelined."""

    unit: Unit
    errors: CurveErrors
    xilinx: Synthesis
    xilinx_cut: Synthesis
    ecp5: Synthesis
    pipelined: Synthesis
    latency: int

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        fields = ("xilinx", "xilinx_cut", "ecp5", "pipelined")
        return {
            **self.unit._asdict(),
            "errors": asdict(self.errors),
            "latency": self.latency,
            **{field: getattr(self, field).to_json() for field in fields},
        }


def measured(unit: Unit, seeds: Sequence[int]) -> Found:
    """Synthesise a unit, and place and route it for each seed."""
    table = unit.table()
    # rounding toward minus infinity cuts: what published units do where nothing is said
    cut = curve_source(unit.table(Rounding.TRN), registers=False)
    bare = curve_source(table, registers=False)
    placed = seeds if unit.placed else ()
    return Found(
        unit,
        errors_of(table),
        synthesize(bare, "xilinx", seeds=(), dsp=False),
        synthesize(cut, "xilinx", seeds=(), dsp=False),
        synthesize(bare, "ecp5", seeds=()),
        synthesize(curve_source(table), "ecp5", seeds=placed, told=_told(unit)),
        timing.curve(table),
    )


def _told(unit: Unit) -> Any:
    """Return what prints the progress of a unit."""

    def told(done: int, total: int, what: str = "") -> None:
        if what:
            print(f"{unit.title}, {unit.words}: {what} ({done} of {total})", file=sys.stderr)

    return told


def table(found: Sequence[Found], seeds: Sequence[int]) -> str:
    """Return our units and published ones, under what ours were made with."""
    placed = [f for f in found if f.pipelined.timing]
    one = placed[0] if placed else found[0]
    flags = {
        "LUT of Xilinx 7": one.xilinx.flags["yosys"],
        "ECP5": one.pipelined.flags["yosys"],
        **{tool: words for tool, words in one.pipelined.flags.items() if tool != "yosys"},
    }
    header = ("Ours", "Words", "max error", "mean error", "LUT", "ECP5 LUT4", "CCU2C")
    header += ("MULT18X18D", "cycles", f"MHz at seeds {', '.join(map(str, seeds))}", "median")
    return "\n\n".join(
        [
            "Words: fractional bits of input and output. LUT: Xilinx 7 without DSP, at RND_CONV "
            "(at TRN). Sizes are without registers; cycles and MHz pipelined, "
            f"on ECP5 LFE5U-85F, speed 8, out of context. {', '.join(one.pipelined.tools)}.",
            markdown(header, [_ours(f, seeds) for f in found]),
            "Of others, sizes are those of Xilinx 7 too; plain descriptions include absolute value "
            "and mirror, as ours do.",
            _others(published()),
            "; ".join(f"{name}: `{words}`" for name, words in flags.items()),
        ]
    )


def _ours(found: Found, seeds: Sequence[int]) -> Sequence[object]:
    """Return the row of a unit of ours."""
    ecp5, placed = found.ecp5.resources, found.pipelined.timing
    each = [placed.seeds[seed] for seed in seeds] if placed else []
    return (
        found.unit.title,
        found.unit.words,
        f"{found.errors.maximum:.2e}",
        f"{found.errors.mean:.2e}",
        f"{found.xilinx.resources.lut} ({found.xilinx_cut.resources.lut})",
        *(ecp5.lut, ecp5.carry, ecp5.dsp, found.latency),
        ", ".join(f"{fmax:.0f}" for fmax in each) or DASH,
        f"**{statistics.median(each):.1f}**" if each else DASH,
    )


def published() -> dict[str, Any]:
    """Return the figures of others, and their sources."""
    with PUBLISHED.open("rb") as file:
        return tomllib.load(file)


def _others(known: dict[str, Any]) -> str:
    """Return the table of others' units."""
    rows = []
    for unit in known["unit"]:
        errors = [f"{unit[what]:.2e}" if what in unit else DASH for what in ("maximum", "mean")]
        lut = unit.get("lut", DASH)
        shown = " / ".join(map(str, lut)) if isinstance(lut, list) else lut
        delay = unit.get("delay", DASH)
        source = known["sources"][unit["source"]]
        rows.append((unit["name"], *errors, shown, unit.get("dsp", DASH), delay, source))
    return markdown(("Of others", "max error", "mean error", "LUT", "DSP", "delay", "source"), rows)


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readme", action="store_true", help="put the table into README.md")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--seeds", type=int, default=5, help="nextpnr's seeds, from 1 (default: 5)")
    chosen = parser.parse_args(words)
    if chosen.seeds < 1:
        parser.error(f"seeds must be at least 1, got {chosen.seeds}")
    seeds = range(1, 1 + chosen.seeds)
    found = [measured(unit, seeds) for unit in UNITS]
    content = {
        "seeds": list(seeds),
        "units": [each.to_json() for each in found],
        "published": published(),
    }
    put_into_build("hardware_curves", content)
    page = table(found, seeds)
    print(json.dumps(content, indent=2) if chosen.json else page)
    if chosen.readme:
        put_into_readme("make bench-hardware, curves", page)


if __name__ == "__main__":
    main()
