"""How the row of an argument is found: each way gives the same words, the cheapest is taken."""

import numpy as np
import pytest
from designs import Bench
from swept_curves import check

from bittrue.hdl import timing
from bittrue.hdl.curve import Curve
from bittrue.hdl.curve_alone import CurveAlone
from bittrue.hdl.curve_rows import MAX_CELL_BITS, Cells, cells_of, columns_of, comparing_cost
from bittrue.model.curves import Curve as Table
from bittrue.model.curves import Segment
from bittrue.model.formats import FixedType, Format
from bittrue.model.makers import MAKERS, make_curve

S8, U8 = Format.parse("fxp-s8/4"), FixedType.parse("fxp-u8/7")
S10, U10 = Format.parse("fxp-s10/6"), FixedType.parse("fxp-u10/9")
S16, U16 = Format.parse("fxp-s16/12"), FixedType.parse("fxp-u16/15")
MOST = 2
"""Most divisions into cells that are simulated: large ones are slow."""
SIGNED = ("relu6", "plan-tanh", "identity", "relu")
"""Curves with values that unsigned outputs with one integer bit have no codes for."""


def made(name, input, output, **options):
    """Return a maker's curve, in the input's format where the output cannot hold it."""
    return make_curve(name, input, FixedType(input) if name in SIGNED else output, **options)


def all_cells(table):
    """Return every division into cells that there is of a table."""
    width = table.argument.width
    tried = (Cells.of(table, width - bits) for bits in range(1, min(width, MAX_CELL_BITS) + 1))
    return [cells for cells in tried if cells is not None]


