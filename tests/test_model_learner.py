from dataclasses import replace
from fractions import Fraction
from math import floor

import numpy as np
import pytest

from bittrue.model import lfsr
from bittrue.model.config import Config
from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import FixedType, Format, requantize
from bittrue.model.golden import GoldenNetwork
from bittrue.model.learner import Learner, learning, rounded, slopes_at
from bittrue.model.learning import STOCHASTIC, Derivative, Learning
from bittrue.model.modes import Overflow, Rounding
from bittrue.model.quantize import quantize
from bittrue.model.shape import Shape

MODES = [*Rounding, STOCHASTIC]


def taught(
    sizes=(3, 4, 2), *, format="fxp-s10/6", rounding=STOCHASTIC, rule="book", rate=0.3, **options
):
    biases = options.pop("biases", False)
    golden = GoldenNetwork(*sizes, 0.3, rng=3, biases=biases)
    return learning(
        quantize(golden, Config.of(format=format, **options)), rate, rounding=rounding, rule=rule
    )


def exact(code, frac):
    return Fraction(int(code)) / Fraction(2) ** frac


def into(value, type):
    """Requantize an exact number, by the other road: as a code of many fractional bits."""
    frac = 40
    code = value * 2**frac
    assert code.denominator == 1
    source = Format(True, 63, frac)
    found = requantize(np.array([int(code)]), source, type.format, type.rounding, type.overflow)
    return exact(found[0], type.format.frac)


def stepped(design, inputs, targets, state):
    """Return weights, biases and state after one step, in exact fractions, loop by loop."""
    shape, how = design.shape, design.shape.learning
    weights = [
        [[exact(c, layer.weight.format.frac) for c in row] for row in codes.tolist()]
        for layer, codes in zip(shape.layers, design.weights.weights, strict=True)
    ]
    biases = [
        None if b is None else [exact(c, layer.bias.format.frac) for c in b.tolist()]
        for layer, b in zip(shape.layers, design.weights.biases, strict=True)
    ]
    trace = FixedNetwork(design).trace(np.array([inputs]))
    signals = [[exact(c, shape.input.format.frac) for c in inputs]]
    signals += [
        [exact(c, layer.output.format.frac) for c in t.output[0].tolist()]
        for layer, t in zip(shape.layers, trace, strict=True)
    ]
    old = [[list(row) for row in layer] for layer in weights]
    last = shape.layers[-1].output.format.frac
    errors = [exact(t, last) - y for t, y in zip(targets, signals[-1], strict=True)]
    rate = exact(how.rate, how.rate_format.frac)
    for number in reversed(range(len(shape.layers))):
        layer, own = shape.layers[number], how.layers[number]
        errors = [into(e, own.error) for e in errors]
        if own.derivative is Derivative.OUTPUT:
            slopes = [y * (1 - y) for y in signals[number + 1]]
        else:
            codes = slopes_at(layer.curve, trace[number].preactivation[0])
            slopes = [exact(c, layer.curve.slope_format.frac) for c in codes]
        deltas = [into(e * d, own.delta) for e, d in zip(errors, slopes, strict=True)]
        carried = errors if how.rule == "book" else deltas
        errors = [
            sum(old[number][k][i] * carried[k] for k in range(layer.outputs))
            for i in range(layer.inputs)
        ]
        for j in range(layer.outputs):
            draw = 0
            if how.rounding == STOCHASTIC:
                for _ in range(16):
                    state = lfsr.step(state)
                draw = state

            def changed(old, product, frac, type, draw=draw, dropped_frac=0):
                lsb = Fraction(1, 2**type.format.frac)
                drop = frac - type.format.frac
                if how.rounding == STOCHASTIC:
                    k = min(max(drop, 0), 15)
                    chance = Fraction(draw & ((1 << k) - 1), 1 << k) if k else 0
                    update = floor(product / lsb + chance) * lsb
                else:
                    wide = FixedType(Format(True, 50, type.format.frac), how.rounding, Overflow.SAT)
                    update = into(product, wide)
                exactly = FixedType(type.format, Rounding.TRN, type.overflow)
                return into(old + update, exactly)

            base = how.rate_format.frac + own.delta.format.frac
            for i in range(layer.inputs):
                weights[number][j][i] = changed(
                    weights[number][j][i],
                    rate * deltas[j] * signals[number][i],
                    base + layer.input.format.frac,
                    layer.weight,
                )
            if biases[number] is not None:
                biases[number][j] = changed(biases[number][j], rate * deltas[j], base, layer.bias)
    return weights, biases, state


