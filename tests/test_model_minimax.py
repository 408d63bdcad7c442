"""The floor: what no table of so many lines can beat."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.special import expit

from bittrue.model.minimax import best_slope, furthest, least_error, minimax

FLOOR = {
    1: 4.63e-2,
    2: 1.57e-2,
    3: 7.79e-3,
    4: 4.65e-3,
    6: 2.19e-3,
    8: 1.27e-3,
    12: 5.84e-4,
    16: 3.34e-4,
    32: 8.55e-5,
    64: 2.16e-5,
}


@pytest.mark.parametrize("segments", FLOOR)
def test_the_floor_is_reached_within_two_percent(segments):
    lines = minimax(expit, 0.0, 20.0, segments, tail=1.0)
    assert len(lines) <= segments
    assert max(line.error for line in lines) == pytest.approx(FLOOR[segments], rel=0.02)


def test_lines_keep_their_error_between_the_samples():
    lines = minimax(np.tanh, -3.0, 3.0, 9)
    for line in lines:
        x = np.linspace(line.start, line.stop, 1001)
        assert np.abs(line.slope * x + line.intercept - np.tanh(x)).max() <= line.error * 1.0001
    assert [line.start for line in lines] == sorted(line.start for line in lines)


@pytest.mark.parametrize("bend", [np.square, np.sin, lambda x: np.abs(x - 1.3)])
def test_best_slope_is_that_of_linear_programming(bend):
    x = np.linspace(0.0, 5.0, 80)
    y = bend(x)
    slope = best_slope(x, y)
    ones = np.ones_like(x)
    rows = np.block(
        [[-x[:, None], -ones[:, None], -ones[:, None]], [x[:, None], ones[:, None], -ones[:, None]]]
    )
    found = linprog([0, 0, 1], rows, np.concatenate([-y, y]), bounds=[(None, None)] * 3)
    assert np.ptp(y - slope * x) / 2 == pytest.approx(found.fun, rel=1e-6)


def test_a_straight_line_takes_one():
    (line,) = minimax(lambda x: 2 * x - 1, 0.0, 1.0, 5)
    assert (line.slope, line.intercept) == pytest.approx((2, -1))


@pytest.mark.parametrize("limit", [3, 4, 17, 99, 100])
@pytest.mark.parametrize("guess", [0, 3, 50, 100, 400])
def test_furthest_finds_the_last_that_fits(limit, guess):
    assert furthest(3, 100, guess, lambda index: index <= limit) == limit


def test_least_error_is_found_from_above():
    assert least_error(0.0, 1.0, lambda e: e >= 0.3, 40) == pytest.approx(0.3)
    assert least_error(0.4, 1.0, lambda e: e >= 0.3, 40) == 0.4
