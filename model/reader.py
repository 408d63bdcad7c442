"""Reading a design's JSON back, refusing by name what `Design.save` would not have written."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .curves import Curve, Segment
from .exceptions import BittrueError
from .formats import FixedType, Format, Overflow, Rounding
from .learning import STOCHASTIC, Derivative, LayerLearning, Learning
from .shape import Layer, Shape, Weights


class Reader:
    """A JSON object that knows where it stands in the file, and refuses what it must not hold."""

    def __init__(self, tree: Any, place: str, fields: Sequence[str]) -> None:
        self.place = place
        self.tree: Mapping[str, Any] = tree
        if not isinstance(tree, dict):
            raise BittrueError(f"{place} must be an object, got {shown(tree)}")
        for name in fields:
            if name not in tree:
                raise BittrueError(f"{place} must have a field {name!r}, got none")
        for name in tree:
            if name not in fields:
                raise BittrueError(f"{place} must have no field {name!r}")

    def at(self, name: str) -> str:
        """Return the place of a field, for messages."""
        return f"{self.place}.{name}"

    def get(self, name: str, kind: type, what: str) -> Any:
        """Return a field of exactly this type."""
        value = self.tree[name]
        if type(value) is not kind:
            raise BittrueError(f"{self.at(name)} must be {what}, got {shown(value)}")
        return value

    def integer(self, name: str) -> int:
        """Return a field that fits an int64."""
        value: int = self.get(name, int, "an integer")
        if abs(value) >= 1 << 63:
            raise BittrueError(f"{self.at(name)} must fit 64 bits, got {shown(value)}")
        return value

    def text(self, name: str) -> str:
        """Return a field that is text."""
        return str(self.get(name, str, "a text"))

    def list(self, name: str) -> list[Any]:
        """Return a field that is a list."""
        return list(self.get(name, list, "a list"))

    def codes(self, name: str) -> npt.NDArray[np.int64]:
        """Return a field that is a list, or rows, of integers; its rows are let go one by one."""
        rows = self.get(name, list, "a list")
        if not any(isinstance(row, list) for row in rows):
            return self._row(name, rows)
        for number, row in enumerate(rows):
            rows[number] = self._row(name, row)
        if len({len(row) for row in rows}) > 1:
            raise BittrueError(f"{self.at(name)} must have rows of one length")
        return np.array(rows, np.int64)

    def _row(self, name: str, row: Any) -> npt.NDArray[np.int64]:
        whole = isinstance(row, list) and all(type(item) is int for item in row)
        if not whole or any(abs(item) >= 1 << 63 for item in row):
            raise BittrueError(f"{self.at(name)} must be lists of integers of at most 64 bits")
        return np.array(row, np.int64)


def shown(value: Any) -> str:
    """Return a value as JSON, cut to fit a message."""
    try:
        text = json.dumps(value)
    except RecursionError:
        text = "what is nested too deeply"
    return text if len(text) <= 40 else text[:37] + "..."


def shape_from_json(tree: Any, place: str) -> Shape:
    """Read a shape that stands at ``place`` of a file."""
    reader = Reader(tree, place, ("layers", "training"))
    learning = None
    if tree["training"] is not None:
        learning = _learning_from_json(tree["training"], reader.at("training"))
    layers = [
        _layer_from_json(item, f"{reader.at('layers')}[{number}]")
        for number, item in enumerate(reader.list("layers"))
    ]
    try:
        return Shape(tuple(layers), learning)
    except BittrueError as error:
        raise BittrueError(f"{place}: {error}") from None


def _learning_from_json(tree: Any, place: str) -> Learning:
    reader = Reader(tree, place, ("rule", "rate", "rate_format", "rounding", "layers"))
    layers = [
        _layer_learning_from_json(item, f"{reader.at('layers')}[{number}]")
        for number, item in enumerate(reader.list("layers"))
    ]
    text = reader.text("rounding")
    try:
        return Learning(
            reader.text("rule"),
            reader.integer("rate"),
            _format_from_json(reader, "rate_format"),
            text if text == STOCHASTIC else Rounding.parse(text),
            tuple(layers),
        )
    except BittrueError as error:
        raise _placed(error, place) from None


def _layer_learning_from_json(tree: Any, place: str) -> LayerLearning:
    reader = Reader(tree, place, ("error", "delta", "derivative"))
    name = reader.text("derivative")
    known = [derivative.value for derivative in Derivative]
    if name not in known:
        raise BittrueError(
            f"{reader.at('derivative')} must be one of {', '.join(known)}, got {shown(name)}"
        )
    return LayerLearning(
        _type_from_json(tree["error"], reader.at("error")),
        _type_from_json(tree["delta"], reader.at("delta")),
        Derivative(name),
    )


_STAGES = ("input", "weight", "preactivation", "output")
_LAYER_FIELDS = ("inputs", "outputs", *_STAGES, "bias", "curve")
_CURVE_FIELDS = ("name", "slope_format", "intercept_format", "mirror", "segments")


def _layer_from_json(tree: Any, place: str) -> Layer:
    reader = Reader(tree, place, _LAYER_FIELDS)
    types = {name: _type_from_json(tree[name], reader.at(name)) for name in _STAGES}
    bias = None if tree["bias"] is None else _type_from_json(tree["bias"], reader.at("bias"))
    try:
        return Layer(
            reader.integer("inputs"),
            reader.integer("outputs"),
            types["input"],
            types["weight"],
            bias,
            types["preactivation"],
            _curve_from_json(
                tree["curve"], reader.at("curve"), types["preactivation"].format, types["output"]
            ),
        )
    except BittrueError as error:
        raise _placed(error, place) from None


def _curve_from_json(tree: Any, place: str, input: Format, output: FixedType) -> Curve:
    reader = Reader(tree, place, _CURVE_FIELDS)
    segments = []
    for number, item in enumerate(reader.list("segments")):
        row = Reader(item, f"{reader.at('segments')}[{number}]", Segment._fields)
        segments.append(Segment(*(row.integer(name) for name in Segment._fields)))
    mirror = None if tree["mirror"] is None else reader.integer("mirror")
    if not reader.text("name").isprintable():
        raise BittrueError(f"{reader.at('name')} must be printable, got {shown(tree['name'])}")
    try:
        return Curve(
            reader.text("name"),
            input,
            output,
            _format_from_json(reader, "slope_format"),
            _format_from_json(reader, "intercept_format"),
            tuple(segments),
            mirror,
        )
    except BittrueError as error:
        raise _placed(error, place) from None


def _type_from_json(tree: Any, place: str) -> FixedType:
    reader = Reader(tree, place, ("format", "rounding", "overflow"))
    try:
        return FixedType(
            _format_from_json(reader, "format"),
            Rounding.parse(reader.text("rounding")),
            Overflow.parse(reader.text("overflow")),
        )
    except BittrueError as error:
        raise _placed(error, place) from None


def _format_from_json(reader: Reader, name: str) -> Format:
    text = reader.text(name)
    try:
        format = Format.parse(text)
    except BittrueError as error:
        raise _placed(error, reader.at(name)) from None
    if str(format) != text:
        raise BittrueError(f"{reader.at(name)} must be written {format}, got {text!r}")
    return format


def _placed(error: BittrueError, place: str) -> BittrueError:
    """Put the place in front of a message that does not name it yet."""
    text = str(error)
    root = place.split(".shape")[0]
    return error if text.startswith(root) else BittrueError(f"{place}: {text}")


def weights_from_json(items: list[Any], place: str) -> Weights:
    """Read the codes of all layers, and behind them the register's state, if there is one."""
    weights, biases = [], []
    state = None
    if items and isinstance(items[-1], dict) and set(items[-1]) == {"state"}:
        state = Reader(items[-1], f"{place}[{len(items) - 1}]", ("state",)).integer("state")
        items = items[:-1]
    for number, item in enumerate(items):
        reader = Reader(item, f"{place}[{number}]", ("weights", "biases"))
        weights.append(reader.codes("weights"))
        biases.append(None if item["biases"] is None else reader.codes("biases"))
    return Weights(weights, biases, state)
