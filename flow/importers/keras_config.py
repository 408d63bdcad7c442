"""What a file of Keras says of its layers, and in which order they stand."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import Values
from bittrue.model.reader import shown


class LayerConfig:
    """What a file says of a layer.

    Attributes
    ----------
    kind, name : str
        Its class and its name.
    what : str
        Both, for messages.
    """

    def __init__(self, tree: Any) -> None:
        said: dict[str, Any] = tree if isinstance(tree, dict) else {}
        fields, kind = said.get("config"), said.get("class_name")
        named = fields.get("name") if isinstance(fields, dict) else None
        if not isinstance(fields, dict) or not isinstance(kind, str) or not isinstance(named, str):
            raise BittrueError(f"a layer must have a class and a name, got {shown(tree)}")
        self._fields, self.inbound = fields, said.get("inbound_nodes")
        self.kind, self.name = kind, named
        self.what = f"{shown(self.kind)[1:-1]} {shown(self.name)}"

    def get(self, name: str, usual: object = None) -> Any:
        """Return a field, or what is usual where it is not said."""
        return self._fields.get(name, usual)

    def numbers(self, name: str, usual: float, size: int) -> Values:
        """Return a field that is a number, or one for each feature."""
        value = self.get(name, usual)
        items = value if isinstance(value, list) else [value] * size
        whole = all(type(item) in (int, float) and abs(item) < 1e300 for item in items)
        if not whole or len(items) != size:
            raise BittrueError(f"{self.what} must have {name} in numbers, got {shown(value)}")
        return np.array(items, np.float64)

    def must(self, name: str, *accepted: object) -> Any:
        """Return a field that is one of those accepted, the first where it is not said."""
        value = self.get(name, accepted[0])
        if not any(type(value) is type(one) and value == one for one in accepted):
            raise BittrueError(
                f"{self.what} must have {name} {' or '.join(map(str, accepted))}, "
                f"got {shown(value)}"
            )
        return value


def ordered(config: Any, place: str) -> list[tuple[LayerConfig, str]]:
    """Return layers from the input on, each with what it is called in the file of weights.

    Raises
    ------
    BittrueError
        If the network is no chain of layers.
    """
    tree = config if isinstance(config, dict) else {}
    kind, inner = tree.get("class_name"), tree.get("config")
    listed = inner.get("layers") if isinstance(inner, dict) else None
    if kind not in ("Sequential", "Functional") or not isinstance(listed, list):
        raise BittrueError(
            f"{place} must be a model of Sequential or Functional, got {shown(kind)}"
        )
    layers = [LayerConfig(one) for one in listed]
    seen: Counter[str] = Counter()
    groups = {}
    for layer in layers:
        if layer.name in groups:
            raise BittrueError(f"{place} must name each layer once, got {shown(layer.name)} twice")
        snake = _snake(layer.kind)
        groups[layer.name] = f"{snake}_{seen[snake]}" if seen[snake] else snake
        seen[snake] += 1
    chain = layers if kind == "Sequential" else _chained(layers, place)
    return [(layer, groups[layer.name]) for layer in chain]


def _snake(name: str) -> str:
    """Return the name of a class as Keras writes it in the file of weights."""
    parts = re.sub(r"\W+", "", name)
    parts = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", parts)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", parts).lower()


def _chained(layers: list[LayerConfig], place: str) -> list[LayerConfig]:
    """Return layers of a graph in the order of the signal."""
    follows: dict[str, LayerConfig] = {}
    starts = []
    for layer in layers:
        sources = list(_sources(layer.inbound))
        if not sources:
            starts.append(layer)
        elif len(sources) > 1:
            raise BittrueError(f"{layer.what} must take one signal, got {len(sources)}")
        elif sources[0] in follows:
            raise BittrueError(
                f"what {shown(sources[0])} gives must go into one layer, got two, "
                f"{follows[sources[0]].what} and {layer.what}"
            )
        else:
            follows[sources[0]] = layer
    if len(starts) != 1:
        raise BittrueError(f"{place} must have one input, got {len(starts)}")
    chain = starts
    while chain[-1].name in follows:
        chain.append(follows.pop(chain[-1].name))
    if len(chain) != len(layers):
        raise BittrueError(f"{place} must be one chain of layers, got more")
    return chain


def _sources(tree: Any) -> Iterator[str]:
    """Yield the layers that a layer's calls take their signals from."""
    waiting = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting += item
        elif isinstance(item, dict) and "keras_history" in item:
            history = item["keras_history"]
            if not isinstance(history, list) or not history or not isinstance(history[0], str):
                raise BittrueError(f"a signal must say its layer, got {shown(history)}")
            yield history[0]
        elif isinstance(item, dict):
            waiting += item.values()
