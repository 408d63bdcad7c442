"""Reading the notations in which this field writes fixed-point formats."""

import re

from .exceptions import BittrueError

_NOTATIONS = (
    (re.compile(r"fxp-([su])(\d{1,9})/(-?\d{1,9})"), "point"),
    (re.compile(r"(u?)q(-?\d{1,9})\.(-?\d{1,9})"), "q"),
    (re.compile(r"(?:ap_)?(u?)fixed<(\d{1,9}),(-?\d{1,9})((?:,\w+)*)>"), "ap"),
    (re.compile(r"([su])fix(\d{1,9})(?:_e(n?)(\d{1,9}))?"), "fix"),
)
_AMBIGUOUS = re.compile(r"([su])(\d{1,9})\.(-?\d{1,9})")


def parse_notation(text: str) -> tuple[bool, int, int, list[str]]:
    """Return (signed, width, frac, modes) of a format written in any notation we read."""
    if not isinstance(text, str):
        raise BittrueError(f"a format must be given as text, got {text!r}")
    compact = re.sub(r"\s+", "", text).lower()
    if found := _AMBIGUOUS.fullmatch(compact):
        sign, left, frac = found[1], int(found[2]), int(found[3])
        raise BittrueError(
            f"{text!r} is ambiguous: write fxp-{sign}{left}/{frac} for {left} bits in all, "
            f"or fxp-{sign}{left + frac}/{frac} for {left} bits left of the point"
        )
    for pattern, kind in _NOTATIONS:
        if not (found := pattern.fullmatch(compact)):
            continue
        if kind == "point":
            return found[1] == "s", int(found[2]), int(found[3]), []
        if kind == "q":
            return not found[1], int(found[2]) + int(found[3]), int(found[3]), []
        if kind == "ap":
            width = int(found[2])
            return not found[1], width, width - int(found[3]), found[4].split(",")[1:]
        exponent = int(found[4] or 0)
        return found[1] == "s", int(found[2]), exponent if found[3] else -exponent, []
    raise BittrueError(
        "a format must be written like fxp-s16/12, Q4.12 (sign counted), ap_fixed<16,4>, "
        f"fixed<16,4> or sfix16_En12, got {text!r}"
    )
