"""Choices are resolved once, and say which of them cannot be."""

import re

import pytest

from bittrue.model.config import Config
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import FixedType, Overflow, Rounding


def test_modes_of_the_common_format_are_those_of_computed_stages():
    config = Config.of(format="ap_fixed<16,4,AP_TRN,AP_WRAP>")
    assert config.preactivation_type == FixedType.parse("fxp-s16/12,TRN,WRAP")
    assert config.weight_type == FixedType.parse("fxp-s16/12,RND_CONV,SAT")


def test_modes_as_members_and_as_text():
    text = Config.of(rounding="RND_INF", overflow="SAT_SYM")
    assert text == Config.of(rounding=Rounding.RND_INF, overflow=Overflow.SAT_SYM)
    assert text.output_type.overflow is Overflow.SAT_SYM


def test_one_value_or_one_a_layer():
    config = Config.of(curve=["plan", "fit"], segments=[None, 8])
    assert [config.layer(n, 2).curve for n in range(2)] == ["plan", "fit"]
    assert config.layer(0, 2).weight_type == config.layer(1, 2).weight_type
    with pytest.raises(BittrueError, match=r"^curve must be one value or 3, one a layer, got 2$"):
        config.layer(0, 3)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"colour": 1}, "a choice must be one of input_type, "),
        ({"rounding": "UP"}, "rounding mode must be one of TRN, "),
        ({"overflow": "CLIP"}, "overflow mode must be one of WRAP, "),
        ({"weight_type": 3.5}, "a type must be text like fxp-s16/12,RND_CONV,SAT, got 3.5"),
        ({"format": "16"}, ""),
    ],
)
def test_bad_choices(choices, message):
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}"):
        Config.of(**choices)
