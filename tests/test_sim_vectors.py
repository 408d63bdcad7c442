"""Directed vectors visit what can be visited, as measured on the model's words."""

import numpy as np
import pytest
from designs import drawn_design

from bittrue.model.curves import Curve
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import Overflow, Rounding
from bittrue.model.quantize import quantize
from bittrue.sim.coverage import measure, overflow_ends, possible_ties
from bittrue.sim.record import Session
from bittrue.sim.targets import targets_of
from bittrue.sim.testbench import query_inputs, train_333
from bittrue.sim.vectors import directed_sessions

CHOICES = [
    *[(f"fxp-s{f}", "plan", None) for f in ("8/4", "12/8", "16/12", "18/14")],
    ("fxp-s8/4", "fit", 8),
    ("fxp-s16/12", "fit", 16),
    ("fxp-s12/8", "step", None),
]


@pytest.mark.parametrize(("format", "curve", "segments"), CHOICES)
def test_all_targets_of_the_test_bench_are_visited(format, curve, segments):
    design = quantize(train_333(0), format=format, curve=curve, segments=segments)
    coverage = measure(design, directed_sessions(design))
    assert {name: count for name, count in coverage.items() if count[0] != count[1]} == {}
    assert sum(there for _, there in coverage.values()) > 20


@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize("rounding", [Rounding.TRN, Rounding.RND_CONV])
def test_modes_change_what_there_is_but_not_that_it_is_visited(rounding, overflow):
    design = drawn_design(3, (2, 3, 2), "fxp-s8/4", bias=True, rounding=rounding, overflow=overflow)
    coverage = measure(design, directed_sessions(design))
    missed = {name for name, (visited, there) in coverage.items() if visited < there}
    assert missed <= {"layer 1: pre-activation ties", "layer 1: pre-activation overflows"}


def test_vectors_are_the_same_each_time():
    design = drawn_design(4, (3, 2), "fxp-s12/8")
    first, second = directed_sessions(design), directed_sessions(design)
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a.codes, b.codes)
        assert all(map(np.array_equal, a.weights.weights, b.weights.weights))


def test_nothing_is_visited_by_nothing_and_little_by_queries():
    design = quantize(train_333(0), format="fxp-s16/12")
    assert sum(visited for visited, _ in measure(design, []).values()) == 0
    codes = np.round(query_inputs(0, 10) * 2**12).astype(np.int64)
    by_queries = measure(design, [Session(design.weights, codes)])
    assert by_queries["layer 0: pre-activation overflows"] == (0, 2)
    assert by_queries["layer 0: segment ends"][0] == 0


def test_what_is_possible_is_found_by_trying_everything():
    design = drawn_design(5, (1, 1), "fxp-s4/2")
    (layer,) = design.shape.layers
    weights, inputs = np.arange(-8, 8), np.arange(-8, 8)
    sums = np.multiply.outer(weights, inputs).ravel()
    ties = {(int(s) >> 2 & 1, int(s) >= 0) for s in sums if s % 4 == 2}
    assert len(possible_ties(layer, inputs)) == len(ties)
    low, high = sums.min() / 16, sums.max() / 16
    signs = [sign for sign, over in ((-1, low < -2), (1, high > 1.75)) if over]
    assert overflow_ends(layer, inputs) == signs


def test_a_change_by_one_lsb_is_a_target_if_it_alters_a_code():
    design = quantize(train_333(0), format="fxp-s12/8")
    curve = design.shape.layers[0].curve
    codes = curve.input.codes()
    before = curve.evaluate(codes)
    for mutant in targets_of(curve).mutants:
        if not isinstance(mutant.curve, Curve):
            continue
        altered = codes[mutant.curve.evaluate(codes) != before]
        assert set(mutant.witnesses.tolist()) <= set(altered.tolist())
        assert bool(len(mutant.witnesses)) == bool(len(altered))


def test_losses_of_directed_vectors_are_the_models():
    design = quantize(train_333(0), format="fxp-s8/4", overflow="WRAP")
    sessions = directed_sessions(design)
    overflowed = 0
    for session in sessions:
        network = FixedNetwork(type(design)(design.shape, session.weights))
        overflowed += network.trace(session.codes)[0].preactivation_loss.overflowed
    assert overflowed > 0