@pytest.mark.parametrize("rounding", MODES, ids=str)
@pytest.mark.parametrize("rule", ["book", "gradient"])
@pytest.mark.parametrize("biases", [False, True])
def test_steps_are_those_of_the_contract(rounding, rule, biases):
    """Against loops over fractions, that share nothing with the learner but `requantize`."""
    design = taught(rounding=rounding, rule=rule, biases=biases)
    learner = Learner(design)
    rng = np.random.default_rng(5)
    for _ in range(6):
        inputs = rng.integers(-64, 65, 3).tolist()
        targets = rng.integers(0, 65, 2).tolist()
        weights, offsets, state = stepped(learner.design, inputs, targets, learner.state)
        learner.step(inputs, targets)
        now = learner.design
        assert learner.state == state
        for number, layer in enumerate(now.shape.layers):
            frac = layer.weight.format.frac
            found = [[exact(c, frac) for c in row] for row in now.weights.weights[number].tolist()]
            assert found == weights[number]
            if biases:
                frac = layer.bias.format.frac
                found = [exact(c, frac) for c in now.weights.biases[number].tolist()]
                assert found == offsets[number]
    assert now.weights != design.weights


@pytest.mark.parametrize("curve", ["relu", "plan-tanh"])
def test_other_curves_take_the_slope_of_their_segment(curve):
    activation = {"relu": "relu", "plan-tanh": "tanh"}[curve]
    golden = GoldenNetwork(3, 4, 2, 0.3, rng=3, activation=activation)
    design = learning(quantize(golden, format="fxp-s12/8", curve=curve), 0.25)
    assert all(own.derivative is Derivative.SLOPE for own in design.shape.learning.layers)
    learner = Learner(design)
    inputs, targets = [100, -200, 256], [30, 40]
    weights, _, _ = stepped(design, inputs, targets, learner.state)
    learner.step(inputs, targets)
    found = [[exact(c, 8) for c in row] for row in learner.weights[0].tolist()]
    assert found == weights[0]


def test_wide_formats_learn_as_floats_do():
    golden = GoldenNetwork(3, 3, 3, 0.3, rng=0)
    fixed = FixedNetwork(
        learning(
            quantize(golden, format="fxp-s20/16", curve="fit", segments=64),
            0.3,
            rounding=Rounding.RND_CONV,
        )
    )
    for _ in range(100):
        golden.train([0, 1, 0], [0, 0, 1])
        fixed.train([0, 1, 0], [0, 0, 1])
    found = fixed.query([0.25, 1, 0.25])
    np.testing.assert_allclose(found, golden.query([0.25, 1, 0.25]), atol=2e-3)


def test_chance_rounds_up_as_often_as_the_dropped_bits_are_large():
    how = taught().shape.learning
    draws, _ = lfsr.drawn(lfsr.SEED, lfsr.PERIOD)
    for product, drop in ((5, 4), (-5, 4), (3 << 20, 22), (1, 20)):
        ups = rounded(np.full(len(draws), product), drop, how, draws)
        assert set(ups.tolist()) <= {product >> drop, (product >> drop) + 1}
        share = Fraction(product, 1 << drop) - (product >> drop)
        assert abs(np.mean(ups - (product >> drop)) - float(share)) < 2e-4


def test_what_is_exact_is_not_touched_by_chance():
    how = taught().shape.learning
    draws, _ = lfsr.drawn(lfsr.SEED, 1000)
    assert set(rounded(np.full(1000, 3 << 9), 9, how, draws).tolist()) == {3}
    assert set(rounded(np.full(1000, 3), -2, how, draws).tolist()) == {12}


def test_lost_updates_are_counted():
    learner = Learner(taught(format="fxp-s7/3", rounding=Rounding.TRN_ZERO, rate=0.01))
    before = [array.copy() for array in learner.weights]
    steps = learner.step([8, 8, 8], [8, 0])
    for layer, step in enumerate(steps):
        assert step.lost.updates == step.lost.rounded_away
        np.testing.assert_array_equal(learner.weights[layer], before[layer])
    assert steps[1].lost.updates > 0


