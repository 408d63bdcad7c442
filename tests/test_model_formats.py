import re
from fractions import Fraction
from itertools import product
from math import ceil, floor
from types import SimpleNamespace

import apytypes
import numpy as np
import pytest
from fxpmath import Fxp
from hypothesis import given, settings
from hypothesis import strategies as st

from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import (
    Format,
    Loss,
    Overflow,
    Rounding,
    decode,
    encode,
    encode_counted,
    requantize,
    requantize_counted,
    requantize_flagged,
)

FXPMATH_ROUNDING = {
    Rounding.TRN: "floor",
    Rounding.TRN_ZERO: "trunc",
    Rounding.RND: "nearest_posinf",
    Rounding.RND_INF: "nearest_away",
    Rounding.RND_ZERO: "nearest_zero",
    Rounding.RND_MIN_INF: "nearest_neginf",
    Rounding.RND_CONV: "around",
}
FXPMATH_OVERFLOW = {Overflow.WRAP: "wrap", Overflow.SAT: "saturate"}
APYTYPES_ROUNDING = {mode: getattr(apytypes.QuantizationMode, mode.value) for mode in Rounding}
APYTYPES_OVERFLOW = {
    Overflow.WRAP: apytypes.OverflowMode.WRAP,
    Overflow.SAT: apytypes.OverflowMode.SAT,
}


def exactly(code, source, target, rounding, overflow):
    """Requantize one code by the definitions, on exact fractions."""
    x = Fraction(code) * Fraction(2) ** (target.frac - source.frac)
    below, above = floor(x), ceil(x)
    half = Fraction(1, 2)
    toward = {
        Rounding.TRN: below,
        Rounding.TRN_ZERO: below if x >= 0 else above,
        Rounding.RND: floor(x + half),
        Rounding.RND_MIN_INF: ceil(x - half),
        Rounding.RND_INF: floor(x + half) if x >= 0 else ceil(x - half),
        Rounding.RND_ZERO: ceil(x - half) if x >= 0 else floor(x + half),
        Rounding.RND_CONV: round(x),
    }[rounding]
    low, high = target.min_code, target.max_code
    if overflow is Overflow.SAT_SYM and target.signed:
        low = -high
    outside = not low <= toward <= high
    if overflow is Overflow.WRAP:
        span = high - low + 1
        result = (toward - low) % span + low
    elif overflow is Overflow.SAT_ZERO:
        result = 0 if outside else toward
    else:
        result = min(max(toward, low), high)
    return result, x.denominator != 1, outside


def small_formats(widths, fracs):
    return [
        Format(signed, width, frac) for signed, width, frac in product((True, False), widths, fracs)
    ]


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("overflow", Overflow)
def test_every_code_of_small_formats_by_definition(rounding, overflow):
    for source in small_formats((1, 3, 5), (-1, 0, 3)):
        for target in small_formats((1, 2, 4), (-2, 0, 2, 5)):
            codes = source.codes()
            actual = requantize_flagged(codes, source, target, rounding, overflow)
            expected = zip(
                *(exactly(int(c), source, target, rounding, overflow) for c in codes), strict=True
            )
            for words, wanted in zip(actual, expected, strict=True):
                np.testing.assert_array_equal(words, wanted, err_msg=f"{source} {target}")


def by_fxpmath(codes, source, target, rounding, overflow):
    """Requantize by fxpmath, which is the specification."""
    sized = {"signed": target.signed, "n_word": target.width, "n_frac": target.frac}
    values = np.ldexp(codes.astype(np.float64), -source.frac)
    return Fxp(
        values,
        **sized,
        rounding=FXPMATH_ROUNDING[rounding],
        overflow=FXPMATH_OVERFLOW[overflow],
    ).val.astype(np.int64)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("overflow", FXPMATH_OVERFLOW)
def test_fxpmath_agrees_on_every_code_of_small_formats(rounding, overflow):
    for source in small_formats((2, 4, 6), (0, 2, 5)):
        for target in small_formats((2, 3, 5), (0, 1, 4)):
            codes = source.codes()
            np.testing.assert_array_equal(
                requantize(codes, source, target, rounding, overflow),
                by_fxpmath(codes, source, target, rounding, overflow),
                err_msg=f"{source} {target}",
            )


FORMATS = st.builds(Format, st.booleans(), st.integers(2, 40), st.integers(0, 38))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("rounding", Rounding)
@settings(derandomize=True, deadline=None, max_examples=60)
@given(data=st.data())
def test_fxpmath_agrees_on_drawn_formats(rounding, data):
    source, target = data.draw(FORMATS), data.draw(FORMATS)
    overflow = data.draw(st.sampled_from(list(FXPMATH_OVERFLOW)))
    ends = st.sampled_from([source.min_code, source.max_code, 0])
    code = st.one_of(ends, st.integers(source.min_code, source.max_code))
    codes = np.array(data.draw(st.lists(code, min_size=1, max_size=20)), dtype=np.int64)
    np.testing.assert_array_equal(
        requantize(codes, source, target, rounding, overflow),
        by_fxpmath(codes, source, target, rounding, overflow),
    )


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("overflow", APYTYPES_OVERFLOW)
def test_apytypes_agrees(rounding, overflow):
    rng = np.random.default_rng(7)
    source = Format(True, 12, 7)
    for target in small_formats((3, 8, 14), (0, 4, 9)):
        codes = np.concatenate([rng.integers(-2048, 2048, 300), [-2048, 2047, 0]])
        array = apytypes.APyFixedArray(
            (codes % 4096).tolist(), int_bits=source.int_bits, frac_bits=source.frac
        )
        if not target.signed:
            wide = Format(True, target.width + 1, target.frac)
            if overflow is Overflow.SAT:
                continue
            target = wide
        other = array.cast(
            int_bits=target.int_bits,
            frac_bits=target.frac,
            quantization=APYTYPES_ROUNDING[rounding],
            overflow=APYTYPES_OVERFLOW[overflow],
        ).to_numpy()
        ours = requantize(codes, source, target, rounding, overflow)
        np.testing.assert_array_equal(decode(ours, target), other, err_msg=str(target))


