"""How fast and how large the hardware is; ``make bench-hardware`` calls this.

Synthesises the networks of the README and curves alone, places and routes them once a seed, and
prints every figure with the flags and versions it was made with, the error of the estimator, and
what is known of others. The same is written as JSON to build/hardware.json; ``--readme`` puts the
tables into README.md. Results are cached by content: a second run takes a moment.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import estimator
import hardware_curves
from page import markdown, put_into_build, put_into_readme

from bittrue.flow.synthesis import Source, Synthesis, curve_source, network_source, synthesize
from bittrue.hdl.machine import Machine
from bittrue.model.config import Config
from bittrue.model.golden import GoldenNetwork
from bittrue.model.learner import learning
from bittrue.model.quantize import quantize

FORMAT = "fxp-s16/12"
SEGMENTS = 32
FLOOR = 160.0
LEARNING, LEARNING_FLOOR = "3-3-3 that learns, PLAN, PE 3, SIMD 1", 100.0
TARGET = "ecp5"


class Peer(NamedTuple):
    """What was measured of another generator, for the same device."""

    name: str
    fmax: str


PEERS = (
    Peer("da4ml, two networks", "80, 88"),
    Peer("NNgen", "84"),
    Peer("the layer of a textbook, no pipeline", "67 to 80"),
)


def machine(sizes: tuple[int, int, int], pe: int, simd: int) -> Machine:
    """Return a network as it is measured: 16 bits, 32 fitted segments, overflows counted."""
    config = Config.of(format=FORMAT, curve="fit", segments=SEGMENTS)
    design = quantize(GoldenNetwork(*sizes, 0.3, rng=0), config)
    return Machine(design.shape, pe, simd, counters="overflow")


def learning_machine() -> Machine:
    """Return 3-3-3 with a trainer, its slopes shifts: rate 1/4, updates rounded by chance."""
    config = Config.of(format=FORMAT, curve="plan")
    design = quantize(GoldenNetwork(3, 3, 3, 0.3, rng=0), config)
    return Machine(learning(design, 0.25).shape, 3, 1, trainer=True)


def sources() -> dict[str, Source]:
    """Return what is measured, by name."""
    small = (3, 3, 3)
    curve = machine(small, 1, 1).shape.layers[0].curve
    return {
        "3-3-3, PE = SIMD = 1": network_source(machine(small, 1, 1)),
        "3-3-3, PE = SIMD = 3": network_source(machine(small, 3, 3)),
        "digits 64-32-10, PE 8, SIMD 1": network_source(machine((64, 32, 10), 8, 1)),
        LEARNING: network_source(learning_machine()),
        f"a curve of {SEGMENTS} fitted segments": curve_source(curve),
    }


def measured(seeds: Sequence[int]) -> dict[str, Synthesis]:
    """Return what synthesis finds of each, two at a time."""

    def of(item: tuple[str, Source]) -> Synthesis:
        name, source = item

        def told(done: int, total: int, what: str = "") -> None:
            if what:
                print(f"{name}: {what} ({done} of {total})", file=sys.stderr)

        return synthesize(source, TARGET, seeds=seeds, told=told)

    chosen = sources()
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(chosen, pool.map(of, chosen.items()), strict=True))


def table(found: dict[str, Synthesis], seeds: Sequence[int]) -> str:
    """Return the networks and the curve beside the peers, under what they were made with."""
    one = next(iter(found.values()))
    flags = "; ".join(f"{tool}: `{words}`" for tool, words in one.flags.items())
    rows: list[Sequence[object]] = []
    for name, synthesis in found.items():
        r, timing = synthesis.resources, synthesis.timing
        each = [timing.seeds[seed] for seed in seeds]
        median = statistics.median(each)
        floor = LEARNING_FLOOR if name == LEARNING else FLOOR
        mark = "met" if median >= floor else "**missed**"
        shown = ", ".join(f"{fmax:.0f}" for fmax in each)
        cells = (r.lut, r.carry, r.ff, r.dsp, f"{r.bram:g}")
        rows.append((name, *cells, shown, f"**{median:.1f}**", f"{floor:g}, {mark}"))
    rows += [(peer.name, *[""] * 6, peer.fmax, "") for peer in PEERS]
    header = ("", "LUT4", "CCU2C", "FF", "MULT18X18D", "BRAM")
    header += (f"MHz at seeds {', '.join(map(str, seeds))}", "median", "floor")
    return (
        f"ECP5 LFE5U-85F, speed 8, out of context; {', '.join(one.tools)}. Words {FORMAT}, "
        f"{SEGMENTS} fitted segments, writable weights, overflow counters, no trace, "
        "registered ports; the one that learns without counters, at a learning rate of 1/4, "
        "updates rounded by chance. Of the peers only Fmax was measured, on the same device, with "
        "nextpnr's default placer.\n\n"
        f"{markdown(header, rows)}\n\n{flags}"
    )


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readme", action="store_true", help="put the tables into README.md")
    parser.add_argument("--seeds", type=int, default=5, help="nextpnr's seeds, from 1 (default: 5)")
    chosen = parser.parse_args()
    seeds = range(1, 1 + chosen.seeds)
    found = measured(seeds)
    print(page := table(found, seeds))
    put_into_build("hardware", {name: synthesis.to_json() for name, synthesis in found.items()})
    if chosen.readme:
        put_into_readme("make bench-hardware", page)
    for part in (hardware_curves, estimator):
        part.main([*(["--readme"] if chosen.readme else [])])


if __name__ == "__main__":
    main()