def test_a_design_remembers_how_it_learns_and_where_chance_stood(tmp_path):
    fixed = FixedNetwork(taught())
    fixed.train([0.5, -0.5, 1], [1, 0])
    fixed.design.save(tmp_path / "taught.json")
    loaded = Design.load(tmp_path / "taught.json")
    assert loaded == fixed.design
    assert loaded.weights.state == 0x3B31 or loaded.weights.state not in (None, lfsr.SEED)
    again = FixedNetwork(loaded)
    for network in (fixed, again):
        network.train([0.25, 0.5, -1], [0, 1])
    assert fixed.design == again.design


def test_queries_between_steps_see_the_new_weights():
    fixed = FixedNetwork(taught(format="fxp-s16/10"))
    before = fixed.query([0.5, -0.5, 1])
    for _ in range(30):
        fixed.train([0.5, -0.5, 1], [1, 0])
    after = fixed.query([0.5, -0.5, 1])
    assert after[0] > before[0] and after[1] < before[1]


def test_shape_without_learning_has_the_digest_it_always_had():
    design = quantize(GoldenNetwork(3, 3, 3, 0.3, rng=0), format="fxp-s8/4")
    assert Shape(design.shape.layers).digest == design.shape.digest
    assert learning(design, 0.25).shape.digest != design.shape.digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": 0.0}, r"^the learning rate must become a code above 0 of fxp-u16/16, got 0: the"),
        ({"rate": 1e-9}, r"the smallest is 1.52588e-05$"),
        ({"rate": float("nan")}, r"^the learning rate must become a code above 0"),
        ({"rate": 3.0}, r"^the learning rate must be a code 1 to 65535 of an unsigned format"),
        ({"rule": "hebb"}, r"^the rule must be one of book, gradient, got 'hebb'$"),
    ],
)
def test_what_cannot_be_learned_with(change, message):
    with pytest.raises(BittrueError, match=message):
        taught(**change)


def test_a_rounding_mode_may_be_named():
    assert taught(rounding="TRN") == taught(rounding=Rounding.TRN)
    with pytest.raises(BittrueError, match=r"^rounding mode must be one of TRN, .*, got 'UP'$"):
        taught(rounding="UP")


def test_a_curve_without_a_derivative_is_refused():
    golden = GoldenNetwork(3, 4, 2, 0.3, rng=3, activation="step")
    with pytest.raises(BittrueError, match=r"^a curve that is trained must have a slope, got step"):
        learning(quantize(golden, format="fxp-s8/4"), 0.25)


def test_products_that_are_too_wide_are_refused():
    golden = GoldenNetwork(3, 4, 2, 0.3, rng=3)
    with pytest.raises(
        BittrueError, match=r"^the error times derivative of layer 0 must fit 63 bits, got"
    ):
        learning(quantize(golden, format="fxp-s26/20"), 0.25)


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        ([0.0, 0.0], [0.0, 0.0], r"^inputs must be a vector of 3 values, got shape \(2,\)$"),
        ([0.0] * 3, [0.0] * 3, r"^targets must be a vector of 2 values, got shape \(3,\)$"),
        ([0.0] * 3, [0.0, 99.0], r"^targets must be -8 to 7.98438, the range of fxp-s10/6, got"),
    ],
)
def test_bad_samples_leave_weights_alone(inputs, targets, message):
    fixed = FixedNetwork(taught())
    before = fixed.design
    with pytest.raises(BittrueError, match=message):
        fixed.train(inputs, targets)
    assert fixed.design == before


def test_a_design_that_does_not_say_how_is_not_trained():
    fixed = FixedNetwork(quantize(GoldenNetwork(3, 3, 3, 0.3, rng=0), format="fxp-s8/4"))
    with pytest.raises(BittrueError, match=r"^a design that is trained must say how, got none"):
        fixed.train([0, 1, 0], [0, 0, 1])


def test_derivative_from_the_output_needs_a_sigmoid():
    golden = GoldenNetwork(3, 4, 2, 0.3, rng=3, activation="tanh")
    design = learning(quantize(golden, format="fxp-s12/8"), 0.25)
    how = design.shape.learning
    wrong = replace(
        how, layers=tuple(replace(own, derivative=Derivative.OUTPUT) for own in how.layers)
    )
    assert isinstance(wrong, Learning)
    with pytest.raises(BittrueError, match=r"^the derivative of layer 0 must be slope, for curve"):
        Shape(design.shape.layers, wrong)
