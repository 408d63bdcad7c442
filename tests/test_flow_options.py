"""Groups of options: shown one by one, handed on together."""

import inspect

import pytest

from bittrue.flow import options


@pytest.fixture
def told():
    """Return what a command is told, and the command."""
    seen = {}

    @options.unfolded
    def ask(
        queries: int | None = None,
        *,
        ranges: options.Ranges,
        formats: options.Formats,
        pe: options.Lanes = None,
    ) -> None:
        """Ask."""
        seen.update(locals())

    return seen, ask


def test_a_group_is_shown_as_its_options_in_its_place(told):
    _, ask = told
    shown = inspect.signature(ask).parameters
    assert [*shown] == [
        *("queries", "width", "method", "margin", "format", "input_type", "weight_type"),
        *("bias_type", "preactivation_type", "output_type", "pe"),
    ]
    assert shown["format"].annotation == options.AnyFormat
    assert {each.default for each in shown.values()} == {None}
    assert (ask.__name__, ask.__doc__) == ("ask", "Ask.")


def test_a_command_gets_its_groups(told):
    seen, ask = told
    shown = dict.fromkeys(inspect.signature(ask).parameters)
    ask(**shown | {"width": 8, "weight_type": "fxp-s8/4", "queries": 3})
    assert seen["ranges"] == options.Ranges(width=8)
    assert seen["formats"] == options.Formats(weight_type="fxp-s8/4")
    assert (seen["queries"], seen["pe"]) == (3, None)


def test_what_was_given_is_told_by_option():
    groups = {"ranges": options.Ranges(width=8), "curves": options.Curves(curve="plan")}
    found = options.by_option({"json": False, "data": None, **groups})
    assert found == {"json": False, "width": 8, "curve": "plan"}


def test_settings_are_what_commands_share():
    values = {"pe": "2,1", "simd": "3", "json": True, "formats": options.Formats(format="Q4.12")}
    assert options.given(values) == {"pe": [2, 1], "simd": 3, "format": "Q4.12"}
