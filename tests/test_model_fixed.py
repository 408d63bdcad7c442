import re

import numpy as np
import pytest
from designs import drawn_design

from bittrue.model import fixed
from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import Overflow, Rounding, requantize_flagged


def by_hand(design, sample):
    """Evaluate one sample in Python integers, stage by stage."""
    for layer, weights, biases in zip(
        design.shape.layers, design.weights.weights, design.weights.biases, strict=True
    ):
        shift = layer.accumulator.frac - layer.weight.format.frac - layer.input.format.frac
        outputs = []
        for neuron, row in enumerate(weights.tolist()):
            total = sum(w * x for w, x in zip(row, sample, strict=True)) << shift
            if biases is not None:
                total += int(biases[neuron]) << layer.accumulator.frac - layer.bias.format.frac
            stage = layer.preactivation
            code = requantize_flagged(
                [total], layer.accumulator, stage.format, stage.rounding, stage.overflow
            )[0]
            outputs.append(int(layer.curve.evaluate(code)[0]))
        sample = outputs
    return sample


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("format", ["fxp-s8/4", "fxp-s16/12", "fxp-s24/18"])
def test_batches_and_samples_agree(format, bias):
    design = drawn_design(3, (4, 6, 3), format, bias=bias, rounding=Rounding.TRN)
    network = FixedNetwork(design)
    low, high = design.shape.input.format.min_code, design.shape.input.format.max_code
    codes = np.random.default_rng(4).integers(low, high + 1, (20, 4))
    codes[0], codes[1] = low, high
    batch = network.predict(codes)
    assert batch.dtype == np.int64
    assert batch.tolist() == [by_hand(design, row) for row in codes.tolist()]
    trace = network.trace(codes)
    assert (trace[-1].output == batch).all()
    assert trace[0].accumulator.shape == (20, 6)


def test_losses_are_counted():
    design = drawn_design(5, (3, 3, 3), overflow=Overflow.WRAP)
    codes = np.full((2, 3), design.shape.input.format.min_code)
    trace = FixedNetwork(design).trace(codes)
    for layer, (record, before) in enumerate(zip(trace, (codes, trace[0].output), strict=True)):
        shape = design.shape.layers[layer]
        stage = shape.preactivation
        _, inexact, overflowed = requantize_flagged(
            before @ design.weights.weights[layer].T,
            shape.accumulator,
            stage.format,
            stage.rounding,
            stage.overflow,
        )
        assert record.preactivation_loss == (inexact.sum(), overflowed.sum())
    assert trace[0].preactivation_loss.overflowed > 0


def test_blocks_change_nothing(monkeypatch):
    design = drawn_design(6, (3, 4, 2))
    codes = np.random.default_rng(7).integers(-128, 128, (33, 3))
    whole = FixedNetwork(design).predict(codes)
    monkeypatch.setattr(fixed, "BLOCK", 8)
    monkeypatch.setattr(fixed, "BLOCK_WORDS", 8)
    assert (FixedNetwork(design).predict(codes) == whole).all()
    assert FixedNetwork(design).predict(codes[:0]).shape == (0, 2)


def test_a_query_encodes_and_decodes():
    design = drawn_design(8, (3, 3, 3))
    network = FixedNetwork(design)
    assert (network.query([0.5, -0.25, 1.0]) * 16).tolist() == network.predict([[8, -4, 16]])[
        0
    ].tolist()
    assert (network.query([100.0, 0, 0]) == network.query([7.9375, 0, 0])).all()
    assert isinstance(network.design, Design)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n: n.query([1, 2]), "inputs must be a vector of 3 values, got shape (2,)"),
        (lambda n: n.query([1, 2, np.nan]), "values must be finite, got nan"),
        (lambda n: n.predict([1, 2, 3]), "codes must have shape (samples, 3), got (3,)"),
        (lambda n: n.predict([[1, 2]]), "codes must have shape (samples, 3), got (1, 2)"),
        (lambda n: n.predict([[1, 2, 128]]), "codes of fxp-s8/4 must be -128 to 127, got 128"),
        (
            lambda n: n.predict([[1, 2, 0.5]]),
            "codes must be integers, got float64 (np.float64(1.0), …)",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}$"):
        call(FixedNetwork(drawn_design(9, (3, 3, 3))))
