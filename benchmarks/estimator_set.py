"""The networks that the estimator is fitted on and tried on: drawn by a seed, kept as CSV."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from bittrue.hdl.machine import COUNTERS, Machine
from bittrue.model.config import Config
from bittrue.model.exceptions import BittrueError
from bittrue.model.golden import GoldenNetwork
from bittrue.model.modes import Overflow, Rounding
from bittrue.model.quantize import quantize
from bittrue.model.ranges import choose_config

RUNS = Path(__file__).parent / "synthesis_runs.csv"
FIGURES = ("lut", "ff", "dsp", "bram", "carry", "lutram")
FITTED, HELD_OUT = "fitted", "held out"
SEED = 20
WIDTHS = {FITTED: (4, 6, 8, 10, 12, 16, 19), HELD_OUT: (5, 7, 9, 11, 13, 14, 18)}
"""Widths of words: none of those that are held out is fitted."""

COUNT = {FITTED: 150, HELD_OUT: 66}
CURVES = (
    *("plan", "plan", "alippi", "hard-sigmoid", "relu", "identity", "uniform", "faithful"),
    *("fit 4", "fit 8", "fit 16", "fit 16", "fit 32", "fit 32"),
)
LANES = (1, 1, 1, 2, 2, 3, 4, 5, 8)
MOST_PRODUCTS = 24
"""Most multipliers of a network's neurons: larger ones take minutes to synthesise."""

LARGE_SHARE, MATCHED_SHARE, NARROW_SHARE = 0.15, 0.4, 0.4
"""Networks with many inputs, without width converters, and with narrower weights."""

OWN_ACTIVATION = ("relu", "identity")
SAMPLES = 64
"""From which ranges are observed."""


@dataclass(frozen=True)
class Recipe:
    """What a drawn network is made of; all text, as in the CSV.

    Members
    -------
    number : int
        Seed of its weights.
    part : str
        `FITTED` or `HELD_OUT`.
    sizes : tuple of int
        Of inputs and layers.
    width, weight_width : int
        Bits of all words, and of weights.
    one_format, biases : bool
        Whether formats are all the same, not chosen by ranges; whether there are biases.
    curve, segments
        Maker, and pieces where it takes them; 0 where not.
    rounding, overflow : str
        Modes of all stages.
    pe, simd : tuple of int
        Lanes of each layer.
    counters : str
        What is counted.
    trace : bool
        Whether there are trace ports.
    """

    number: int
    part: str
    sizes: tuple[int, ...]
    width: int
    weight_width: int
    one_format: bool
    biases: bool
    curve: str
    segments: int
    rounding: str
    overflow: str
    pe: tuple[int, ...]
    simd: tuple[int, ...]
    counters: str
    trace: bool

    def machine(self) -> Machine:
        """Return the machine, the same whenever it is made."""
        golden = GoldenNetwork(
            self.sizes[0],
            self.sizes[1:-1],
            self.sizes[-1],
            0.1,
            self.number,
            activation=self.curve if self.curve in OWN_ACTIVATION else "sigmoid",
            biases=self.biases,
        )
        inputs = np.random.default_rng(self.number).uniform(0, 1, (SAMPLES, self.sizes[0]))
        modes = {"rounding": self.rounding, "overflow": self.overflow}
        narrow = choose_config(golden, self.weight_width, inputs=inputs)
        config = choose_config(
            golden,
            self.width,
            inputs=inputs,
            weight_type=narrow.weight_type,
            curve=self.curve,
            segments=self.segments or None,
            **modes,
        )
        if self.one_format:
            format = f"fxp-s{self.width}/{self.width - self.width // 4}"
            config = Config.of(
                format=format, curve=self.curve, segments=self.segments or None, **modes
            )
        shape = quantize(golden, config).shape
        return Machine(shape, self.pe, self.simd, counters=self.counters, trace=self.trace)


def drawn(part: str) -> Iterator[Recipe]:
    """Yield recipes without end, drawn by `SEED`: of one part, of sizes that the other has not."""
    rng = np.random.default_rng([SEED, list(WIDTHS).index(part)])
    number = 1000 * list(WIDTHS).index(part)
    while True:
        number += 1
        recipe = _recipe(rng, number, part)
        if (sum(recipe.sizes) % 3 == 0) == (part == HELD_OUT) and _possible(recipe):
            yield recipe


