"""Lanes: the same netlist, many samples at once, held against Amaranth's simulator."""

import numpy as np
import pytest
from designs import drawn_design, drawn_session
from planted import plant_standstill

from bittrue.hdl.buffer import SampleBuffer
from bittrue.hdl.machine import Machine
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import Overflow, Rounding
from bittrue.sim.amaranth_engine import idle_limit, run_amaranth
from bittrue.sim.lanes import run_lanes
from bittrue.sim.lanes_build import lanes_for, lanes_library
from bittrue.sim.record import Session

LANES = 4


@pytest.fixture(autouse=True)
def _quickly_compiled(request, monkeypatch):
    if "long" not in request.keywords:
        monkeypatch.setenv("CFLAGS", "-O1")


def by_lanes(machine, sessions, *, stalls=0.0, seed=0, lanes=LANES, progress=None):
    library, limit = lanes_library(machine, lanes), idle_limit(machine, stalls)
    return run_lanes(machine, library, stalls, limit, sessions, seed, progress)


def by_amaranth(machine, sessions, *, stalls=0.0, seed=0):
    return run_amaranth(machine, sessions, stalls=stalls, seed=seed, waves=None, progress=None)


def ordered(table):
    """Return the rows of a table without their cycles, in order."""
    rows = table[:, 1:]
    return rows[np.lexsort(rows.T[::-1])].tolist()


def assert_same(machine, sessions, **options):
    expected, actual = by_amaranth(machine, sessions), by_lanes(machine, sessions, **options)
    for one, other in zip(expected, actual, strict=True):
        assert ordered(other.words) == ordered(one.words)
        assert ordered(other.outputs) == ordered(one.outputs)
        assert ordered(other.accepted) == ordered(one.accepted)
        assert other.counts == one.counts
        assert (other.traced, other.counts_inexact) == (one.traced, one.counts_inexact)
        assert (other.framing_error, other.stalled_at) == (False, None)


def test_333_shows_what_amaranth_shows_in_several_sessions_and_partly_filled_slots():
    design, other = drawn_design(1, (3, 3, 3)), drawn_design(2, (3, 3, 3))
    machine = Machine(design.shape, counters="full", trace=True)
    sessions = [drawn_session(3, design, 10), drawn_session(4, other, 8)]
    sessions += [drawn_session(5, other, 3), drawn_session(6, design, 0)]
    assert_same(machine, sessions)
    assert_same(machine, sessions, lanes=1)
    assert_same(machine, sessions, lanes=16, stalls=0.3, seed=7)


@pytest.mark.parametrize("overflow", Overflow)
def test_modes(overflow):
    """Each overflow mode with two rounding modes, all seven over the four of them."""
    modes, number = list(Rounding), list(Overflow).index(overflow)
    for rounding in (modes[number], modes[(number + 4) % 7]):
        design = drawn_design(number, (3, 4, 2), "fxp-s8/4", rounding=rounding, overflow=overflow)
        machine = Machine(design.shape, pe=2, counters="full", trace=True)
        assert_same(machine, [drawn_session(number, design, 9)])


@pytest.mark.parametrize("curve", ["step", "fit"])
def test_awkward_folding_biases_and_curves(curve):
    design = drawn_design(8, (5, 7, 4, 3), "fxp-s10/6", bias=True, curve=curve)
    machine = Machine(design.shape, pe=(2, 3, 1), simd=(2, 1, 3), counters="overflow", trace=True)
    assert_same(machine, [drawn_session(9, design, 11)], stalls=0.2, seed=3)


def test_wide_codes_and_packed_words():
    """Words on wires far beyond 64 bits, accumulators beyond 32."""
    design = drawn_design(10, (6, 9, 5), "fxp-s24/16", bias=True)
    machine = Machine(design.shape, pe=(5, 2), simd=(3, 4), counters="full", trace=True)
    assert_same(machine, [drawn_session(11, design, 6)])


@pytest.mark.parametrize("stalls", [0.0, 0.4])
def test_a_lane_shows_the_cycles_of_its_own_samples(stalls):
    """Lane 0 is a machine that is given every fourth sample."""
    design = drawn_design(12, (3, 3, 3))
    machine = Machine(design.shape, trace=True)
    session = drawn_session(13, design, 4 * LANES)
    every = Session(session.weights, session.codes[::LANES])
    (expected,) = by_amaranth(machine, [every], stalls=stalls, seed=14)
    (actual,) = by_lanes(machine, [session], stalls=stalls, seed=14)
    for name, column in (("words", 3), ("outputs", 1), ("accepted", 1)):
        table = getattr(actual, name)
        lane = table[table[:, column] % LANES == 0].copy()
        lane[:, column] //= LANES
        rows = getattr(expected, name)
        assert lane[np.lexsort(lane.T[::-1])].tolist() == rows[np.lexsort(rows.T[::-1])].tolist()


def test_a_standstill_is_reported(monkeypatch):
    plant_standstill(monkeypatch)
    design = drawn_design(1, (3, 3, 3))
    machine = Machine(design.shape, counters="full", trace=True)
    sessions = [drawn_session(2, design, 4 * LANES), drawn_session(3, design, 4)]
    runs = by_lanes(machine, sessions)
    alone = [Session(session.weights, session.codes[::LANES]) for session in sessions]
    expected = by_amaranth(machine, alone)
    assert [run.stalled_at for run in runs] == [run.stalled_at for run in expected]
    assert [run.counts for run in runs] == [None, None]


def test_control_that_depends_on_data_is_refused(monkeypatch):
    elaborate = SampleBuffer.elaborate

    def leaky(self, platform):
        m = elaborate(self, platform)
        m.d.comb += self.misframed.eq(self.i.payload.lanes[0] == 0)
        return m

    monkeypatch.setattr(SampleBuffer, "elaborate", leaky)
    message = "^the control of a network must not depend on its data, got framing_error$"
    with pytest.raises(BittrueError, match=message):
        lanes_library(Machine(drawn_design(1, (3, 3)).shape), LANES)


@pytest.mark.parametrize(("sizes", "pe", "lanes"), [((3, 3), 1, 64), ((9000, 3), 1, 8)])
def test_lanes_are_as_many_as_the_caches_hold(sizes, pe, lanes):
    assert lanes_for(Machine(drawn_design(1, sizes).shape, pe=pe)) == lanes


def test_progress():
    design = drawn_design(1, (3, 3))
    told = []
    by_lanes(
        Machine(design.shape),
        [drawn_session(2, design, 5)] * 2,
        progress=lambda *done: told.append(done),
    )
    assert told == [(5, 10), (10, 10)]


@pytest.mark.long
def test_as_it_is_compiled_for_use():
    design = drawn_design(15, (20, 16, 5), "fxp-s16/12", bias=True)
    machine = Machine(design.shape, pe=(8, 5), simd=(1, 4), counters="full", trace=True)
    assert_same(machine, [drawn_session(16, design, 40)], lanes=32)
