"""What every engine must satisfy, asked of each of them."""

import time

import numpy as np
import pytest
from designs import drawn_design, drawn_session
from planted import plant_standstill

from bittrue.hdl.machine import Machine
from bittrue.model.formats import Overflow, Rounding
from bittrue.model.golden import GoldenNetwork
from bittrue.model.quantize import quantize
from bittrue.sim.compare import compare
from bittrue.sim.cxxrtl import cxxrtl_source
from bittrue.sim.engines import simulate

pytest_plugins = ["builds"]
pytestmark = pytest.mark.usefixtures("builds")

ENGINES = [
    pytest.param("cxxrtl", marks=pytest.mark.needs("c++")),
    pytest.param("verilator", marks=[pytest.mark.needs("c++"), pytest.mark.long]),
    pytest.param("icarus", marks=pytest.mark.needs("iverilog", "vvp")),
]

DESIGN = drawn_design(1, (5, 4, 3), bias=True)
OTHER = drawn_design(9, (5, 4, 3), bias=True)
MACHINE = Machine(DESIGN.shape, 2, 3, counters="full", trace=True)
SESSIONS = [
    drawn_session(2, DESIGN, 5),
    drawn_session(3, OTHER, 4),
    drawn_session(4, DESIGN, 0),
    drawn_session(5, OTHER, 3),
]


def rows(run, *, cycles):
    tables = (run.words, run.outputs, run.accepted)
    if cycles:
        return [table.tolist() for table in tables]
    return [sorted(table[:, 1:].tolist()) for table in tables]


def rest(run):
    return run.counts, run.traced, run.counts_inexact, run.framing_error, run.stalled_at


@pytest.mark.parametrize("stalls", [0.0, 0.3])
@pytest.mark.parametrize("engine", ENGINES)
def test_engines_agree_with_amaranth(engine, stalls):
    """Every word, and without stalls every cycle too."""
    expected = simulate(MACHINE, SESSIONS, stalls=stalls)
    actual = simulate(MACHINE, SESSIONS, engine=engine, stalls=stalls, seed=3)
    for one, other in zip(expected, actual, strict=True):
        assert rows(one, cycles=not stalls) == rows(other, cycles=not stalls)
        assert rest(one) == rest(other)
    if stalls:
        assert (
            actual[0].outputs[-1, 0] > simulate(MACHINE, SESSIONS, engine=engine)[0].outputs[-1, 0]
        )


@pytest.mark.parametrize("jobs", [3, 20])
@pytest.mark.parametrize("engine", ENGINES)
def test_shards_show_what_one_run_shows(engine, jobs):
    expected = simulate(MACHINE, SESSIONS, engine=engine)
    actual = simulate(MACHINE, SESSIONS, engine=engine, jobs=jobs, stalls=0.2)
    for session, one, other in zip(SESSIONS, expected, actual, strict=True):
        assert rest(one) == rest(other)
        assert rows(one, cycles=False) == rows(other, cycles=False)
        design = DESIGN if session.weights == DESIGN.weights else OTHER
        assert compare(design, session, other).differing == 0


@pytest.mark.long
def test_shards_of_amaranth():
    expected = simulate(MACHINE, SESSIONS)
    for one, other in zip(expected, simulate(MACHINE, SESSIONS, jobs=2), strict=True):
        assert rest(one) == rest(other)
        assert rows(one, cycles=False) == rows(other, cycles=False)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_standstill_is_reported(engine, monkeypatch):
    """No session after the first begins."""
    design = drawn_design(1, (2, 1))
    machine = Machine(design.shape, counters="full", trace=True)
    sessions = [drawn_session(2, design, 4), drawn_session(3, design, 4)]
    plant_standstill(monkeypatch)
    expected = simulate(machine, sessions)
    actual = simulate(machine, sessions, engine=engine)
    for session, one, other in zip(sessions, expected, actual, strict=True):
        assert rows(one, cycles=True) == rows(other, cycles=True)
        assert rest(one) == rest(other)
        assert other.stalled_at is not None
        verdict = compare(design, session, other)
        assert verdict.missing == verdict.differing > 0


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("engine", ENGINES)
def test_progress_ends_with_all_samples(engine, jobs):
    told = []
    simulate(MACHINE, SESSIONS, engine=engine, jobs=jobs, progress=lambda *n: told.append(n))
    assert told[-1] == (12, 12)
    assert sorted(told) == told


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("engine", ENGINES)
def test_an_interrupt_ends_the_run(engine, jobs):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(MACHINE, SESSIONS, engine=engine, jobs=jobs, progress=interrupt)


@pytest.mark.needs("iverilog", "vvp")
def test_icarus_records_waves(tmp_path):
    path = tmp_path / "run.vcd"
    simulate(MACHINE, SESSIONS, engine="icarus", waves=path)
    assert "$enddefinitions" in path.read_text()
    view = (tmp_path / "run.gtkw").read_text()
    assert "run.vcd" in view and "bench.dut.trace_0_accumulator" in view


@pytest.mark.long
@pytest.mark.parametrize("stalls", [0.0, 0.1])
@pytest.mark.parametrize("engine", [*ENGINES, "amaranth"])
def test_digits_on_every_engine(engine, stalls):
    """Ports of several words: 8 accumulators of 38 bits."""
    design = drawn_design(1, (64, 32, 10), "fxp-s16/12", bias=True)
    machine = Machine(design.shape, 8, counters="full", trace=True)
    sessions = [drawn_session(2, design, 4), drawn_session(3, design, 6)]
    for session, run in zip(
        sessions, simulate(machine, sessions, engine=engine, stalls=stalls), strict=True
    ):
        verdict = compare(design, session, run)
        assert (verdict.differing, verdict.compared) == (0, len(session.codes) * 136 + 8)


@pytest.mark.long
@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("engine", ENGINES)
def test_modes_on_every_engine(engine, rounding):
    overflow = list(Overflow)[list(Rounding).index(rounding) % len(Overflow)]
    curve = ["plan", "step", "alippi"][list(Rounding).index(rounding) % 3]
    design = drawn_design(
        7, (7, 5, 4), "fxp-s12/8", rounding=rounding, overflow=overflow, curve=curve, bias=True
    )
    machine = Machine(design.shape, (3, 4), (2, 3), counters="full", trace=True)
    session = drawn_session(8, design, 200)
    (run,) = simulate(machine, [session], engine=engine, stalls=0.2)
    verdict = compare(design, session, run)
    assert verdict.compared > 0 and verdict.differing == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_to_run(engine):
    assert simulate(MACHINE, [], engine=engine) == []


@pytest.mark.needs("c++")
def test_samples_are_numbered_across_the_end_of_the_count():
    """The trace counts samples mod 2**16, over sessions; decoding takes no time to speak of."""
    tiny = drawn_design(4, (1, 1))
    session = drawn_session(5, tiny, 70_000)
    machine = Machine(tiny.shape, counters="full", trace=True)
    simulate(machine, [], engine="cxxrtl")
    start = time.monotonic()
    runs = simulate(machine, [session, session], engine="cxxrtl")
    assert time.monotonic() - start < 5
    for run in runs:
        assert compare(tiny, session, run).differing == 0
        assert np.array_equal(run.accepted[:, 1], np.arange(70_000))


def test_biases_of_another_width_give_no_feedback():
    """A code is extended before the load port chooses it, or CXXRTL sees bits that feed others."""
    design = quantize(
        GoldenNetwork(3, 3, 3, 0.3, rng=1, biases=True), format="fxp-s8/4", bias_type="fxp-s16/8"
    )
    assert "p_network" in cxxrtl_source(Machine(design.shape, 3, 1))
