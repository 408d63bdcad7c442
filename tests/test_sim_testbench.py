"""The test bench: the same question to three models, and the cycles it takes."""

import math

import numpy as np
import pytest
from designs import drawn_design

from bittrue.hdl.machine import Machine
from bittrue.model.exceptions import BittrueError
from bittrue.model.quantize import quantize
from bittrue.sim.record import Session
from bittrue.sim.testbench import measure_timing, oops, query_inputs, train_333, verify


def test_queries_are_the_books():
    inputs = query_inputs(4, 50)
    assert (inputs[:, 1] == 1).all()
    assert (inputs[:, 0] == inputs[:, 2]).all()
    assert (inputs[:, 0] >= 0).all() and (inputs[:, 0] < 0.5).all()
    assert query_inputs(4, 5, 7).shape == (5, 7)
    assert np.array_equal(query_inputs(4, 50), inputs)
    assert not np.array_equal(query_inputs(5, 50), inputs)


def test_oops_is_a_third_output_below_0_9():
    outputs = np.array([[0, 0, 0.9], [0, 0, 0.8999], [1, 1, math.nan]])
    assert oops(outputs) == [False, True, True]
    assert oops(outputs[:, :2]) == [False] * 3


@pytest.mark.parametrize(("pe", "simd", "interval"), [(1, 1, 9), (3, 1, 3), (2, 2, 4), (3, 3, 1)])
def test_cycles(pe, simd, interval):
    design = quantize(train_333(0), format="fxp-s12/8")
    session = Session(design.weights, np.zeros((1, 3), dtype=np.int64))
    timing = measure_timing(Machine(design.shape, pe, simd), session)
    assert timing.initiation_interval == interval
    assert timing.latency > interval


def test_a_design_without_golden_model_and_of_other_sizes():
    design = drawn_design(2, (5, 4, 2), "fxp-s8/4", bias=True)
    told = []
    result = verify(
        design,
        None,
        seed=3,
        queries=4,
        pe=2,
        simd=3,
        stalls=0.4,
        progress=lambda *t: told.append(t),
    )
    assert result.passed
    assert (result.golden, result.errors) == (None, None)
    assert np.array_equal(result.fixed, result.rtl)
    assert [done for done, _ in told] == list(range(1, told[-1][1] + 1))


def test_no_query_is_no_verification():
    with pytest.raises(BittrueError, match=r"^queries must be at least 1, got 0$"):
        verify(drawn_design(2, (2, 2)), None, seed=0, queries=0)