def _recipe(rng: np.random.Generator, number: int, part: str) -> Recipe:
    def one(values: Sequence[Any]) -> Any:
        return values[int(rng.integers(len(values)))]

    layers = one((1, 2, 2, 2, 3))
    sizes = [int(2 ** rng.uniform(1, 5.33)) for _ in range(layers + 1)]
    if rng.uniform() < LARGE_SHARE:
        sizes[0] = int(2 ** rng.uniform(5.33, 7))
    lanes = [[min(one(LANES), size) for size in end] for end in (sizes[1:], sizes[:-1])]
    if rng.uniform() < MATCHED_SHARE:
        lanes[1][1:] = lanes[0][:-1]
    width = one(WIDTHS[part])
    narrower = [bits for bits in WIDTHS[part] if bits <= width]
    curve, _, segments = one(CURVES).partition(" ")
    return Recipe(
        number,
        part,
        tuple(sizes),
        width,
        one(narrower) if rng.uniform() < NARROW_SHARE else width,
        bool(rng.uniform() < 0.5),
        bool(rng.uniform() < 0.3),
        curve,
        int(segments or 0),
        one([mode.value for mode in Rounding]) if rng.uniform() < 0.6 else "RND_CONV",
        one([mode.value for mode in Overflow]) if rng.uniform() < 0.5 else "SAT",
        tuple(lanes[0]),
        tuple(lanes[1]),
        one(COUNTERS),
        bool(rng.uniform() < 0.15),
    )


def _possible(recipe: Recipe) -> bool:
    """Tell whether a network can be made, and is small enough to be synthesised in a minute."""
    if sum(pe * simd for pe, simd in zip(recipe.pe, recipe.simd, strict=True)) > MOST_PRODUCTS:
        return False
    try:
        recipe.machine()
    except BittrueError:
        return False
    return True


def chosen(part: str) -> list[Recipe]:
    """Return the recipes of a part: as many as `COUNT`."""
    return list(islice(drawn(part), COUNT[part]))


@dataclass(frozen=True)
class Run:
    """What synthesis found of one network.

    Members
    -------
    recipe : Recipe
        The network.
    source : str
        First digits of the SHA-256 of its Verilog.
    tools : str
        Versions.
    figures : dict
        By name in `FIGURES`; and ``fmax`` in MHz, of one seed, where it was placed.
    """

    recipe: Recipe
    source: str
    tools: str
    figures: Mapping[str, float]


def read_runs(file: Path = RUNS) -> list[Run]:
    """Return the stored runs, in order."""
    if not file.exists():
        return []
    with file.open(newline="", encoding="utf-8") as lines:
        return [_run(row) for row in csv.DictReader(lines)]


def write_runs(runs: Iterable[Run], file: Path = RUNS) -> None:
    """Store runs, ordered by their numbers."""
    names = [*(field.name for field in fields(Recipe)), *FIGURES, "fmax", "source", "tools"]
    with file.open("w", newline="", encoding="utf-8") as page:
        writer = csv.DictWriter(page, names, lineterminator="\n", restval="")
        writer.writeheader()
        for run in sorted(runs, key=lambda run: run.recipe.number):
            row = {name: _cell(value) for name, value in asdict(run.recipe).items()}
            figures = {name: f"{value:g}" for name, value in run.figures.items()}
            writer.writerow({**row, **figures, "source": run.source, "tools": run.tools})


def _cell(value: Any) -> str:
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return str(int(value)) if isinstance(value, bool) else str(value)


def _run(row: Mapping[str, str]) -> Run:
    def read(name: str, kind: Any) -> Any:
        if kind in (int, str):
            return kind(row[name])
        return bool(int(row[name])) if kind is bool else tuple(map(int, row[name].split("-")))

    recipe = Recipe(**{field.name: read(field.name, field.type) for field in fields(Recipe)})
    names = [name for name in (*FIGURES, "fmax") if row[name]]
    return Run(recipe, row["source"], row["tools"], {name: float(row[name]) for name in names})
