import numpy as np
import pytest
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import Component, In, Out
from designs import Bench

from bittrue.hdl import timing
from bittrue.hdl.curve import Curve
from bittrue.model.curves import Curve as Table
from bittrue.model.curves import Segment
from bittrue.model.formats import FixedType, Format, Overflow, Rounding
from bittrue.model.makers import MAKERS, make_curve

S16, U16 = Format.parse("fxp-s16/12"), FixedType.parse("fxp-u16/15")
WIDE = ("relu6", "plan-tanh", "identity")
"""Curves with values that fxp-u16/15 has no codes for."""


class Swept(Component):
    """Curves that are all given every code, one a cycle, by a counter."""

    def __init__(self, tables):
        self.tables = tables
        self.word_bits = tables[0].output.format.width + 2
        super().__init__({"en": In(1), "words": Out(self.word_bits * len(tables))})

    def elaborate(self, platform):
        m = Module()
        code = Signal(self.tables[0].input.width)
        with m.If(self.en):
            m.d.sync += code.eq(code + 1)
        words = []
        for n, table in enumerate(self.tables):
            m.submodules[f"dut_{n}"] = dut = Curve(table)
            m.d.comb += [dut.en.eq(self.en), dut.i.eq(code)]
            words += [dut.o, dut.inexact, dut.overflowed]
        m.d.comb += self.words.eq(Cat(words))
        return m


def check(tables, *, stalls=0.0):
    """Hold every word and flag of every curve against its table, on every code."""
    dut = Swept(tables)
    count = 1 << tables[0].input.width
    latencies = [timing.curve(table) for table in tables]
    rng = np.random.default_rng(0)
    seen = []

    async def testbench(ctx):
        ctx.set(dut.en, 1)
        while len(seen) < count + max(latencies):
            enabled = not (stalls and rng.random() < stalls)
            if stalls:
                ctx.set(dut.en, enabled)
            _, _, words = await ctx.tick().sample(dut.words)
            if enabled:
                seen.append(words)

    Bench(dut).run(testbench)
    format = tables[0].input
    codes = np.arange(count)
    codes = np.where(codes > format.max_code, codes - count, codes)
    for n, (table, latency) in enumerate(zip(tables, latencies, strict=True)):
        width = table.output.format.width
        rows = [word >> n * dut.word_bits for word in seen[latency : latency + count]]
        outputs = np.array([row & (1 << width) - 1 for row in rows])
        outputs = np.where(outputs > table.output.format.max_code, outputs - (1 << width), outputs)
        expected, inexact, overflowed = table.evaluate_flagged(codes)
        np.testing.assert_array_equal(outputs, expected, err_msg=str(table))
        np.testing.assert_array_equal([row >> width & 1 for row in rows], inexact)
        np.testing.assert_array_equal([row >> width + 1 & 1 for row in rows], overflowed)


def test_every_maker_on_every_code():
    """All of the 65,536 codes of fxp-s16/12, for each curve there is a maker of."""
    tables = [make_curve(name, S16, FixedType(S16) if name in WIDE else U16) for name in MAKERS]
    check([*tables, make_curve("fit", S16, U16, segments=64)])


@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize("format", ["fxp-s6/3", "fxp-s8/4"])
def test_every_rounding_and_overflow(format, overflow):
    format = Format.parse(format)
    tables = [
        make_curve(name, format, FixedType(format, rounding, overflow))
        for rounding in Rounding
        for name in ("plan", "alippi", "step", "hard-sigmoid")
    ]
    check(tables, stalls=0.2)


def hand_made(output, *, input="fxp-s6/3", slope="fxp-s5/3", intercept="fxp-s7/4", mirror=None):
    """Return curves with falling pieces, jumps and, unless mirrored, overflows."""
    rows = [(0, -3, 5), (3, 7, -9), (11, 0, 3), (12, -16, 63)]
    if mirror is None:
        rows = [(-32, 15, -64), (-5, -3, 20), *[(start + 1, s, i) for start, s, i in rows]]
    return Table(
        "hand-made",
        Format.parse(input),
        output,
        Format.parse(slope),
        Format.parse(intercept),
        tuple(Segment(*row) for row in rows),
        mirror,
    )


@pytest.mark.parametrize("overflow", Overflow)
def test_hand_made_tables_that_overflow(overflow):
    check([hand_made(FixedType(Format.parse("fxp-s5/2"), r, overflow)) for r in Rounding])


@pytest.mark.parametrize("mirror", [0, 3, -5])
def test_hand_made_tables_that_mirror(mirror):
    check([hand_made(FixedType(Format.parse("fxp-s9/2"), r), mirror=mirror) for r in Rounding])


def test_odd_shapes_of_tables():
    """One row only; an unsigned input; a table of shifts that starts with a constant."""
    u5, out = Format.parse("fxp-u5/2"), FixedType.parse("fxp-s6/3")
    bit, wide = Format.parse("fxp-u4/2"), Format.parse("fxp-s5/3")
    check(
        [
            Table("one", u5, out, wide, wide, ((0, -7, 9),)),
            Table("constant", u5, out, bit, wide, ((0, 0, -9),)),
            Table("shifts", u5, out, bit, wide, ((0, 0, 1), (9, 8, -16), (20, 1, 3))),
        ]
    )
