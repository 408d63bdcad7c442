"""What is certified holds: for drawn networks, formats, modes and curves; and it is not far off."""

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from bittrue.model import certify as certify_module
from bittrue.model import worst_case as worst_case_module
from bittrue.model.activations import ACTIVATIONS, Activation
from bittrue.model.affine import enclose
from bittrue.model.certify import certify
from bittrue.model.exceptions import BittrueError
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import Format, Overflow, Rounding, decode, encode
from bittrue.model.golden import GoldenNetwork
from bittrue.model.intervals import image, slopes
from bittrue.model.makers import make_curve
from bittrue.model.quantize import quantize
from bittrue.model.worst_case import worst_case

WAYS = [
    ("sigmoid", "plan", {"format": "fxp-s10/6"}),
    ("sigmoid", "plan", {"format": "fxp-s8/5", "rounding": "TRN"}),
    ("sigmoid", "step", {"format": "fxp-s8/5"}),
    ("sigmoid", "fit", {"format": "fxp-s12/8", "rounding": "TRN_ZERO", "segments": 5}),
    ("sigmoid", "plan", {"format": "fxp-s9/6", "overflow": "WRAP"}),
    ("sigmoid", "fit", {"format": "fxp-s7/4", "overflow": "SAT_ZERO", "segments": 4}),
    ("tanh", "plan-tanh", {"format": "fxp-s10/6", "overflow": "SAT_SYM"}),
    ("relu", None, {"format": "fxp-s12/7", "rounding": "RND"}),
    ("relu", None, {"format": "fxp-s8/5", "overflow": "WRAP"}),
    ("relu6", None, {"format": "fxp-s12/6", "rounding": "RND_MIN_INF"}),
    ("identity", None, {"format": "fxp-s10/6", "input_type": "fxp-s8/6,TRN,SAT"}),
    ("identity", None, {"format": "fxp-s10/6", "preactivation_type": "fxp-s18/12"}),
    ("step", None, {"format": "fxp-s8/5"}),
    ("silu", "fit", {"format": "fxp-s10/6", "segments": 6}),
    ("gelu", "fit", {"format": "fxp-s10/6", "segments": 6}),
    ("softplus", "fit", {"format": "fxp-s10/6", "segments": 6}),
    ("sin", "fit", {"format": "fxp-s10/7", "segments": 6}),
    ("erf", "fit", {"format": "fxp-s20/12", "segments": 6}),
]


def drawn(seed, activation, curve, options, *, sizes=(5, (6,), 3), scale=1.0):
    """Return a drawn network, with biases every other time, and its design."""
    golden = GoldenNetwork(*sizes, 0.1, seed, activation=activation, biases=seed % 2 == 1)
    golden.weights = [scale * np.clip(array, -1.8, 1.8) for array in golden.weights]
    if golden.biases is not None:
        rng = np.random.default_rng(seed)
        golden.biases = [rng.uniform(-1, 1, array.shape) for array in golden.biases]
    return golden, quantize(golden, curve=curve, **options)