def forced(table, cells, **options):
    """Return a unit that finds rows by these cells, or by comparing with all starts if None."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bittrue.hdl.curve.cells_of", lambda table: cells)
        patch.setattr("bittrue.hdl.timing.cells_of", lambda table: cells)
        return Curve(table, **options)


def every_way(table):
    """Return units of all ways to find a row, by the fewest top bits, with registers and without.

    With more top bits than are needed nothing changes but the size.
    """
    ways = [None, *all_cells(table)[:MOST]]
    return [forced(table, cells, registers=held) for cells in ways for held in (True, False)]


def check_every_way(tables, **options):
    units = [(table, unit) for table in tables for unit in every_way(table)]
    check([table for table, _ in units], [unit for _, unit in units], **options)


@pytest.mark.parametrize("name", MAKERS)
def test_every_way_gives_the_same_on_every_code_of_8_bits(name):
    check_every_way([made(name, S8, U8)], stalls=0.1)


@pytest.mark.parametrize("name", ["plan", "alippi", "hard-sigmoid", "step", "relu6"])
def test_shifting_gives_the_same_as_multiplying(name, monkeypatch):
    table = made(name, S8, U8)
    if name != "hard-sigmoid":
        assert timing.shifts_only(table)
    shifting = every_way(table)
    check([table] * len(shifting), shifting)
    monkeypatch.setattr("bittrue.hdl.timing.shifts_only", lambda table: False)
    multiplying = every_way(table)
    check([table] * len(multiplying), multiplying)
    slower = multiplying[0].latency - shifting[0].latency
    assert slower == (0 if name == "hard-sigmoid" else 3)


def test_a_fit_on_every_code_of_10_bits():
    check_every_way([made("fit", S10, U10, segments=5)])


@pytest.mark.long
@pytest.mark.parametrize("name", ["plan", "plan-monotone", "alippi", "fit", "faithful", "relu6"])
def test_every_way_gives_the_same_on_every_code_of_16_bits(name):
    table = made(name, S16, U16)
    units = [forced(table, cells) for cells in (None, *all_cells(table)[:MOST])]
    check([table] * len(units), units)


@pytest.mark.long
@pytest.mark.parametrize("part", range(8))
@pytest.mark.parametrize("name", ["plan", "faithful"])
def test_without_registers_the_same_on_every_code_of_16_bits(name, part):
    table = made(name, S16, FixedType(S16))
    check([table], [Curve(table, registers=False)], codes=S16.codes()[part::8])


def wide(starts, *, width=24):
    """Return a table of falling and rising pieces, with no regular starts."""
    rows = [
        Segment(start, 3 * n % 31 - 15, 7 * n % 101 - 50)
        for n, start in enumerate([-1 << width - 1, *starts])
    ]
    return Table(
        "wide",
        Format(True, width, 12),
        FixedType(Format(True, width, 12)),
        Format.parse("fxp-s6/4"),
        Format.parse("fxp-s8/4"),
        tuple(rows),
    )


WIDE = {
    "one start": (123457,),
    "near zero": (-101, 3, 52, 1001),
    "far apart": (-4000001, -2000001, -101, 123457, 3000003),
    "at both ends": (-(1 << 23) + 1, (1 << 23) - 1),
    "multiples": (-(1 << 22), 0, 1 << 20, 1 << 22),
}


@pytest.mark.parametrize("starts", WIDE.values(), ids=WIDE)
def test_wide_tables_about_their_starts(starts):
    table = wide(starts)
    ends = np.array([table.input.min_code, *starts, table.input.max_code])
    near = (ends[:, None] + np.arange(-2, 3)).ravel()
    drawn = np.random.default_rng(0).integers(table.input.min_code, table.input.max_code, 500)
    codes = np.clip([*near, *drawn], table.input.min_code, table.input.max_code)
    check_every_way([table], codes=codes)


def test_mirrored_table_with_its_last_start_at_the_last_magnitude():
    starts = (0, 1, 100, 127, 128)
    rows = [Segment(start, n - 2, 3 * n) for n, start in enumerate(starts)]
    signed = Format.parse("fxp-s16/4")
    table = Table("ends", S8, FixedType(signed), signed, signed, tuple(rows), -7)
    check_every_way([table])


def test_a_jump_of_one_row_is_found():
    """The check itself can fail: hardware of another table is told apart."""
    table = made("plan", S8, U8)
    row = table.segments[1]
    other = table.with_segment(1, row._replace(intercept=row.intercept + 1))
    check([table], [Curve(table)])
    with pytest.raises(AssertionError, match=r"unit 0"):
        check([table], [Curve(other)])


@pytest.mark.parametrize("name", MAKERS)
def test_the_cheapest_way_is_taken(name):
    table = made(name, S16, U16)
    columns, chosen = columns_of(table), cells_of(table)
    costs = [cells.cost(columns) for cells in all_cells(table)]
    cost = comparing_cost(table) if chosen is None else chosen.cost(columns)
    assert cost == min([*costs, comparing_cost(table)])


def test_each_way_is_the_cheapest_somewhere():
    compared = cells_of(wide(WIDE["near zero"]))
    by_cell = cells_of(make_curve("faithful", S16, FixedType(S16)))
    split = cells_of(make_curve("fit", S16, U16, segments=32))
    by_number = cells_of(make_curve("plan", S16, U16))
    assert compared is None
    assert (by_cell.direct, by_cell.split) == (True, False)
    assert (split.direct, split.split) == (False, True)
    assert (by_number.direct, by_number.split) == (False, False)


def test_two_starts_in_a_cell_are_no_cells():
    table = wide((-101, 3, 52, 1001))
    assert Cells.of(table, 23) is None
    cells = Cells.of(wide((1001,)), 23)
    assert cells == Cells(23, (1, 0), (1001, 0))


@pytest.mark.parametrize("registers", [True, False])
def test_alone_a_curve_is_one_register_later(registers):
    table = made("fit", S8, U8, segments=4)
    dut = CurveAlone(table, registers=registers)
    latency = timing.curve(table) + 1 if registers else 0
    codes, seen = S8.codes(), []

    async def testbench(ctx):
        for code in [*codes, *[0] * latency]:
            ctx.set(dut.i, int(code))
            _, _, word = await ctx.tick().sample(dut.o)
            seen.append(word)

    Bench(dut).run(testbench)
    np.testing.assert_array_equal(seen[latency:], table.evaluate(codes))
