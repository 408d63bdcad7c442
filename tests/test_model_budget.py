"""Sources of error one at a time add up to the fixed model; modes follow their theory."""

import numpy as np
import pytest

from bittrue.model.budget import SOURCES, budget, figures_between, rounding_theory, switched
from bittrue.model.exceptions import BittrueError
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import Format, Overflow, Rounding, decode, encode, requantize
from bittrue.model.golden import GoldenNetwork
from bittrue.model.quantize import quantize
from bittrue.model.ranges import choose_config


@pytest.fixture(scope="module")
def inputs():
    return np.random.default_rng(3).random((200, 5))


def made(activation, curve, width, inputs, **choices):
    golden = GoldenNetwork(5, 7, 3, 0.1, 4, activation=activation, biases=True)
    golden.biases = [np.linspace(-0.4, 0.3, 7), np.linspace(-0.2, 0.5, 3)]
    config = choose_config(golden, width, inputs=inputs, curve=curve, **choices)
    return golden, quantize(golden, config)


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize(
    ("activation", "curve"), [("sigmoid", "plan"), ("tanh", "fit"), ("relu", "relu")]
)
def test_all_sources_together_are_the_fixed_model(activation, curve, rounding, inputs):
    golden, design = made(activation, curve, 9, inputs, rounding=rounding)
    type = design.shape.input
    codes = encode(inputs, type.format, type.rounding, type.overflow)
    expected = decode(FixedNetwork(design).predict(codes), design.shape.output.format)
    np.testing.assert_array_equal(switched(golden, design, inputs, SOURCES), expected)


def test_no_source_is_the_golden_model(inputs):
    golden, design = made("tanh", "fit", 6, inputs)
    np.testing.assert_allclose(
        switched(golden, design, inputs, ()), golden.predict(inputs), atol=1e-14
    )


def test_a_budget_adds_up_and_names_what_dominates(inputs):
    golden, design = made("sigmoid", "plan", 14, inputs)
    found = budget(golden, design, inputs)
    parts = sum(part.power for part in found.alone.values())
    assert found.total.power == pytest.approx(parts + found.remainder, rel=1e-12)
    assert max(found.alone, key=lambda source: found.alone[source].power) == "curve"
    assert found.alone["output"].maximum <= 7 * design.shape.output.format.lsb


def test_an_unknown_source_is_refused(inputs):
    golden, design = made("sigmoid", "plan", 12, inputs)
    with pytest.raises(BittrueError, match=r"^a source must be one of .*, got 'noise'$"):
        switched(golden, design, inputs, ("noise",))


def test_figures_keep_signs():
    found = figures_between([[1.0, 2.0]], [[1.5, 1.75]])
    assert found[:5] == (0.5, 0.375, (0.3125 / 2) ** 0.5, 0.125, 0.3125 / 2)
    with pytest.raises(BittrueError, match=r"^errors must be of two arrays of one shape"):
        figures_between([1.0], [])


@pytest.mark.parametrize("negative", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("dropped", [1, 2, 3, 6])
@pytest.mark.parametrize("rounding", list(Rounding))
def test_theory_is_exact_on_all_dropped_bits(rounding, dropped, negative):
    # kept parts even and odd alike; the share below zero by repeating
    above = np.arange(4 << dropped)
    below = -1 - above
    codes = np.concatenate([above] * round(4 * (1 - negative)) + [below] * round(4 * negative))
    wide, narrow = Format(True, 20, dropped), Format(True, 20, 0)
    off = decode(requantize(codes, wide, narrow, rounding, Overflow.SAT), narrow) - decode(
        codes, wide
    )
    found = rounding_theory(rounding, dropped, negative)
    assert off.mean() == pytest.approx(found.bias, abs=1e-12)
    assert off.var() == pytest.approx(found.variance, abs=1e-12)


def test_nothing_dropped_is_nothing_lost():
    assert rounding_theory(Rounding.TRN, 0) == (0.0, 0.0)
