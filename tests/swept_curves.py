"""Curves in gates that are all given the same codes, one a cycle, and held against their tables."""

import numpy as np
from amaranth.hdl import Cat, Module
from amaranth.lib.wiring import Component, In, Out
from designs import Bench

from bittrue.hdl.shapes import shape_of


class Swept(Component):
    """Curve units side by side, what they give as one word."""

    def __init__(self, tables, units):
        self.tables, self.units = tables, units
        self.word_bits = max(table.output.format.width for table in tables) + 2
        input = shape_of(tables[0].input)
        super().__init__({"en": In(1), "i": In(input), "words": Out(self.word_bits * len(units))})

    def elaborate(self, platform):
        m = Module()
        words = []
        for n, (table, unit) in enumerate(zip(self.tables, self.units, strict=True)):
            m.submodules[f"unit_{n}"] = unit
            m.d.comb += [unit.en.eq(self.en), unit.i.eq(self.i)]
            spare = self.word_bits - table.output.format.width - 2
            words += [unit.o, unit.inexact, unit.overflowed, Cat([0] * spare)]
        m.d.comb += self.words.eq(Cat(words))
        return m


def check(tables, units, *, codes=None, stalls=0.0):
    """Hold every word and flag of every unit against its table, on all codes or those given."""
    codes = tables[0].input.codes() if codes is None else codes
    dut, rng, seen = Swept(tables, units), np.random.default_rng(0), []
    last = len(codes) - 1
    latest = max(unit.latency for unit in units)

    async def testbench(ctx):
        ctx.set(dut.en, 1)
        while len(seen) < len(codes) + latest:
            enabled = not (stalls and rng.random() < stalls)
            if stalls:
                ctx.set(dut.en, enabled)
            ctx.set(dut.i, int(codes[min(len(seen), last)]))
            _, _, words = await ctx.tick().sample(dut.words)
            if enabled:
                seen.append(words)

    Bench(dut).run(testbench)
    for n, (table, unit) in enumerate(zip(tables, units, strict=True)):
        width = table.output.format.width
        kept = seen[unit.latency : unit.latency + len(codes)]
        rows = [word >> n * dut.word_bits for word in kept]
        outputs = np.array([row & (1 << width) - 1 for row in rows])
        outputs = np.where(outputs > table.output.format.max_code, outputs - (1 << width), outputs)
        expected, inexact, overflowed = table.evaluate_flagged(codes)
        np.testing.assert_array_equal(outputs, expected, err_msg=f"unit {n}: {table}")
        np.testing.assert_array_equal([row >> width & 1 for row in rows], inexact)
        np.testing.assert_array_equal([row >> width + 1 & 1 for row in rows], overflowed)
