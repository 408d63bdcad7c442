from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import check_engines, network_of

from bittrue.model import fixed
from bittrue.model.design import Design, Layer, Shape, Weights
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import FixedType, Format, Overflow, Rounding, requantize
from bittrue.model.kernels import LIMIT_BITS
from bittrue.model.makers import make_curve

INT16 = pytest.param("int16", marks=pytest.mark.needs("cc"))
FAST = (INT16, "float32", "float64")


@pytest.fixture(autouse=True)
def _always_prepared(monkeypatch):
    monkeypatch.setattr(fixed, "SMALL", 0)


@pytest.mark.parametrize("drop", [0, 1, 2, 7, 30, 31])
@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("engine", FAST)
def test_every_mode(engine, rounding, drop):
    """Sums around every tie and end, each a neuron's bias, against requantize."""
    limit, bias = 1 << LIMIT_BITS[engine], Format(True, 60, 0)
    step = 1 << max(drop - 1, 0)
    sums = [tie * step + near for tie in range(-70, 71) for near in (-1, 0, 1)]
    sums = np.array([1 - limit, limit - 1, *(s for s in sums if abs(s) < limit)])
    weights = np.zeros((len(sums), 1), np.int64)
    for signed in (False, True):
        format = Format(signed, 4, -drop)
        for overflow in Overflow:
            stage = FixedType(format, rounding, overflow)
            network = network_of(
                weights, Format(True, 8, 0), stage, sums, FixedType(bias), engine=engine
            )
            expected = requantize(sums, bias, format, rounding, overflow)
            assert (network.predict([[5]] * 50) == expected).all(), stage


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_drawn_networks_by_every_engine(seed):
    check_engines(seed)


@pytest.mark.needs("cc")
def test_unsigned_words_of_16_bits_take_the_kernel():
    type = FixedType.parse("fxp-u16/15")
    curve = make_curve("plan", Format(True, 16, 12), type)
    rng = np.random.default_rng(1)
    sizes, layers, weights = (64, 20, 10), [], []
    for inputs, outputs in pairwise(sizes):
        stage = FixedType(curve.input)
        layers.append(
            Layer(inputs, outputs, type, FixedType(Format(True, 16, 9)), None, stage, curve)
        )
        weights.append(rng.normal(0, 60, (outputs, inputs)).astype(np.int64))
    design = Design(Shape(tuple(layers)), Weights(weights))
    codes = rng.integers(0, 2**16, (200, 64))
    codes[:64], codes[64] = np.eye(64) * (2**16 - 1), 2**16 - 1
    network = FixedNetwork(design, engine="int16")
    plain = FixedNetwork(design, engine="int64").predict(codes)
    assert plain.max() > 2**14
    assert (network.predict(codes) == plain).all()


@pytest.mark.needs("cc")
def test_an_outlier_changes_the_engine_of_its_block_only(monkeypatch):
    """One sample in many reaches beyond the proof: what follows it is taken by another engine."""
    monkeypatch.setattr(fixed, "CALL_WORDS", 3 * 200)
    weights = np.array([[300, -20000, 30000], [1, 2, 3]])
    network = network_of(weights, Format(True, 17, 0), FixedType(Format(True, 16, -12)))
    codes = np.random.default_rng(2).integers(-20000, 20000, (1000, 3))
    codes[333] = [-(2**16), 2**16 - 1, -(2**16)]
    plain = network_of(
        weights, Format(True, 17, 0), FixedType(Format(True, 16, -12)), engine="int64"
    )
    assert [choice.engine for choice in network.engines(codes[:300])] == ["int16"]
    assert [choice.engine for choice in network.engines(codes)] == ["float64"]
    seen = []
    assert (network.predict(codes, progress=seen.append) == plain.predict(codes)).all()
    assert seen == [200, 400, 600, 800, 1000]