WORKED = {
    Rounding.TRN: ([-3, -2, -1, 0, 1, 2], -2, 1),
    Rounding.TRN_ZERO: ([-2, -1, 0, 0, 1, 2], -1, 1),
    Rounding.RND: ([-2, -1, 0, 1, 2, 3], -2, 2),
    Rounding.RND_INF: ([-3, -2, -1, 1, 2, 3], -2, 2),
    Rounding.RND_ZERO: ([-2, -1, 0, 0, 1, 2], -2, 2),
    Rounding.RND_MIN_INF: ([-3, -2, -1, 0, 1, 2], -2, 2),
    Rounding.RND_CONV: ([-2, -2, 0, 0, 2, 2], -2, 2),
}


@pytest.mark.parametrize("rounding", Rounding)
def test_worked_values(rounding):
    ties, below, above = WORKED[rounding]
    quarters, whole = Format(True, 8, 2), Format(True, 8, 0)
    values = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, -1.75, 1.75]
    expected = [*ties, below, above]
    assert encode(values, whole, rounding, Overflow.SAT).tolist() == expected
    codes = encode(values, quarters, rounding, Overflow.SAT)
    assert requantize(codes, quarters, whole, rounding, Overflow.SAT).tolist() == expected


@pytest.mark.parametrize(
    ("overflow", "expected"),
    [
        (Overflow.WRAP, {8: -8, 15: -1, -9: 7, -8: -8}),
        (Overflow.SAT, {8: 7, -9: -8, -8: -8}),
        (Overflow.SAT_SYM, {8: 7, -9: -7, -8: -7, -7: -7}),
        (Overflow.SAT_ZERO, {8: 0, -9: 0, -8: -8}),
    ],
)
def test_worked_overflows(overflow, expected):
    source, target = Format(True, 8, 0), Format(True, 4, 0)
    result = requantize(list(expected), source, target, Rounding.TRN, overflow)
    assert result.tolist() == list(expected.values())


def test_rounding_comes_before_the_range():
    half, four = Format(True, 6, 1), Format(True, 4, 0)
    results = [
        requantize_counted([15], half, four, Rounding.RND, overflow)
        for overflow in (Overflow.WRAP, Overflow.SAT)
    ]
    assert [codes.tolist() for codes, _ in results] == [[-8], [7]]
    assert [loss for _, loss in results] == [Loss(1, 1), Loss(1, 1)]
    assert requantize_counted([15], half, four, Rounding.TRN, Overflow.SAT)[1] == Loss(1, 0)


@pytest.mark.parametrize("rounding", Rounding)
@settings(derandomize=True, deadline=None, max_examples=80)
@given(data=st.data())
def test_widest_words_and_longest_shifts(rounding, data):
    formats = st.builds(Format, st.booleans(), st.integers(1, 63), st.integers(-130, 130))
    source, target = data.draw(formats), data.draw(formats)
    overflow = data.draw(st.sampled_from(Overflow))
    ends = st.sampled_from([source.min_code, source.max_code])
    code = data.draw(st.one_of(ends, st.integers(source.min_code, source.max_code)))
    actual = requantize_flagged([code], source, target, rounding, overflow)
    assert tuple(int(words[0]) for words in actual) == exactly(
        code, source, target, rounding, overflow
    )


@pytest.mark.parametrize("rounding", Rounding)
@settings(derandomize=True, deadline=None, max_examples=80)
@given(data=st.data())
def test_encode_takes_each_float_as_the_number_it_is(rounding, data):
    format = data.draw(st.builds(Format, st.booleans(), st.integers(1, 63), st.integers(-70, 70)))
    overflow = data.draw(st.sampled_from(Overflow))
    near = st.integers(-(2**20), 2**20).map(lambda n: float(np.ldexp(n, -format.frac - 1)))
    value = data.draw(st.one_of(near, st.floats(allow_nan=False, allow_infinity=False)))
    codes, loss = encode_counted([value], format, rounding, overflow)
    # a format in which every float64 is an exact code
    finest = SimpleNamespace(frac=1100)
    code = Fraction(value) * 2**finest.frac
    expected, inexact, outside = exactly(int(code), finest, format, rounding, overflow)
    assert (int(codes[0]), loss) == (expected, Loss(int(inexact), int(outside)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_is_refused(value):
    with pytest.raises(BittrueError, match=rf"^values must be finite, got {value}$"):
        encode([1.0, value], Format(True, 8, 4), Rounding.TRN, Overflow.SAT)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ([0.5], "codes must be integers, got float64 (np.float64(0.5), …)"),
        ([8], "codes of fxp-s4/0 must be -8 to 7, got 8"),
        ([-9, 3], "codes of fxp-s4/0 must be -8 to 7, got -9"),
    ],
)
def test_what_is_no_code_is_refused(codes, message):
    four = Format(True, 4, 0)
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}$"):
        requantize(codes, four, four, Rounding.TRN, Overflow.SAT)
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}$"):
        decode(codes, four)
