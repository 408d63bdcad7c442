"""What is measured follows the laws of quantization."""

import re

import numpy as np
import pytest

from bittrue.model.errors import errors_between, sqnr
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import Format, Overflow, Rounding, decode, encode


def quantized(values, bits, rounding=Rounding.RND_CONV):
    format = Format(True, bits, bits - 1)
    return decode(encode(values, format, rounding, Overflow.SAT), format), format.lsb


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_a_full_scale_sine_has_6_dB_a_bit(bits):
    turns = np.arange(1 << 16) * 0.6180339887498949
    sine = np.sin(2 * np.pi * turns) * (1 - 2.0 ** (1 - bits))
    rounded, _ = quantized(sine, bits)
    assert sqnr(sine, rounded) == pytest.approx(6.0206 * bits + 1.7609, abs=0.1)


@pytest.mark.parametrize(
    ("rounding", "bias"),
    [(Rounding.TRN, -0.5), (Rounding.RND, 0.0), (Rounding.RND_CONV, 0.0)],
)
def test_cutting_is_biased_by_half_an_lsb_and_rounding_is_not(rounding, bias):
    values = np.random.default_rng(5).uniform(-0.9, 0.9, 100_000)
    rounded, lsb = quantized(values, 8, rounding)
    assert np.mean(rounded - values) / lsb == pytest.approx(bias, abs=0.01)
    assert np.var(rounded - values) / lsb**2 == pytest.approx(1 / 12, rel=0.02)


def test_all_figures():
    errors = errors_between([[1.0, 2.0], [2.0, 0.0]], [[1.0, 2.5], [2.0, -0.25]], 0.25)
    assert errors[:4] == (0.5, 0.1875, 2.0, 0.75)
    assert errors.sqnr == pytest.approx(10 * np.log10(9 / 0.3125))


def test_nothing_lost_and_nothing_there():
    assert sqnr([1.0], [1.0]) == float("inf")
    assert sqnr([0.0], [1.0]) == float("-inf")


@pytest.mark.parametrize(("expected", "actual"), [([1.0], [1.0, 2.0]), ([], [])])
def test_arrays_of_two_shapes_or_none_are_refused(expected, actual):
    message = f"of one shape, got {np.shape(expected)} and {np.shape(actual)}"
    with pytest.raises(BittrueError, match=re.escape(message)):
        errors_between(expected, actual, 1.0)
