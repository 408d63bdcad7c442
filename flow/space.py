"""A space of designs as TOML: what is varied, of which network, how it is searched, what counts."""

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import isfinite, prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bittrue.model.config import TYPE_FIELDS
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import Overflow, Rounding
from bittrue.model.makers import MAKERS, OPTIONS
from bittrue.model.ranges import METHODS

from .config import read_toml
from .families import TARGETS
from .space_keys import known, nearest, typed
from .sweep_hardware import TARGET, Hardware, hardware_of

Point = dict[str, Any]
"""The choices of one design and machine, by axis."""

FIGURES: Mapping[str, bool] = {
    "accuracy": True,
    "agreement": True,
    "sqnr": True,
    "width": False,
    "bits": False,
    "latency": False,
    "interval": False,
    "lut": False,
    "ff": False,
    "dsp": False,
    "bram": False,
    "fmax": True,
}
"""What is measured of a point, and whether more of it is better."""

ROLE_WIDTHS = tuple(name.replace("_type", "_width") for name in TYPE_FIELDS)
NUMBERS = ("width", *ROLE_WIDTHS, "segments", "pe", "simd")
AXES = (
    *("width", *ROLE_WIDTHS, "format", *TYPE_FIELDS),
    *("rounding", "overflow", "method", "margin"),
    *("curve", "segments", "tolerance", "pe", "simd", "target"),
)
"""What can be varied, in the order that a grid goes through it, the last one fastest."""

SINGLE = (
    *("width", "input_width", "format", "input_type", "rounding", "overflow", "method"),
    "target",
)
METHODS_OF_SEARCH = ("grid", "random", "nsga2")
MOST_POINTS = 1_000_000
DEFAULT_POINTS = 100
DEFAULT_OBJECTIVES = ("accuracy", "bits", "latency")
NAMES: Mapping[str, tuple[str, ...]] = {
    "rounding": tuple(mode.value for mode in Rounding),
    "overflow": tuple(mode.value for mode in Overflow),
    "curve": tuple(MAKERS),
    "method": METHODS,
    "target": tuple(TARGETS),
}
"""Words that an axis knows."""

NETWORK = {
    "data": str,
    "file": str,
    "layers": list,
    "learning_rate": float,
    "epochs": int,
    "activation": str,
    "biases": bool,
    "rule": str,
    "seed": int,
    "held_out": int,
}
SEARCH = {"method": str, "points": int, "seed": int, "population": int}
TABLES = ("objectives", "choose", "network", "space", "search", "hardware", "constraints")
COMPARED: Mapping[str, Callable[[float, float], bool]] = {">=": operator.ge, "<=": operator.le}


class Constraint(NamedTuple):
    """A bound on a figure.

    Members
    -------
    figure : str
        One of `FIGURES`.
    sign : {">=", "<="}
        Which side is allowed, the bound included.
    bound : float
        In the figure's unit.
    """

    figure: str
    sign: str
    bound: float

    def met_by(self, figures: Mapping[str, Any]) -> bool:
        """Tell whether figures keep the bound."""
        return COMPARED[self.sign](figures[self.figure], self.bound)

    def __str__(self) -> str:
        return f"{self.figure} {self.sign} {self.bound:g}"


