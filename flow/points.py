"""Points of a sweep, measured: from choices to a design, bit-true figures and exact cycles."""

import os
import signal
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from multiprocessing import parent_process
from typing import Any

import numpy as np

from bittrue.model.config import TYPE_FIELDS, Config
from bittrue.model.design import Design
from bittrue.model.errors import sqnr
from bittrue.model.exceptions import BittrueError, DefaultsWarning, ToolMissing
from bittrue.model.files import digest_of
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import FixedType, Values, decode, encode
from bittrue.model.golden import GoldenNetwork
from bittrue.model.quantize import quantize
from bittrue.model.ranges import choose_config

from .data import Data, check_width, load, split
from .space import ROLE_WIDTHS, Point
from .store import Row
from .sweep_hardware import TARGET, Hardware

PASSED = ("curve", "segments", "tolerance", *TYPE_FIELDS)
"""Axes that are choices of a `Config` as they are."""

MODES = ("rounding", "overflow")


@dataclass(frozen=True)
class Task:
    """What all points of a sweep share, small enough to be sent with each batch.

    Members
    -------
    source : str
        The data set, loaded by each worker once.
    held_out : int or None
        As `bittrue.flow.data.split` takes it.
    data : str
        Digest of the whole set, which a worker's must have.
    sizes, activations, weights, biases
        The golden network: layers' sizes, names, and arrays as nested tuples.
    version : str
        Of bittrue.
    hardware : Hardware
        How resources come to be.
    """

    source: str
    held_out: int | None
    data: str
    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    weights: tuple[Any, ...]
    biases: tuple[Any, ...] | None
    version: str
    hardware: Hardware = field(default_factory=Hardware)

    @classmethod
    def of(
        cls,
        golden: GoldenNetwork,
        source: str,
        data: Data,
        held_out: int | None,
        version: str,
        hardware: Hardware | None = None,
    ) -> "Task":
        """Return the task of a golden network and a data set."""
        return cls(
            source,
            held_out,
            data.digest,
            golden.sizes,
            tuple(item.name for item in golden.activations),
            tuple(_nested(array) for array in golden.weights),
            None if golden.biases is None else tuple(map(_nested, golden.biases)),
            version,
            hardware or Hardware(),
        )

    @cached_property
    def network(self) -> str:
        """Digest of the golden network."""
        return digest_of([self.sizes, self.activations, self.weights, self.biases])

    @cached_property
    def samples(self) -> str:
        """Digest of the data and of how they are parted."""
        return digest_of([self.data, self.held_out])

    def key(self, point: Point) -> str:
        """Return the key of a point's row: all that its figures depend on.

        Raises
        ------
        ToolMissing
            If a tool is needed that is not installed.
        """
        target = point.get("target", TARGET)
        if target not in self._hardware:
            self._hardware[target] = self.hardware.identity(target)
        parts = [point, self.network, self.samples, self.version, self._hardware[target]]
        return digest_of(parts)

    @cached_property
    def _hardware(self) -> dict[str, str]:
        """Identity of the hardware by target, as far as it was asked for."""
        return {}


def _nested(array: Values) -> Any:
    rows = array.tolist()
    return tuple(map(tuple, rows)) if array.ndim > 1 else tuple(rows)