def drawn_inputs(seed, design, samples):
    """Return values of drawn codes, some at the ends, each off by what its encoding takes in."""
    type, rng = design.shape.input, np.random.default_rng(seed)
    ends = type.format.min_code, type.format.max_code
    codes = rng.integers(ends[0], ends[1] + 1, (samples, design.shape.sizes[0]))
    codes[: samples // 4] = rng.choice(ends, codes[: samples // 4].shape)
    low = 0.0 if type.rounding is Rounding.TRN else -0.4999
    off = rng.uniform(low, low + 0.9999, codes.shape)
    values = np.ldexp(codes + off, -type.format.frac)
    assert (encode(values, type.format, type.rounding, Overflow.SAT) == codes).all()
    return values


@pytest.mark.parametrize("number", range(len(WAYS)))
def test_no_error_is_beyond_its_bound(number):
    for seed in range(4):
        golden, design = drawn(seed, *WAYS[number], scale=(0.3, 1.0)[seed // 2])
        values = drawn_inputs(seed, design, 2000)
        found = certify(golden, design, values)
        assert found.contradicted == 0 and found.no_overflow
        assert (found.errors <= found.given.bounds).all()
        assert (found.given.bounds <= found.alike.bounds).all()
        assert (found.errors <= found.bound).all() and found.inside.all()
        assert not (found.alike.certified & ~found.given.certified).any()
        assert not (found.alike.certified & found.refuted).any()
        held_layers(golden, design, values, found.layers)


def held_layers(golden, design, values, layers):
    """Hold each layer's outputs and sums against what is proven of them."""
    type = design.shape.input
    traces = FixedNetwork(design).trace(encode(values, type.format, type.rounding, type.overflow))
    sums = golden.preactivations(values)
    for number, (trace, layer) in enumerate(zip(traces, layers, strict=True)):
        outputs = golden.activations[number].value(sums[number])
        off = outputs - decode(trace.output, design.shape.layers[number].output.format)
        assert (off >= layer.low).all() and (off <= layer.high).all()
        assert layer.accumulator.low <= trace.accumulator.min()
        assert trace.accumulator.max() <= layer.accumulator.high


@pytest.mark.parametrize("number", range(len(WAYS)))
def test_whatever_is_encoded_alike_is_answered_alike(number):
    golden, design = drawn(7, *WAYS[number])
    type = design.shape.input
    values = drawn_inputs(7, design, 50)
    found = certify(golden, design, values)
    codes = encode(values, type.format, type.rounding, type.overflow)
    fixed = decode(FixedNetwork(design).predict(codes), design.shape.output.format)
    for seed in range(20):
        low = 0.0 if type.rounding is Rounding.TRN else -0.4999
        off = low + np.random.default_rng(seed).uniform(0.0, 0.9999, codes.shape).round(seed % 2)
        outputs = golden.predict(np.ldexp(codes + np.minimum(off, low + 0.9999), -type.format.frac))
        assert (np.abs(outputs - fixed).max(axis=1) <= found.alike.bounds).all()
        same = outputs.argmax(axis=1) == fixed.argmax(axis=1)
        assert same[found.alike.certified].all()


def test_a_single_line_is_bounded_to_the_code():
    """One weight, no curve: the bound is the greatest error over a fine grid of all inputs."""
    golden = GoldenNetwork(1, (), 1, 0.1, 0, activation="identity")
    golden.weights = [np.array([[0.37]])]
    design = quantize(golden, format="fxp-s8/4", preactivation_type="fxp-s10/5")
    format = design.shape.input.format
    values = np.linspace(format.min_value - 0.499 * format.lsb, format.max_value, 100_001)[:, None]
    found = certify(golden, design, values)
    assert found.errors.max() <= found.bound <= 1.3 * found.errors.max()


@pytest.mark.parametrize(("curve", "segments"), [("plan", None), ("step", None), ("fit", 4)])
def test_a_jump_counts_where_it_is(curve, segments):
    """A weight of 1 and exact sums: what is left are the curve and the input's half LSB."""
    golden = GoldenNetwork(1, (), 1, 0.1, 0)
    golden.weights = [np.ones((1, 1))]
    types = {"format": "fxp-s8/4", "weight_type": "fxp-s8/0", "output_type": "fxp-u12/11"}
    design = quantize(golden, curve=curve, segments=segments, **types)
    format = design.shape.input.format
    codes = format.codes()
    values = np.ldexp((codes[:, None] + np.array([-0.4999, 0.0, 0.4999])).reshape(-1, 1), -4)
    found = certify(golden, design, values)
    assert found.errors.max() <= found.bound <= 1.01 * found.errors.max()


def test_bounds_shrink_with_the_lsb():
    bounds = []
    for frac in (6, 10, 14):
        types = {"format": f"fxp-s{frac + 8}/{frac}", "input_type": f"fxp-s{frac + 1}/{frac}"}
        golden, design = drawn(1, "relu", None, types)
        bounds.append(certify(golden, design, drawn_inputs(1, design, 2000)))
    ratios = [one.bound / other.bound for one, other in pairwise(bounds)]
    assert all(10 < ratio < 20 for ratio in ratios)
    for found in bounds:
        assert np.median(found.alike.bounds / found.errors) < 6
        assert found.given.bounds == pytest.approx(found.errors, rel=1e-6, abs=1e-11)


def test_accumulators_need_what_their_weights_reach():
    golden = GoldenNetwork(3, (), 1, 0.1, 0, activation="identity")
    golden.weights = [np.array([[1.0, -1.0, 0.5]])]
    design = quantize(golden, format="fxp-s4/1", preactivation_type="fxp-s8/2")
    sums = worst_case(golden, design)[0].accumulator
    assert (sums.low, sums.high) == (2 * -8 + -2 * 7 + -8, 2 * 7 + 2 * 8 + 7)
    assert (sums.bits_needed, sums.format.width) == (7, 9) and sums.fits
    assert not sums._replace(high=256).fits


def test_a_refuted_sample_has_a_witness():
    """Two outputs that meet at 0.5: nothing can be said of the code that is there."""
    golden = GoldenNetwork(1, (), 2, 0.1, 0, activation="identity", biases=True)
    golden.weights, golden.biases = [np.array([[1.0], [-1.0]])], [np.array([0.0, 1.0])]
    design = quantize(golden, format="fxp-s12/4")
    found = certify(golden, design, [[0.51], [0.49], [0.6], [-3.0]])
    assert found.alike.certified.tolist() == [False, False, True, True]
    assert found.refuted.tolist() == [True, True, False, False]
    assert found.given.certified.tolist() == [True, False, True, True]
    assert found.agrees.tolist() == [True, False, True, True]


def test_outputs_that_float64_cannot_tell_apart_are_not_certified():
    golden = GoldenNetwork(1, (), 2, 0.1, 0, biases=True)
    golden.weights, golden.biases = [np.array([[50.0], [48.0]])], [np.array([0.0, 0.0])]
    design = quantize(golden, format="fxp-s16/4", curve="plan")
    assert golden.predict([[1.0]]).tolist() == [[1.0, 1.0]]
    assert not certify(golden, design, [[1.0]]).given.certified.any()
    assert certify(golden, design, [[0.0625]]).agrees.all()


def test_inputs_beyond_the_range_are_no_part_of_what_holds_for_all():
    golden, design = drawn(0, *WAYS[0])
    found = certify(golden, design, [[0.0, 0.0, 0.0, 0.0, 0.0], [90.0, 0.0, 0.0, 0.0, 0.0]])
    assert found.inside.tolist() == [True, False] and found.contradicted == 0
    assert (found.errors <= found.alike.bounds).all()


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_images_and_slopes_are_not_left(name):
    rng, activation = np.random.default_rng(8), ACTIVATIONS[name]
    low = rng.normal(0, 4, 3000)
    high = low + 10 ** rng.uniform(-9, 1, 3000) * (rng.random(3000) < 0.9)
    inside = low + (high - low) * np.linspace(0, 1, 41)[:, None]
    inside = np.clip(inside, low, high)
    values = activation.value(inside)
    least, most = image(activation, low, high)
    assert (values >= least).all() and (values <= most).all()
    bounds = slopes(activation, low, high)
    assert (bounds is None) == (name == "step")
    if bounds is not None:
        at = activation.slope(inside, values)
        room = 1e-13 * (1 + np.abs(values).max(axis=0)) + ("relu" in name)
        assert (at >= bounds[0] - room).all() and (at <= bounds[1] + room).all()
        rise = (values[-1] - values[0]) - bounds[0] * (high - low)
        fall = bounds[1] * (high - low) - (values[-1] - values[0])
        assert (np.minimum(rise, fall) >= -10 * room).all()


def test_deep_networks_are_enclosed():
    golden = GoldenNetwork(4, (9, 7, 8), 5, 0.1, 3, activation="tanh", biases=True)
    rng = np.random.default_rng(4)
    low = rng.normal(0, 1, (30, 4))
    high = low + 10 ** rng.uniform(-6, -0.5, (30, 1))
    answers = golden.predict(low).argmax(axis=1)
    found = enclose(golden, low, high, answers)
    rows = np.arange(30)
    for _ in range(200):
        share = rng.choice([0.0, 1.0, rng.random()], low.shape)
        outputs = golden.predict(low + share * (high - low))
        assert (outputs >= found.low).all() and (outputs <= found.high).all()
        leads = outputs[rows, answers][:, None] - outputs
        leads[rows, answers] = np.inf
        assert (leads >= found.lead).all()
    narrow = enclose(golden, low, low + 1e-6, answers)
    reached = np.abs(golden.predict(low + 1e-6) - golden.predict(low))
    assert np.median((narrow.high - narrow.low) / reached) < 8


@pytest.mark.parametrize(
    ("name", "planted"),
    [
        ("encoding_errors", lambda rounding, format: (0.0, 0.0)),
        ("cells_of", lambda curve: honest_cells(make_curve("fit", curve.input, curve.output))),
        ("gamma", lambda terms: -0.5),
    ],
)
def test_bounds_that_leave_something_out_are_contradicted(name, planted, monkeypatch):
    golden = GoldenNetwork(1, (), 1, 0.1, 0)
    golden.weights = [np.ones((1, 1))]
    design = quantize(golden, format="fxp-s8/4", output_type="fxp-u16/15")
    values = drawn_inputs(0, design, 4000)
    assert certify(golden, design, values).contradicted == 0
    monkeypatch.setattr(worst_case_module, name, planted)
    assert certify(golden, design, values).contradicted > 0


honest_cells = worst_case_module.cells_of


def test_a_certified_sample_that_disagrees_is_counted():
    golden, design = drawn(0, *WAYS[0])
    found = certify(golden, design, drawn_inputs(0, design, 20))
    assert found.given.certified[0] and found.contradicted == 0
    agrees = found.agrees.copy()
    agrees[0] = False
    assert replace(found, agrees=agrees).contradicted == 1


@pytest.mark.parametrize(
    ("golden", "values", "message"),
    [
        (None, np.zeros((0, 5)), "inputs must have shape (samples, 5) and at least one sample, "),
        (None, np.zeros((2, 4)), "inputs must have shape (samples, 5) and at least one sample, "),
        (
            GoldenNetwork(5, (6,), 4, 0.1, 0),
            np.zeros((1, 5)),
            "network and design must have the same sizes, got (5, 6, 4) and (5, 6, 3)",
        ),
        (
            GoldenNetwork(5, (6,), 3, 0.1, 0, activation=Activation("cube", lambda z: z**3)),
            np.zeros((1, 5)),
            "an activation must be one of sigmoid, tanh, ",
        ),
    ],
)
def test_what_cannot_be_certified_is_refused(golden, values, message):
    made, design = drawn(0, *WAYS[0])
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}"):
        certify_module.certify(golden or made, design, values)


def test_bounds_beyond_float64_are_refused():
    golden = GoldenNetwork(1, (1,), 1, 0.1, 0, activation=["exp", "exp"])
    golden.weights = [np.full((1, 1), 100.0), np.full((1, 1), 100.0)]
    format = Format(True, 16, 4)
    design = quantize(golden, format=str(format), curve="step")
    with pytest.raises(BittrueError, match=r"^bounds must be finite, got some in layer 0 that "):
        certify(golden, design, [[0.5]])


def test_sums_may_be_taken_in_any_order():
    """Large terms that cancel: other orders of the same sums give other floats."""
    rng = np.random.default_rng(5)
    golden = GoldenNetwork(400, (), 2, 0.1, 0, activation="identity")
    half = rng.normal(0, 1e6, (2, 200))
    golden.weights = [np.concatenate([half, -half], axis=1)]
    values = np.tile(rng.normal(0, 1, (1, 200)), 2)
    found = enclose(golden, values, values, np.zeros(1, np.intp))
    answers = []
    for _ in range(50):
        order = rng.permutation(400)
        other = GoldenNetwork(400, (), 2, 0.1, 0, activation="identity")
        other.weights = [golden.weights[0][:, order]]
        answers.append(other.predict(values[:, order]))
        assert (answers[-1] >= found.low).all() and (answers[-1] <= found.high).all()
    assert np.ptp(answers, axis=0).min() > 0 and (found.high - found.low).max() < 1e-3


def wide(activation, curve, weight, **types):
    """Return a network of one weight whose pre-activation has 28 bits."""
    golden = GoldenNetwork(1, (), 1, 0.1, 0, activation=activation)
    golden.weights = [np.array([[weight]])]
    types = {"weight_type": "fxp-s20/16", "preactivation_type": "fxp-s28/20", **types}
    return golden, quantize(golden, format="fxp-s14/8", curve=curve, **types)


def test_wide_words_are_bounded_where_a_range_ends():
    types = {"input_type": "fxp-u8/4", "output_type": "fxp-s30/20"}
    golden, design = wide("identity", "step", 1 - 2.0**-16, **types)
    found = certify(golden, design, [[255.4999 / 16], [0.0]])
    assert found.errors[0] <= found.bound <= 1.001 * found.errors[0]


@pytest.mark.parametrize("rounding", Rounding)
def test_wide_words_are_bounded_on_both_sides_of_a_mirror(rounding):
    golden, design = wide("sigmoid", "plan", 1.0, output_type=f"fxp-u6/5,{rounding.value},SAT")
    values = drawn_inputs(3, design, 20_000)
    held_layers(golden, design, values, certify(golden, design, values).layers)