@dataclass(frozen=True)
class Space:
    """What a sweep goes through.

    Members
    -------
    network : dict
        ``data``, and ``file`` of a saved network or ``layers`` and how they are trained.
    axes : dict
        Candidates by axis, in the order of `AXES`.
    method : {"grid", "random", "nsga2"}
        How points are chosen.
    points : int
        At most so many, where they are drawn.
    population : int
        Points a generation of ``nsga2``.
    seed : int
        Of the draws.
    objectives : tuple of str
        Figures of the Pareto front.
    constraints : tuple of Constraint
        What the chosen point must meet.
    choose : str
        The figure that the chosen point has the best of.
    hardware : Hardware
        How resources come to be.
    """

    network: dict[str, Any]
    axes: dict[str, list[Any]]
    method: str
    points: int
    population: int
    seed: int
    objectives: tuple[str, ...]
    constraints: tuple[Constraint, ...]
    choose: str
    hardware: Hardware = field(default_factory=Hardware)

    @property
    def size(self) -> int:
        """Points of the whole grid, those that come to the same counted apart."""
        return prod(len(values) for values in self.axes.values())

    def at(self, indices: Iterable[int]) -> Point:
        """Return the point of one candidate an axis, without what makes no difference to it."""
        chosen = zip(self.axes.items(), indices, strict=True)
        return canonical({name: values[index] for (name, values), index in chosen})

    def grid(self) -> Iterator[Point]:
        """Yield every point once."""
        ranges = (range(len(values)) for values in self.axes.values())
        return _once(self.at(indices) for indices in product(*ranges))

    def drawn(self) -> Iterator[Point]:
        """Yield at most ``points`` points, drawn by the seed, each once."""
        order = np.random.default_rng(self.seed).permutation(self.size)
        shape = tuple(len(values) for values in self.axes.values())
        points = _once(self.at(map(int, np.unravel_index(int(n), shape))) for n in order)
        return (point for point, _ in zip(points, range(self.points), strict=False))


def _once(points: Iterable[Point]) -> Iterator[Point]:
    seen: set[str] = set()
    for point in points:
        if (text := repr(sorted(point.items()))) not in seen:
            seen.add(text)
            yield point


def canonical(point: Point) -> Point:
    """Return a point without options that none of its curves takes."""
    if "curve" not in point:
        return point
    curves = point["curve"] if isinstance(point["curve"], list) else [point["curve"]]
    taken = {option for curve in curves for option in OPTIONS.get(curve, ())}
    return {
        name: value
        for name, value in point.items()
        if name not in ("segments", "tolerance") or name in taken
    }


def read_space(file: Path) -> Space:
    """Read a space.

    Parameters
    ----------
    file : Path
        TOML: tables ``network``, ``space``, ``search``, ``hardware`` and ``constraints``;
        ``objectives`` and ``choose`` before them.

    Raises
    ------
    BittrueError
        If a key is unknown (the message names the nearest), a value cannot be, or nothing is in it.
    """
    tree = read_toml(file, "a space")
    try:
        return space_of(tree)
    except BittrueError as error:
        raise BittrueError(f"{file}: {error}") from None


def space_of(tree: Mapping[str, Any]) -> Space:
    """Return a space from what its TOML holds; see `read_space`."""
    parts = known("a space", tree, TABLES)
    for name in TABLES[2:]:
        if not isinstance(parts.setdefault(name, {}), dict):
            raise BittrueError(f"{name} must be a table, got {parts[name]!r}")
    search = typed("search", parts["search"], SEARCH)
    method = search.get("method", "grid")
    if method not in METHODS_OF_SEARCH:
        raise BittrueError(
            f"search.method must be one of {', '.join(METHODS_OF_SEARCH)}, got {method!r}"
        )
    constraints = _constraints(parts["constraints"])
    objectives = parts.get("objectives", list(DEFAULT_OBJECTIVES))
    if not isinstance(objectives, list) or not objectives:
        raise BittrueError(f"objectives must be a list of figures, got {objectives!r}")
    asked = [*objectives, parts.get("choose", "bits")]
    for figure in asked:
        nearest("objectives and choose", figure, tuple(FIGURES))
    asked += [bound.figure for bound in constraints]
    network, axes = _network(parts["network"]), _axes(parts["space"])
    space = Space(
        network,
        axes,
        method,
        search.get("points", DEFAULT_POINTS),
        search.get("population", 32),
        search.get("seed", 0),
        tuple(objectives),
        constraints,
        parts.get("choose", "bits"),
        hardware_of(parts["hardware"], axes.get("target", [TARGET]), asked),
    )
    if space.size > MOST_POINTS:
        raise BittrueError(f"a space must have at most {MOST_POINTS} points, got {space.size}")
    return space


