import itertools
import re

import numpy as np
import pytest

from bittrue.model.exceptions import BittrueError, DefaultsWarning
from bittrue.model.formats import FixedType, Format, Overflow, Rounding

SMALL = [Format(s, w, f) for s in (True, False) for w in (1, 2, 3) for f in (-1, 0, 2)]


def needs(values, frac):
    """Return the smallest format of some codes, by trying all from the narrowest on."""
    for width in itertools.count(1):
        for signed in (False, True):
            if (format := Format(signed, width, frac)).holds(values):
                return format


@pytest.mark.parametrize("a", SMALL, ids=str)
@pytest.mark.parametrize("b", SMALL, ids=str)
def test_products_are_sufficient_and_necessary(a, b):
    products = np.multiply.outer(a.codes(), b.codes())
    format = a * b
    assert format.frac == a.frac + b.frac
    assert format.holds(products)
    assert not any(
        Format(signed, format.width - 1, 0).holds(products)
        for signed in (True, False)
        if format.width > 1
    )


@pytest.mark.parametrize("format", SMALL, ids=str)
@pytest.mark.parametrize("terms", [1, 2, 3, 5])
def test_sums_are_sufficient_and_necessary(format, terms):
    ends = [terms * format.min_code, terms * format.max_code]
    assert format.summed(terms) == needs(ends, format.frac)


@pytest.mark.parametrize("terms", [1, 2, 3])
@pytest.mark.parametrize("bias", [None, Format(True, 3, 0), Format(False, 2, 5)])
def test_dot_products_are_sufficient_and_necessary(terms, bias):
    for weight, input in itertools.product(SMALL, SMALL):
        format = Format.dot(weight, input, terms, bias)
        frac = weight.frac + input.frac
        products = np.multiply.outer(weight.codes(), input.codes()).ravel()
        sums = products
        for _ in range(terms - 1):
            sums = np.unique(np.add.outer(sums, products))
        if bias is not None:
            assert format.frac == max(frac, bias.frac)
            sums = np.add.outer(sums << format.frac - frac, bias.codes() << format.frac - bias.frac)
        narrowest = needs([int(sums.min()), int(sums.max())], format.frac)
        assert (format.width, format.signed) == (narrowest.width, bool(sums.min() < 0))


def test_three_products_of_16_bits_need_33():
    s16 = Format.parse("fxp-s16/12")
    assert str(Format.dot(s16, s16, 3)) == "fxp-s33/24"
    assert str((s16 * s16).summed(3)) == "fxp-s34/24"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fxp-s16/12", "fxp-s16/12"),
        ("fxp-u8/-3", "fxp-u8/-3"),
        ("fxp-s4/9", "fxp-s4/9"),
        ("Q4.12", "fxp-s16/12"),
        ("UQ4.12", "fxp-u16/12"),
        ("ap_fixed<16,4>", "fxp-s16/12"),
        ("ap_ufixed<16, 4>", "fxp-u16/12"),
        ("fixed<16,4>", "fxp-s16/12"),
        ("ufixed<8,10>", "fxp-u8/-2"),
        ("sfix16_En12", "fxp-s16/12"),
        ("ufix16_E2", "fxp-u16/-2"),
    ],
)
def test_notations(text, expected):
    format = Format.parse(text)
    assert str(format) == expected
    assert Format.parse(str(format)) == format


@pytest.mark.parametrize(
    "text", ["s16.12", "", "16/12", "fxp-s16", "fxp-x16/12", "ap_fixed<16>", "Q4", "fxp-s16/12/3"]
)
def test_what_is_no_notation_is_refused(text):
    with pytest.raises(BittrueError, match=rf"^[^\n]*{re.escape(repr(text)[1:-1])}[^\n]*$"):
        Format.parse(text)


def test_the_ambiguous_notation_names_both_readings():
    with pytest.raises(BittrueError) as caught:
        Format.parse("s16.12")
    assert "fxp-s28/12" in str(caught.value) and "fxp-s16/12" in str(caught.value)


@pytest.mark.parametrize("text", ["ap_fixed<16,4,AP_RND,AP_SAT>", "fxp-s16/12,RND,SAT"])
def test_a_format_carries_no_modes(text):
    with pytest.raises(BittrueError):
        Format.parse(text)
    assert FixedType.parse(text) == FixedType(Format(True, 16, 12), Rounding.RND, Overflow.SAT)


def test_a_bare_ap_fixed_says_which_defaults_it_takes():
    with pytest.warns(DefaultsWarning, match=r"^ap_fixed<16,4> leaves modes open: .*RND_CONV, SAT"):
        assert FixedType.parse("ap_fixed<16,4>") == FixedType(Format(True, 16, 12))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fxp-s64/12", "width must be 1 to 63 bits, got 64"),
        ("fxp-s0/0", "width must be 1 to 63 bits, got 0"),
        ("fxp-s8/1001", "frac must be -1000 to 1000 bits, got 1001"),
    ],
)
def test_too_wide(text, message):
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}$"):
        Format.parse(text)


def test_too_wide_an_accumulator():
    wide = Format(True, 32, 16)
    with pytest.raises(
        BittrueError, match=r"^every intermediate must fit 63 bits, this one needs 65$"
    ):
        Format.dot(wide, wide, 2)


@pytest.mark.parametrize("text", ["fxp-s8/4,RND_UP", "fxp-s8/4,RND,CLIP", "fxp-s8/4,RND,SAT,1"])
def test_unknown_modes(text):
    with pytest.raises(BittrueError):
        FixedType.parse(text)


def test_types_print_what_they_parse():
    for rounding, overflow in itertools.product(Rounding, Overflow):
        type = FixedType(Format(False, 7, -2), rounding, overflow)
        assert FixedType.parse(str(type)) == type
