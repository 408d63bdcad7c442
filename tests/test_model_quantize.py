import re

import numpy as np
import pytest

from bittrue.model.activations import Activation
from bittrue.model.config import Config
from bittrue.model.exceptions import BittrueError
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import FixedType, Format
from bittrue.model.golden import GoldenNetwork
from bittrue.model.quantize import quantize


def network(weights=None):
    golden = GoldenNetwork(2, 2, 1, 0.1, rng=1)
    if weights is not None:
        golden.weights = weights
    return golden


PLAIN = ([[0.5, -0.25], [1.5, 2.0]], [[1.0, -3.0]])


def test_weights_are_encoded():
    design = quantize(network(PLAIN), format="fxp-s8/4")
    assert [array.tolist() for array in design.weights.weights] == [
        [[8, -4], [24, 32]],
        [[16, -48]],
    ]
    assert design.weights.biases == (None, None)
    assert design.shape.sizes == (2, 2, 1)


def test_roles_have_their_own_types():
    design = quantize(
        network(PLAIN),
        format="fxp-s12/8",
        rounding="TRN",
        overflow="WRAP",
        weight_type="fxp-s8/4,RND",
        output_type=["fxp-u9/8,RND", "fxp-u6/5"],
    )
    first, second = design.shape.layers
    assert str(first.input) == "fxp-s12/8,RND_CONV,SAT"
    assert str(first.weight) == "fxp-s8/4,RND,SAT"
    assert str(first.preactivation) == "fxp-s12/8,TRN,WRAP"
    assert str(first.output) == str(second.input) == "fxp-u9/8,RND,WRAP"
    assert str(second.output) == "fxp-u6/5,TRN,WRAP"


@pytest.mark.parametrize("format", ["fxp-s16/12", "fxp-s18/14"])
def test_more_bits_come_nearer(format):
    golden = GoldenNetwork(3, 3, 3, 0.3, rng=2)
    design = quantize(golden, format=format, curve="fit", segments=64)
    inputs = [0.25, 1.0, 0.25]
    off = np.abs(FixedNetwork(design).query(inputs) - golden.query(inputs)).max()
    assert off < 12 * Format.parse(format).lsb


def test_weights_that_do_not_fit_are_refused():
    weights = ([[9.0, -0.25], [1.5, -8.5]], [[1.0, -3.0]])
    message = (
        "weights of layer 0 must be -8 to 7.9375 (fxp-s8/4), got 2 of 4 outside: "
        "9 (neuron 0, input 0), -8.5 (neuron 1, input 1); fxp-s9/4 would hold them"
    )
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}$"):
        quantize(network(weights), format="fxp-s8/4")
    held = quantize(network(weights), format="fxp-s8/4", weight_type="fxp-s9/4")
    assert held.weights.weights[0].tolist() == [[144, -4], [24, -136]]


def test_the_offered_format_holds_negative_and_huge_weights():
    for weights, choice in (
        (([[-0.5, 0], [0, 0]], [[0, 0]]), "fxp-u8/8"),
        (([[1e30, 0], [0, -1e30]], [[0, 0]]), "fxp-s16/12"),
    ):
        with pytest.raises(BittrueError) as caught:
            quantize(network(weights), weight_type=choice)
        offered = Format.parse(re.search(r"(fxp-\S+) would hold", str(caught.value))[1])
        assert (offered.min_value <= -0.5) and offered.max_value >= np.max(weights[0])


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"widths": 3}, "a choice must be one of input_type, "),
        ({"curve": ["plan"]}, "curve must be one value or 2, one a layer, got 1"),
        ({"curve": "spline"}, "the curve must be one of plan, "),
        ({"format": "fxp-s8/7"}, "fxp-s8/7 is too coarse for plan: it has no code for 1"),
        (
            {"preactivation_type": "fxp-s8/1"},
            "fxp-s8/1 is too coarse for plan: it has no code for 2.375",
        ),
        ({"segments": 4}, "curve plan takes no segments, got 4"),
        ({"curve": "fit", "segments": 0}, "segments must be at least 1, got 0"),
        ({"weight_type": 7}, "a type must be text like fxp-s16/12,RND_CONV,SAT, got 7"),
    ],
)
def test_bad_choices(choices, message):
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}"):
        quantize(network(PLAIN), **choices)


def test_a_configuration_survives_json():
    config = Config.of(
        format="fxp-s12/8",
        rounding="TRN",
        curve=["plan", "fit"],
        segments=[None, 8],
        output_type=["fxp-s12/8", "fxp-u9/8"],
    )
    assert Config.from_mapping(config.to_json()) == config
    assert config.layer(1, 2).segments == 8
    assert config.preactivation_type == FixedType.parse("fxp-s12/8,TRN,SAT")


def test_any_function_is_followed_by_its_own_fit():
    bump = Activation("bump", lambda z: np.exp(-z * z))
    golden = GoldenNetwork(3, 4, 2, 0.1, rng=0, activation=[bump, "relu"])
    design = quantize(golden, format="fxp-s16/12", segments=32)
    assert [layer.curve.name for layer in design.shape.layers] == ["fit-bump", "relu"]
    inputs = np.array([0.3, -0.7, 0.9])
    np.testing.assert_allclose(FixedNetwork(design).query(inputs), golden.query(inputs), atol=3e-3)


def test_curves_follow_activations():
    golden = GoldenNetwork(
        3, (4, 4, 4, 4), 2, 0.1, rng=0, activation=["sigmoid", "tanh", "step", "relu6", "identity"]
    )
    design = quantize(golden, format="fxp-s16/12")
    names = [layer.curve.name for layer in design.shape.layers]
    assert names == ["plan", "fit-tanh", "step", "relu6", "identity"]
    with pytest.raises(BittrueError, match=r"^the curve of layer 1 must stand for tanh, got plan"):
        quantize(golden, curve="plan")


def test_biases_are_encoded_by_their_own_type():
    golden = GoldenNetwork(2, (), 3, 0.1, rng=0, biases=True)
    golden.biases = [[0.5, -0.25, 1.75]]
    design = quantize(golden, format="fxp-s8/4", bias_type="fxp-s6/3")
    assert design.weights.biases[0].tolist() == [4, -2, 14]
    golden.biases = [[0.5, -9.0, 1.75]]
    message = (
        r"^biases of layer 0 must be -4 to 3.875 \(fxp-s6/3\), got 1 of 3 outside: -9 \(neuron 1\)"
    )
    with pytest.raises(BittrueError, match=message):
        quantize(golden, format="fxp-s8/4", bias_type="fxp-s6/3")
