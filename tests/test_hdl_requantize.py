from itertools import product

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, Out
from designs import Bench
from hypothesis import given, settings
from hypothesis import strategies as st

from bittrue.hdl import timing
from bittrue.hdl.requantize import Requantize
from bittrue.hdl.shapes import shape_of
from bittrue.model.formats import FixedType, Format, Overflow, Rounding, requantize_flagged

MODES = list(product(Rounding, Overflow))


class All(Component):
    """One source code into many targets at once."""

    def __init__(self, source, targets):
        self.source, self.targets = source, targets
        super().__init__(
            {
                "en": In(1),
                "i": In(shape_of(source)),
                **{f"o_{n}": Out(shape_of(target.format)) for n, target in enumerate(targets)},
                "inexact": Out(len(targets)),
                "overflowed": Out(len(targets)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        for n, target in enumerate(self.targets):
            m.submodules[f"dut_{n}"] = dut = Requantize(self.source, target)
            m.d.comb += [
                dut.en.eq(self.en),
                dut.i.eq(self.i),
                getattr(self, f"o_{n}").eq(dut.o),
                self.inexact[n].eq(dut.inexact),
                self.overflowed[n].eq(dut.overflowed),
            ]
        return m


def check(source, targets, codes, *, stalls=0.0, seed=0):
    """Stream codes through all targets, and hold every word against the model."""
    dut, latency = All(source, targets), timing.REQUANTIZE
    rng = np.random.default_rng(seed)
    expected = [
        requantize_flagged(codes, source, t.format, t.rounding, t.overflow) for t in targets
    ]

    async def testbench(ctx):
        step = 0
        while step < len(codes) + latency - 1:
            enabled = not (stalls and rng.random() < stalls)
            ctx.set(dut.en, enabled)
            ctx.set(dut.i, int(codes[min(step, len(codes) - 1)]) if enabled else source.max_code)
            await ctx.tick()
            step += enabled
            place = step - latency
            if enabled and place >= 0:
                inexact, overflowed = ctx.get(dut.inexact), ctx.get(dut.overflowed)
                for n, (words, lost, over) in enumerate(expected):
                    actual = (
                        ctx.get(getattr(dut, f"o_{n}")),
                        inexact >> n & 1,
                        overflowed >> n & 1,
                    )
                    wanted = (words[place], lost[place], over[place])
                    assert actual == wanted, (source, targets[n], int(codes[place]))

    Bench(dut).run(testbench)


@pytest.mark.parametrize("source", ["fxp-s5/2", "fxp-u5/3", "fxp-s1/0", "fxp-u1/0", "fxp-s4/-1"])
@pytest.mark.parametrize(
    "target", ["fxp-s3/0", "fxp-u3/1", "fxp-s4/2", "fxp-u6/4", "fxp-s2/-3", "fxp-s1/0", "fxp-s7/9"]
)
def test_every_code_in_every_mode(source, target):
    formats = Format.parse(source), Format.parse(target)
    targets = [FixedType(formats[1], *modes) for modes in MODES]
    check(formats[0], targets, formats[0].codes(), stalls=0.2)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("fxp-s63/40", "fxp-s16/12"),
        ("fxp-s63/0", "fxp-s63/-1"),
        ("fxp-u62/61", "fxp-u1/0"),
        ("fxp-s40/900", "fxp-s8/4"),
        ("fxp-s8/4", "fxp-s40/900"),
        ("fxp-s8/-900", "fxp-u8/4"),
        ("fxp-s33/24", "fxp-s18/14"),
    ],
)
def test_extremes_of_wide_formats(source, target):
    source, target = Format.parse(source), Format.parse(target)
    drop = source.frac - target.frac
    near = [0, source.min_code, source.max_code]
    for bit in {source.width - 2, max(min(drop, source.width - 2), 0), target.width + max(drop, 0)}:
        near += [1 << bit, -(1 << bit), 3 << bit] if bit < 61 else []
    codes = sorted({n + d for n in near for d in (-2, -1, 0, 1, 2)})
    codes = [code for code in codes if source.min_code <= code <= source.max_code]
    check(source, [FixedType(target, *modes) for modes in MODES], np.array(codes))


@settings(derandomize=True, deadline=None, max_examples=25)
@given(st.data())
def test_drawn_formats(data):
    formats = st.builds(Format, st.booleans(), st.integers(1, 40), st.integers(-8, 45))
    source, target = data.draw(formats), data.draw(formats)
    codes = data.draw(
        st.lists(st.integers(source.min_code, source.max_code), min_size=1, max_size=12)
    )
    check(source, [FixedType(target, *modes) for modes in MODES], np.array(codes))