class Bench:
    """Where points are measured: a network and its data, kept by each worker.

    Raises
    ------
    BittrueError
        If the data are not those of the task.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.golden = _golden(task)
        data = load(task.source)
        if data.digest != task.data:
            raise BittrueError(
                f"{task.source} must hold the same samples for every worker, got others"
            )
        check_width(data, self.golden.sizes[0], self.golden.sizes[-1])
        training, self.held_out = split(data, task.held_out)
        self.inputs = training.inputs
        self.expected = self.golden.predict(self.held_out.inputs)
        self._configs: dict[tuple[Any, ...], Config] = {}
        self._last: tuple[str, dict[str, float]] = ("", {})

    def row(self, point: Point) -> Row:
        """Return the row of a point; of a failed one, with its reason.

        Raises
        ------
        ToolMissing
            If a tool is not installed: no fault of the point.
        """
        task = self.task
        whose = (task.key(point), point, task.network, task.samples, task.version)
        try:
            design = self.design(point)
            figures = {**self._measured(design), **task.hardware.figures(design.shape, point)}
        except ToolMissing:
            raise
        except (ValueError, ArithmeticError, LookupError, TypeError) as error:
            named = "" if isinstance(error, BittrueError) else f"{type(error).__name__}: "
            return Row(*whose, None, " ".join(f"{named}{error}".split()), {})
        return Row(*whose, design.digest, None, figures)

    def design(self, point: Point) -> Design:
        """Return the design of a point.

        Raises
        ------
        BittrueError
            If the choices do not go together.
        """
        return quantize(self.golden, self._config(point))

    def _config(self, point: Point) -> Config:
        choices: dict[str, Any] = {name: point[name] for name in PASSED if name in point}
        modes: dict[str, Any] = {name: point[name] for name in MODES if name in point}
        if "format" in point:
            return Config.of(format=point["format"], **modes, **choices)
        types = self._types(point, modes)
        return Config.of(**modes, **{**types, **choices})

    def _types(self, point: Point, modes: dict[str, Any]) -> dict[str, Any]:
        """Return the type of each role and layer, each chosen by its own width."""
        layers = len(self.golden.weights)
        types: dict[str, Any] = {}
        for role, name in zip(TYPE_FIELDS, ROLE_WIDTHS, strict=True):
            widths = point.get(name, point["width"])
            widths = widths if isinstance(widths, list) else [widths] * layers
            if len(widths) != layers:
                raise BittrueError(
                    f"{name} must be one value or {layers}, one a layer, got {len(widths)}"
                )
            chosen = [self._chosen(width, point, modes) for width in widths]
            if role == "input_type":
                types[role] = str(chosen[0].input_type)
                continue
            types[role] = [
                str(getattr(config.layer(number, layers), role))
                for number, config in enumerate(chosen)
            ]
        return types

    def _chosen(self, width: int, point: Point, modes: dict[str, Any]) -> Config:
        """Return the types of one width for all roles, from ranges of the training samples."""
        options: dict[str, Any] = {n: point[n] for n in ("method", "margin") if n in point}
        options |= modes
        known = (width, *sorted(options.items()))
        if known not in self._configs:
            self._configs[known] = choose_config(self.golden, width, inputs=self.inputs, **options)
        return self._configs[known]

    def _measured(self, design: Design) -> dict[str, float]:
        """Return figures of a design's codes on all held-out samples; the last one's are kept."""
        if self._last[0] != design.digest:
            self._last = (design.digest, self._figures(design))
        return self._last[1]

    def _figures(self, design: Design) -> dict[str, float]:
        entering, output = design.shape.input, design.shape.output
        codes = encode(self.held_out.inputs, entering.format, entering.rounding, entering.overflow)
        actual = decode(FixedNetwork(design).predict(codes), output.format)
        classes = actual.argmax(axis=1)
        return {
            "accuracy": float(np.mean(classes == self.held_out.labels)),
            "agreement": float(np.mean(classes == self.expected.argmax(axis=1))),
            "sqnr": sqnr(self.expected, actual),
            "width": max(type.format.width for type in _words(design)),
            "bits": _bits(design),
        }


def _golden(task: Task) -> GoldenNetwork:
    golden = GoldenNetwork(
        task.sizes[0],
        task.sizes[1:-1],
        task.sizes[-1],
        0.1,
        0,
        activation=task.activations,
        biases=task.biases is not None,
    )
    golden.weights = [np.array(rows) for rows in task.weights]
    if task.biases is not None:
        golden.biases = [np.array(row) for row in task.biases]
    return golden


def _words(design: Design) -> list[FixedType]:
    """Return the types of all words that a design stores or hands on, accumulators apart."""
    found = [design.shape.input]
    for layer in design.shape.layers:
        found += [layer.weight, layer.preactivation, layer.output]
        found += [] if layer.bias is None else [layer.bias]
    return found


def _bits(design: Design) -> int:
    """Return the bits of all weights and biases."""
    bits = 0
    for layer in design.shape.layers:
        bits += layer.inputs * layer.outputs * layer.weight.format.width
        bits += 0 if layer.bias is None else layer.outputs * layer.bias.format.width
    return bits


@lru_cache(maxsize=1)
def bench_of(task: Task) -> Bench:
    """Return the bench of a task; a worker keeps the last one."""
    return Bench(task)


def measure(task: Task, points: Sequence[Point]) -> list[Row]:
    """Return the rows of a batch of points: what a worker is sent."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DefaultsWarning)
        bench = bench_of(task)
        return [bench.row(point) for point in points]


def end_with_parent() -> None:
    """End this process as soon as the one that started it has ended, however it did.

    An interrupt from the keyboard is left to that one.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
