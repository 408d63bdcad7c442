"""Formats from ranges: as narrow as may be, as wide as must be."""

import re
from itertools import pairwise

import numpy as np
import pytest

from bittrue.model.config import Config
from bittrue.model.exceptions import BittrueError
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import FixedType, Format, decode, encode
from bittrue.model.golden import GoldenNetwork
from bittrue.model.quantize import quantize
from bittrue.model.range_table import accumulator_ends, range_table
from bittrue.model.ranges import METHODS, choose_config, fitted_format
from bittrue.model.tables import output_ends


def network(activation="sigmoid", biases=True, sizes=(6, (5,), 3)):
    golden = GoldenNetwork(*sizes, 0.1, rng=3, activation=activation, biases=biases)
    if biases:
        rng = np.random.default_rng(5)
        golden.biases = [rng.normal(size=size) for size in golden.sizes[1:]]
    return golden


INPUTS = np.random.default_rng(8).uniform(-0.5, 1.0, (200, 6))


@pytest.mark.parametrize("width", [2, 5, 8, 16])
@pytest.mark.parametrize("high", [0.013, 0.9921875, 0.99999, 1.0, 7.5, 1000.3])
@pytest.mark.parametrize("low", [0.0, -0.01, -1.0, -300.0])
def test_the_finest_format_that_holds_a_range(width, low, high):
    format = fitted_format(low, high, width)
    finer = None if format.width < 2 else Format(format.signed, width, format.frac + 1)
    rounded = np.rint(np.ldexp([low, high], format.frac))
    assert format.signed == (low < 0)
    assert format.min_code <= rounded[0] and rounded[1] <= format.max_code
    beyond = np.rint(np.ldexp([low, high], finer.frac))
    assert beyond[0] < finer.min_code or beyond[1] > finer.max_code


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "clipped-relu", "identity"])
@pytest.mark.parametrize("method", METHODS)
def test_methods_hold_what_they_promise(method, activation):
    """No pre-activation saturates but where the activation is flat, and outputs never do."""
    golden = network(activation)
    config = choose_config(golden, 16, method=method, inputs=INPUTS, margin=0.05)
    design = quantize(golden, config)
    type = design.shape.input
    codes = encode(INPUTS, type.format, type.rounding, type.overflow)
    for trace in FixedNetwork(design).trace(codes):
        if activation in ("relu", "identity"):
            assert trace.preactivation_loss.overflowed == 0
        assert trace.output_loss.overflowed == 0
    outputs = decode(FixedNetwork(design).predict(codes), design.shape.output.format)
    expected = golden.predict(INPUTS)
    scale = max(1.0, abs(expected).max())
    rough = {"sigmoid": 0.08, "tanh": 0.02}.get(activation, 0.02)
    assert abs(outputs - expected).max() < rough * scale


def test_methods_are_ordered():
    """The safer the method, the more integer bits before the activation."""
    golden = network("identity", sizes=(6, (40,), 3))
    bits = []
    for method in ("observed", "l1", "worst-case"):
        config = choose_config(golden, 16, method=method, inputs=INPUTS)
        bits.append([FixedType.parse(str(t)).format.int_bits for t in config.preactivation_type])
    for tighter, safer in pairwise(bits):
        assert all(a <= b for a, b in zip(tighter, safer, strict=True))
    assert bits[0] != bits[2]


def test_l1_is_reached():
    """The bound is attained by inputs at the ends of their format."""
    golden = network("identity", sizes=(6, (), 3))
    design = quantize(golden, Config.of(format="fxp-s8/4"))
    low, high = accumulator_ends(design, 0)
    weights, format = design.weights.weights[0], design.shape.input.format
    extremes = [
        np.where((row > 0) == up, format.max_code, format.min_code)
        for row in weights
        for up in (True, False)
    ]
    found = FixedNetwork(design).trace(np.array(extremes))[0].accumulator
    assert (found.min(), found.max()) == (low, high)


@pytest.mark.parametrize("curve", ["plan", "fit", "step", "alippi"])
def test_output_ends_are_those_of_all_codes(curve):
    golden = network()
    for types in ({"format": "fxp-s8/4"}, {"format": "fxp-s10/5", "output_type": "fxp-u8/7"}):
        design = quantize(golden, Config.of(**types, curve=curve))
        table = design.shape.layers[0].curve
        outputs = table.evaluate(table.input.codes())
        low, high = output_ends(design.shape.layers[0])
        assert low <= outputs.min() and outputs.max() <= high
        if curve != "fit":
            assert (low, high) == (outputs.min(), outputs.max())


def test_the_table_counts_what_saturates():
    golden = network()
    golden.weights = [array * 6 for array in golden.weights]
    design = quantize(golden, Config.of(format="fxp-s8/3", output_type="fxp-s8/6"))
    rows = {(row.layer, row.tensor): row for row in range_table(golden, design, INPUTS * 20)}
    type = design.shape.input
    codes = encode(INPUTS * 20, type.format, type.rounding, type.overflow)
    traces = FixedNetwork(design).trace(codes)
    entering = rows[0, "input"]
    assert entering.saturated == int((np.abs(np.rint(INPUTS * 160)) > 127.5).sum()) > 0
    assert entering.seen == pytest.approx((INPUTS.min() * 20, INPUTS.max() * 20))
    for layer, trace in enumerate(traces):
        row = rows[layer, "pre-activation"]
        assert row.saturated == trace.preactivation_loss.overflowed
        assert row.words == trace.preactivation.size
        sums = decode(trace.accumulator, design.shape.layers[layer].accumulator)
        assert row.seen == (sums.min(), sums.max())
        assert row.guaranteed[0] <= row.seen[0] and row.seen[1] <= row.guaranteed[1]
        assert rows[layer, "accumulator"].bits_needed <= rows[layer, "accumulator"].bits_given
    assert rows[0, "pre-activation"].saturated > 0
    assert set(rows) >= {(1, "weight"), (1, "bias"), (1, "output"), (0, "output")}


def test_without_data_nothing_is_seen():
    golden = network()
    rows = range_table(golden, quantize(golden, Config.of(format="fxp-s12/8")))
    assert all(row.saturated is None for row in rows if row.tensor in ("input", "pre-activation"))


def test_a_choice_of_ones_own_is_kept():
    golden = network()
    config = choose_config(golden, 8, inputs=INPUTS, input_type="fxp-s9/7", curve="fit", segments=4)
    assert str(config.input_type) == "fxp-s9/7,RND_CONV,SAT"
    assert (config.curve, config.segments) == ("fit", 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"method": "guess", "inputs": INPUTS},
            "the method must be one of worst-case, l1, observed",
        ),
        ({"margin": -0.1, "inputs": INPUTS}, "the margin must be at least 0, got -0.1"),
        ({"margin": np.nan, "inputs": INPUTS}, "the margin must be at least 0, got nan"),
        ({}, "the method observed must be given data, got none"),
        ({"method": "l1"}, "the method l1 must be given data, got none"),
        ({"method": "l1", "input_range": (1, 0)}, "a range must be finite and go up, got 1 to 0"),
    ],
)
def test_bad_choices(options, message):
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}"):
        choose_config(network(), 8, **options)
