"""What changes gates but never a code: how a shape is folded, and what watches it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bittrue.model.exceptions import BittrueError
from bittrue.model.files import digest_of
from bittrue.model.shape import Layer, Shape

COUNTERS = ("none", "overflow", "full")


@dataclass(frozen=True)
class Folding:
    """How one layer's products are spread over lanes and cycles.

    Parameters
    ----------
    inputs, outputs : int
        Sizes of the layer.
    pe : int
        Neurons side by side.
    simd : int
        Inputs taken per cycle by each of them.
    """

    inputs: int
    outputs: int
    pe: int
    simd: int

    @property
    def neuron_folds(self) -> int:
        """Groups of ``pe`` neurons, worked on one after the other."""
        return -(-self.outputs // self.pe)

    @property
    def input_folds(self) -> int:
        """Beats of ``simd`` inputs in a sample."""
        return -(-self.inputs // self.simd)

    @property
    def initiation_interval(self) -> int:
        """Cycles from one sample to the next."""
        return self.neuron_folds * self.input_folds

    @property
    def last_neurons(self) -> int:
        """Real neurons in the last group; the lanes above are padding."""
        return self.outputs - (self.neuron_folds - 1) * self.pe

    @property
    def last_inputs(self) -> int:
        """Real inputs in the last beat; the lanes above are padding."""
        return self.inputs - (self.input_folds - 1) * self.simd


@dataclass(frozen=True)
class Machine:
    """A shape, and the choices of hardware for it.

    Parameters
    ----------
    shape : Shape
        The network, weights apart.
    pe : int or sequence of int
        Neurons side by side, for all layers or one a layer.
    simd : int or sequence of int
        Inputs per cycle, for all layers or one a layer.
    counters : {"none", "overflow", "full"}
        Whether losses are counted: not at all, overflows, or overflows and inexact words.
    trace : bool
        Whether every stage has a trace port.
    trainer : bool
        Whether the network learns in gates.

    Raises
    ------
    BittrueError
        If a lane count is below 1, or there is not one for each layer; if there is a trainer, and
        the shape does not say how the network learns.
    """

    shape: Shape
    pe: int | Sequence[int] = 1
    simd: int | Sequence[int] = 1
    counters: str = "none"
    trace: bool = False
    trainer: bool = False

    def __post_init__(self) -> None:
        for name in ("pe", "simd"):
            object.__setattr__(self, name, self._lanes(name))
        if self.counters not in COUNTERS:
            raise BittrueError(
                f"counters must be one of {', '.join(COUNTERS)}, got {self.counters!r}"
            )
        if self.trainer and self.shape.learning is None:
            raise BittrueError(
                "a machine with a trainer must have a shape that says how it learns, got none: "
                "make its design with learning"
            )

    def _lanes(self, name: str) -> tuple[int, ...]:
        given, layers = getattr(self, name), len(self.shape.layers)
        lanes = (given,) * layers if isinstance(given, int) else tuple(given)
        if len(lanes) != layers:
            raise BittrueError(f"{name} must be given for {layers} layers, got {len(lanes)}")
        for count in lanes:
            if isinstance(count, bool) or not isinstance(count, int) or count < 1:
                raise BittrueError(f"{name} must be an integer of at least 1, got {count!r}")
        return lanes

    @cached_property
    def foldings(self) -> tuple[Folding, ...]:
        """One folding a layer."""
        pairs = zip(self.shape.layers, self._lanes("pe"), self._lanes("simd"), strict=True)
        return tuple(Folding(layer.inputs, layer.outputs, pe, simd) for layer, pe, simd in pairs)

    @property
    def parts(self) -> list[tuple[Layer, Folding]]:
        """Each layer with its folding."""
        return list(zip(self.shape.layers, self.foldings, strict=True))

    @property
    def initiation_interval(self) -> int:
        """Cycles from one sample to the next, source and sink unstalled: the largest layer's."""
        return max(folding.initiation_interval for folding in self.foldings)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the machine is built from."""
        return digest_of(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Return the machine as JSON, the shape by its digest."""
        return {
            "shape": self.shape.digest,
            "pe": list(self._lanes("pe")),
            "simd": list(self._lanes("simd")),
            "counters": self.counters,
            "trace": self.trace,
            **({"trainer": True} if self.trainer else {}),
        }