def _network(tree: Mapping[str, Any]) -> dict[str, Any]:
    found = typed("network", tree, NETWORK)
    if "data" not in found:
        raise BittrueError("network.data must name a data set, got none")
    if ("file" in found) == ("layers" in found):
        got = "both" if "file" in found else "none"
        raise BittrueError(f"network must have either file or layers, got {got}")
    layers = found.get("layers", [1, 1])
    if len(layers) < 2 or any(type(size) is not int or size < 1 for size in layers):
        raise BittrueError(f"network.layers must be two sizes of at least 1 or more, got {layers}")
    idle = [name for name in found if name not in ("data", "file")] if "file" in found else []
    if idle:
        raise BittrueError(f"network must have a file or be trained, got both: {', '.join(idle)}")
    return found


def _axes(tree: Mapping[str, Any]) -> dict[str, list[Any]]:
    found = known("space", tree, AXES)
    if not found:
        raise BittrueError("space must vary something, got an empty table")
    if ("width" in found) == ("format" in found):
        got = "both" if "width" in found else "none"
        raise BittrueError(f"space must have either width or format, got {got}")
    needing = [name for name in (*ROLE_WIDTHS, "method", "margin") if name in found]
    if "format" in found and needing:
        raise BittrueError(f"space.{needing[0]} must come with width, got format")
    axes = {name: _candidates(name, found[name]) for name in AXES if name in found}
    for role, width in zip(TYPE_FIELDS, ROLE_WIDTHS, strict=True):
        if role in axes and width in axes:
            raise BittrueError(f"space must have either {role} or {width}, got both")
    return axes


def _candidates(name: str, value: Any) -> list[Any]:
    """Return the candidates of an axis: a single one, or a list; one of them may be one a layer."""
    values = value if isinstance(value, list) else [value]
    if not values:
        raise BittrueError(f"space.{name} must have at least one candidate, got none")
    for candidate in values:
        layered = isinstance(candidate, list)
        if layered and (not candidate or name in SINGLE[1:]):
            raise BittrueError(f"space.{name} must be one for all layers, got {candidate!r}")
        for item in candidate if layered else [candidate]:
            _check_candidate(name, item)
    if repeated := [item for n, item in enumerate(values) if item in values[:n]]:
        raise BittrueError(f"space.{name} must have each candidate once, got {repeated[0]!r} twice")
    return values


def _check_candidate(name: str, item: Any) -> None:
    if name in NUMBERS:
        least = 2 if name.endswith("width") else 1
        most = 63 if name.endswith("width") else MOST_POINTS
        if type(item) is not int or not least <= item <= most:
            raise BittrueError(f"space.{name} must be integers {least} to {most}, got {item!r}")
    elif name in ("margin", "tolerance"):
        if type(item) not in (int, float) or not (isfinite(item) and item >= 0):
            raise BittrueError(f"space.{name} must be numbers of at least 0, got {item!r}")
    elif not isinstance(item, str):
        raise BittrueError(f"space.{name} must be text, got {item!r}")
    elif name in NAMES:
        nearest(f"space.{name}", item, NAMES[name])


def _constraints(tree: Mapping[str, Any]) -> tuple[Constraint, ...]:
    found = []
    for name, text in known("constraints", tree, tuple(FIGURES)).items():
        match = re.fullmatch(r"\s*(>=|<=)\s*([0-9.eE+-]+)\s*", str(text))
        try:
            found.append(Constraint(name, match[1], float(match[2])) if match else None)
        except ValueError:
            found.append(None)
        if found[-1] is None:
            raise BittrueError(
                f"constraints.{name} must be written like '>= 0.96' or '<= 400', got {text!r}"
            )
    return tuple(item for item in found if item)
