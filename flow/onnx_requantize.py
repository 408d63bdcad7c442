"""Requantization in ONNX: one node where there is one, else rounding and fitting by hand."""

from typing import Any

import numpy as np

from bittrue.model.formats import Codes, FixedType, Format, Overflow, Rounding, decode

from .importers.onnx_file import QONNX
from .onnx_graph import BOOL, FLOAT, Graph

NAMED = {
    Rounding.RND_CONV: "ROUND",
    Rounding.TRN: "FLOOR",
    Rounding.TRN_ZERO: "DOWN",
    Rounding.RND_INF: "HALF_UP",
    Rounding.RND_ZERO: "HALF_DOWN",
}
"""Rounding modes that QONNX has, as it calls them."""

INTEGERS: dict[tuple[bool, int], Any] = {
    (True, 8): np.int8,
    (False, 8): np.uint8,
    (True, 16): np.int16,
    (False, 16): np.uint16,
    (True, 32): np.int32,
}
"""Integers that ONNX quantizes to, by sign and width."""

KINDS = {"int8": 3, "uint8": 2, "int16": 5, "uint16": 4, "int32": 6}
PAIRED = 16
"""Widest word of a pair of QuantizeLinear and DequantizeLinear."""


class Requantizer:
    """Writes requantizations into a graph.

    Parameters
    ----------
    graph : Graph
        What is written to.
    way : {"qonnx", "qdq"}
        As in `bittrue.flow.onnx_export.onnx_model`.
    """

    def __init__(self, graph: Graph, way: str) -> None:
        self.graph, self.way = graph, way

    def requantized(self, signal: str, type: FixedType, source: Format | None = None) -> str:
        """Add the requantization of a signal to a type.

        Parameters
        ----------
        signal : str
            Name of values.
        type : FixedType
            Their new type.
        source : Format, optional
            Of the values; what is as coarse and within range already needs nothing but the
            telling. Left out for floats of any kind.
        """
        if self.way == "qonnx" and self._named(type):
            return self._quant(signal, type, NAMED[type.rounding])
        if self.way == "qdq" and self._native(type):
            return self._pair(signal, type)
        fitted = self._by_hand(signal, type, source)
        if self.way == "qonnx" and _tellable(type.format):
            return self._quant(fitted, FixedType(type.format), "ROUND")
        if self.way == "qdq" and type.format.width <= PAIRED:
            return self._pair(fitted, type)
        return fitted

    def held(self, name: str, codes: Codes, type: FixedType, widest: int = PAIRED) -> str:
        """Add codes that the file holds, and return the name of their values.

        Parameters
        ----------
        name : str
            What they are called.
        codes : ndarray of int64
            The codes.
        type : FixedType
            Theirs.
        widest : {16, 32}
            Bits that integers may have; what is wider is held as values.
        """
        graph, format = self.graph, type.format
        if self.way == "qonnx":
            values = graph.numbers(name, decode(codes, format))
            if not _tellable(format):
                return values
            values = graph.constant(
                "Quant", [values, *self._parameters(format)], codes.shape, kind=FLOAT,
                domain=QONNX, **_flags(format, narrow=False),
            )  # fmt: skip
            return self._real(values, codes.shape)
        # never 8 bits: onnxruntime would then take the product into one of its own, inexact
        width = next((w for w in (PAIRED, widest) if w >= format.width), 0)
        if (
            (format.signed, width) not in INTEGERS
            or int(np.abs(codes).max(initial=0)) >= 1 << 24
            or not _single(format)
        ):
            return graph.numbers(name, decode(codes, format))
        integers = graph.tensor(name, codes.astype(INTEGERS[format.signed, width]))
        scale = graph.tensor("scale", np.array(format.lsb, np.float32))
        values = graph.constant("DequantizeLinear", [integers, scale], codes.shape, kind=FLOAT)
        return self._real(values, codes.shape)

    def _real(self, values: str, shape: tuple[int, ...]) -> str:
        """Return values that the file holds, in the type of all values."""
        graph = self.graph
        if graph.real == FLOAT:
            return values
        return graph.constant("Cast", [values], shape, to=graph.real)

    def _named(self, type: FixedType) -> bool:
        fits = type.overflow in (Overflow.SAT, Overflow.SAT_SYM)
        return fits and type.rounding in NAMED and _tellable(type.format)

    def _native(self, type: FixedType) -> bool:
        """Tell whether a pair of ONNX alone does all of a requantization."""
        modes = (type.rounding, type.overflow) == (Rounding.RND_CONV, Overflow.SAT)
        whole = type.format.width in (8, PAIRED) and _single(type.format)
        return modes and whole and self.graph.real == FLOAT

    def _parameters(self, format: Format) -> list[str]:
        graph = self.graph
        return [graph.number(format.lsb), graph.number(0.0), graph.number(format.width)]

    def _quant(self, signal: str, type: FixedType, rounding: str) -> str:
        graph, narrow = self.graph, type.overflow is Overflow.SAT_SYM
        values = graph.add(
            "Quant",
            [signal, *self._parameters(type.format)],
            FLOAT,
            domain=QONNX,
            **_flags(type.format, narrow, rounding),
        )
        return values if graph.real == FLOAT else graph.add("Cast", [values], to=graph.real)

    def _pair(self, signal: str, type: FixedType) -> str:
        """Add a pair of QuantizeLinear and DequantizeLinear, as wide as ONNX has words."""
        graph, format = self.graph, type.format
        if not _single(format):
            return signal
        integer = np.dtype(INTEGERS[format.signed, 8 if format.width <= 8 else PAIRED])
        scale = graph.tensor("scale", np.array(format.lsb, np.float32))
        both = [scale, graph.tensor("zero", np.zeros((), integer))]
        if graph.real != FLOAT:
            signal = graph.add("Cast", [signal], kind=FLOAT, to=FLOAT)
        codes = graph.add("QuantizeLinear", [signal, *both], kind=KINDS[integer.name])
        values = graph.add("DequantizeLinear", [codes, *both], kind=FLOAT)
        if graph.real == FLOAT:
            return values
        return graph.add("Cast", [values], to=graph.real)

    def _by_hand(self, signal: str, type: FixedType, source: Format | None) -> str:
        """Add rounding and fitting, in units of the new LSB."""
        graph, format = self.graph, type.format
        scaled = graph.add("Mul", [signal, graph.number(2.0**format.frac)])
        if source is None or source.frac > format.frac:
            scaled = self._rounded(scaled, type.rounding)
        scaled = self._fitted(scaled, type)
        return graph.add("Mul", [scaled, graph.number(format.lsb)])

    def _rounded(self, signal: str, rounding: Rounding) -> str:
        add = self.graph.add
        if rounding is Rounding.RND_CONV:
            return add("Round", [signal])
        if rounding is Rounding.TRN:
            return add("Floor", [signal])
        if rounding is Rounding.RND:
            return self._half_up(signal)
        if rounding is Rounding.RND_MIN_INF:
            return add("Neg", [self._half_up(add("Neg", [signal]))])
        sign, size = add("Sign", [signal]), add("Abs", [signal])
        if rounding is Rounding.TRN_ZERO:
            return add("Mul", [sign, add("Floor", [size])])
        if rounding is Rounding.RND_INF:
            return add("Mul", [sign, self._half_up(size)])
        return add("Mul", [sign, add("Neg", [self._half_up(add("Neg", [size]))])])

    def _half_up(self, signal: str) -> str:
        """Add the rounding to the nearest, ties up, that no float's own rounding disturbs."""
        graph = self.graph
        floor = graph.add("Floor", [signal])
        rest = graph.add("Sub", [signal, floor])
        up = graph.add("GreaterOrEqual", [rest, graph.number(0.5)], kind=BOOL)
        return graph.add("Add", [floor, graph.add("Cast", [up], to=graph.real)])

    def _fitted(self, signal: str, type: FixedType) -> str:
        graph, format = self.graph, type.format
        low, high = float(format.min_code), float(format.max_code)
        if type.overflow is Overflow.SAT_SYM and format.signed:
            low = -high
        ends = [graph.number(low), graph.number(high)]
        if type.overflow in (Overflow.SAT, Overflow.SAT_SYM):
            return graph.add("Clip", [signal, *ends])
        if type.overflow is Overflow.SAT_ZERO:
            above = graph.add("GreaterOrEqual", [signal, ends[0]], kind=BOOL)
            below = graph.add("LessOrEqual", [signal, ends[1]], kind=BOOL)
            inside = graph.add("And", [above, below], kind=BOOL)
            return graph.add("Where", [inside, signal, graph.number(0.0)])
        turns = graph.add("Sub", [signal, ends[0]])
        turns = graph.add("Mul", [turns, graph.number(2.0**-format.width)])
        whole = graph.add("Floor", [turns])
        whole = graph.add("Mul", [whole, graph.number(2.0**format.width)])
        return graph.add("Sub", [signal, whole])


def _tellable(format: Format) -> bool:
    """Tell whether QONNX has a format: its values are float32, its single bit with a sign ±1."""
    return (format.width > 1 or not format.signed) and format.width <= 24 and _single(format)


def _single(format: Format) -> bool:
    """Tell whether a format's LSB is a normal float32, which ONNX takes for a scale."""
    return abs(format.frac) <= 100


def _flags(format: Format, narrow: bool, rounding: str = "ROUND") -> dict[str, Any]:
    return {
        "signed": int(format.signed),
        "narrow": int(narrow and format.signed),
        "rounding_mode": rounding,
    }
