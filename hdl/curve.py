"""A piecewise-linear curve in gates."""

from collections.abc import Callable, Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from bittrue.model.curves import Curve as Table
from bittrue.model.types import Format

from . import timing
from .curve_rows import (
    FEW,
    Cells,
    cells_of,
    columns_of,
    result_format,
    stays_inside,
    total_format,
    trailing_zeros,
)
from .pipeline import delayed
from .requantize import Requantize, increment_of, sign_of
from .shapes import shape_of

Choose = Callable[[Sequence[int], str], Value]
"""From a column of a table, and its name, to the word of the row that was found."""


class Curve(Component):
    """A piecewise-linear curve: look the row up, multiply, add, requantize, mirror.

    The constants are those of the table it is made from. The row is found by comparators or by the
    top bits of the argument, whichever is cheaper; see `curve_rows`. Where all slopes are powers of
    two there is no multiplier: the argument is shifted.

    Parameters
    ----------
    table : model Curve
        Segments, formats, mirror.
    registers : bool
        False leaves all registers out: the latency is 0.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    i : In(pre-activation format)
        Code.
    o : Out(output format)
        Code, ``latency`` enabled cycles later.
    inexact, overflowed : Out(1)
        What the requantization lost, before mirroring. In step with ``o``.

    Attributes
    ----------
    latency : int
        Enabled cycles from ``i`` to ``o``. Initiation interval 1.
    """

    def __init__(self, table: Table, *, registers: bool = True) -> None:
        self._table, self._registers = table, registers
        self._cells = cells_of(table)
        self.latency = timing.curve(table) if registers else 0
        super().__init__(
            {
                "en": In(1),
                "i": In(shape_of(table.input)),
                "o": Out(shape_of(table.output.format)),
                "inexact": Out(1),
                "overflowed": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the stages in order."""
        m = Module()
        z, negative = self.i, Const(0, 1)
        if self._table.mirror is not None:
            negative = self.i[-1]
            magnitude = (self.i ^ negative.replicate(len(self.i))).as_unsigned() + negative
            z = self._held(m, magnitude[: len(self.i)], "argument")
        total = self._line(m, z)
        if stays_inside(self._table):
            results = self._rounded(m, total, negative)
        else:
            results = self._requantized(m, total, negative)
        ports = (self.o, self.inexact, self.overflowed)
        m.d.comb += [port.eq(result) for port, result in zip(ports, results, strict=True)]
        return m

    def _held(self, m: Module, value: Value, name: str, stages: int = 1) -> Value:
        """Return a value behind registers, if there are any."""
        return delayed(m, value, stages, name=name, en=self.en) if self._registers else value

    def _line(self, m: Module, z: Value) -> Value:
        """Return ``slope * z + intercept`` of the row that ``z`` falls in."""
        table, format = self._table, total_format(self._table)
        choose, z = self._address(m, z, self._cells) if self._cells else self._compare(m, z)
        slopes, intercepts = columns_of(table)
        product_shift = format.frac - table.slope_format.frac - table.input.frac
        intercept_shift = format.frac - table.intercept_format.frac
        if timing.shifts_only(table):
            product = self._shifted(m, choose, z)
        else:
            common = trailing_zeros(slopes)
            product_shift += common
            slope = self._held(m, choose([code >> common for code in slopes], "slope"), "slope", 2)
            product = slope * self._held(m, z, "argument_beside_slope", 2)
        common = trailing_zeros(intercepts)
        intercept = choose([code >> common for code in intercepts], "intercept")
        intercept = self._held(m, intercept, "intercept")
        if not timing.shifts_only(table):
            product = self._held(m, product, "product", 2)
            intercept = self._held(m, intercept, "intercept_beside_product", 3)
        total = Signal(shape_of(format), name="total")
        m.d.comb += total.eq(_sum(product, product_shift, intercept, intercept_shift + common))
        return self._held(m, total, "total")

    def _compare(self, m: Module, z: Value) -> tuple[Choose, Value]:
        """Find the row of ``z`` by a comparison with each start."""
        starts = [row.start for row in self._table.segments[1:]]
        reached = Cat(1, *(_reaches(z, start) for start in starts))
        inside = self._held(m, reached & ~(reached >> 1), "inside")

        def choose(column: Sequence[int], name: str) -> Value:
            word = Signal(_shape(column), name=f"{name}_chosen")
            for bit in range(len(word)):
                ones = [inside[n] for n, code in enumerate(column) if code >> bit & 1]
                m.d.comb += word[bit].eq(Cat(ones).any())
            return word

        return choose, self._held(m, z, "argument_beside_inside")

    def _address(self, m: Module, z: Value, cells: Cells) -> tuple[Choose, Value]:
        """Find the row of ``z`` by its top bits, and a comparison where rows start inside cells."""
        cell = z[cells.low_bits :]
        row = _looked_up(cell, cells.rows)
        if cells.split:
            split = self._held(m, _looked_up(cell, cells.splits), "split")
            row = self._held(m, row, "last_row")
            z = self._held(m, z, "argument_beside_split")
            skip = trailing_zeros(cells.splits)
            before = z[skip : cells.low_bits] < split[skip:]
            row = self._held(m, (row - before)[: len(row)], "row")
            z = self._held(m, z, "argument_beside_row")

        def choose(column: Sequence[int], name: str) -> Value:
            if cells.direct:
                return _looked_up(cell, [column[r] for r in cells.rows])
            return _looked_up(row, column)

        return choose, z

    def _shifted(self, m: Module, choose: Choose, z: Value) -> Value:
        """Return ``slope * z`` where all slopes are zero or powers of two."""
        slopes, _ = columns_of(self._table)
        kinds = sorted(set(slopes))
        z = self._held(m, z, "argument_beside_shift")
        if len(kinds) <= FEW:
            kind = self._held(m, choose([kinds.index(slope) for slope in slopes], "kind"), "kind")
            return _tree(
                kind, [z << slope.bit_length() - 1 if slope else Const(0) for slope in kinds]
            )
        amounts = [max(slope.bit_length() - 1, 0) for slope in slopes]
        amount = self._held(m, choose(amounts, "amount"), "amount")
        some = self._held(m, choose([int(slope > 0) for slope in slopes], "some"), "some")
        return Mux(some, z << amount, 0)

    def _rounded(self, m: Module, total: Value, negative: Value) -> tuple[Value, Value, Value]:
        """Return the result of a table that never overflows: one addition rounds and mirrors."""
        target, format = self._table.output, total_format(self._table)
        drop = format.frac - target.format.frac
        kept, increment, inexact = increment_of(total, drop, target.rounding)
        kept = kept << max(-drop, 0)
        value = Signal(shape_of(result_format(self._table)), name="value")
        if self._table.mirror is None:
            m.d.comb += value.eq(kept + increment)
        else:
            negative = self._held(m, negative, "negative", self.latency - 1)
            turned = kept ^ negative.replicate(len(value))
            mirror = Mux(negative, Const(self._table.mirror, len(value)), 0)
            carry = increment ^ negative
            m.d.comb += value.eq((Cat(1, turned[: len(value)]) + Cat(carry, mirror))[1:])
        result = Signal(self.o.shape(), name="result")
        m.d.comb += result.eq(value)
        return self._held(m, result, "result"), self._held(m, inexact, "was_inexact"), Const(0)

    def _requantized(self, m: Module, total: Value, negative: Value) -> tuple[Value, Value, Value]:
        """Return the result of a table that may overflow."""
        m.submodules.requantize = requantize = Requantize(
            total_format(self._table), self._table.output, registers=self._registers
        )
        m.d.comb += [requantize.en.eq(self.en), requantize.i.eq(total)]
        results = (requantize.o, requantize.inexact, requantize.overflowed)
        if self._table.mirror is None:
            return results
        negative = self._held(m, negative, "negative", self.latency - 1)
        value = Mux(negative, self._table.mirror - requantize.o, requantize.o)
        return tuple(
            self._held(m, result, f"result_{n}") for n, result in enumerate((value, *results[1:]))
        )


def _shape(column: Sequence[int]) -> Shape:
    return shape_of(Format.spanning(min(column), max(column), 0))


def _looked_up(index: Value, words: Sequence[int]) -> Value:
    """Return the word that stands at an index; beyond the last, the last."""
    shape = _shape(words)
    constants = {word: Const(word, shape) for word in words}
    padded = [*words, *[words[-1]] * ((1 << len(index)) - len(words))]
    return _tree(index, [constants[word] for word in padded])


def _tree(index: Value, values: Sequence[Value]) -> Value:
    """Return the value at an index; beyond the last, the last. Equal halves are not told apart."""
    if len(values) == 1:
        return values[0]
    top = (len(values) - 1).bit_length() - 1
    low, high = values[: 1 << top], values[1 << top :]
    high = [*high, *[high[-1]] * (len(low) - len(high))]
    if all(a is b for a, b in zip(low, high, strict=True)):
        return _tree(index, low)
    return Mux(index[top], _tree(index, high), _tree(index, low))


def _reaches(z: Value, start: int) -> Value:
    """Return ``z >= start``, of the bits that tell."""
    skip = trailing_zeros([start])
    return (z >> skip) >= start >> skip


def _sum(a: Value, raise_a: int, b: Value, raise_b: int) -> Value:
    """Return ``(a << raise_a) + (b << raise_b)``; low bits of one alone pass the adder."""
    if raise_a > raise_b:
        a, raise_a, b, raise_b = b, raise_b, a, raise_a
    apart = raise_b - raise_a
    low = Cat(a[bit] if bit < len(a) else sign_of(a) for bit in range(apart))
    high = (a >> apart) + b
    total = Cat(Const(0, raise_a), low, high)
    return total.as_signed() if high.shape().signed else total
