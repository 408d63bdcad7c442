"""The seven rounding and four overflow modes, named as ``ap_fixed`` names them."""

import enum
from typing import TypeVar

from .exceptions import BittrueError


class Rounding(enum.Enum):
    """How the bits right of the new LSB are dropped; the names are those of ``ap_fixed``."""

    TRN = "TRN"
    """Toward minus infinity: the bits are simply cut."""
    TRN_ZERO = "TRN_ZERO"
    """Toward zero."""
    RND = "RND"
    """To the nearest; ties toward plus infinity."""
    RND_ZERO = "RND_ZERO"
    """To the nearest; ties toward zero."""
    RND_INF = "RND_INF"
    """To the nearest; ties away from zero."""
    RND_MIN_INF = "RND_MIN_INF"
    """To the nearest; ties toward minus infinity."""
    RND_CONV = "RND_CONV"
    """To the nearest; ties to the even code."""

    @classmethod
    def parse(cls, text: str) -> "Rounding":
        """Read a mode name, with or without ``AP_``, in upper or lower case."""
        return _parse_mode(cls, "rounding mode", text)


class Overflow(enum.Enum):
    """How a rounded value outside the range is fitted into it; the names are ``ap_fixed``'s."""

    WRAP = "WRAP"
    """Keep the low bits."""
    SAT = "SAT"
    """The nearest end of the range."""
    SAT_SYM = "SAT_SYM"
    """As SAT, with the minimum of a signed format counted as out of range."""
    SAT_ZERO = "SAT_ZERO"
    """Zero."""

    @classmethod
    def parse(cls, text: str) -> "Overflow":
        """Read a mode name, with or without ``AP_``, in upper or lower case."""
        return _parse_mode(cls, "overflow mode", text)


Mode = TypeVar("Mode", Rounding, Overflow)


def _parse_mode(modes: type[Mode], what: str, text: str) -> Mode:
    name = text.strip().upper().removeprefix("AP_")
    if name not in modes.__members__:
        raise BittrueError(f"{what} must be one of {', '.join(modes.__members__)}, got {text!r}")
    return modes[name]
