import pytest
import swept_curves

from bittrue.hdl.curve import Curve
from bittrue.model.curves import Curve as Table
from bittrue.model.curves import Segment
from bittrue.model.formats import FixedType, Format, Overflow, Rounding
from bittrue.model.makers import MAKERS, make_curve

S16, U16 = Format.parse("fxp-s16/12"), FixedType.parse("fxp-u16/15")
WIDE = ("relu6", "plan-tanh", "identity")
"""Curves with values that fxp-u16/15 has no codes for."""


def check(tables, *, stalls=0.0):
    """Hold every word and flag of every curve against its table, on every code."""
    swept_curves.check(tables, [Curve(table) for table in tables], stalls=stalls)


def test_every_maker_on_every_code():
    """All of the 65,536 codes of fxp-s16/12, for each curve there is a maker of."""
    tables = [make_curve(name, S16, FixedType(S16) if name in WIDE else U16) for name in MAKERS]
    in_place = make_curve("faithful", S16, FixedType(S16))
    check([*tables, make_curve("fit", S16, U16, segments=64), in_place])


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
