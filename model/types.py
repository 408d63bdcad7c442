"""Formats and fixed types: frozen values that know the rules of bit growth."""

import re
import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .exceptions import BittrueError, DefaultsWarning
from .modes import Overflow, Rounding
from .notation import parse_notation

Codes = npt.NDArray[np.int64]

MAX_WIDTH = 63
"""Widest word, in bits: every code, signed or not, fits an int64."""

MAX_FRAC = 1000
"""Largest magnitude of ``frac``: every LSB and every code's value is a normal float64."""


@dataclass(frozen=True, slots=True)
class Format:
    """A fixed-point format: ``width`` bits, of which ``frac`` lie right of the binary point.

    Parameters
    ----------
    signed : bool
        Two's complement if true.
    width : int
        Bits in all, the sign bit counted; 1 to 63.
    frac : int
        Fractional bits; negative, or larger than ``width``, are both meaningful.

    Raises
    ------
    BittrueError
        If the width or the number of fractional bits is out of range.
    """

    signed: bool
    width: int
    frac: int

    def __post_init__(self) -> None:
        for name in ("width", "frac"):
            if type(getattr(self, name)) is not int:
                raise BittrueError(f"{name} must be an integer, got {getattr(self, name)!r}")
        if not isinstance(self.signed, bool):
            raise BittrueError(f"signed must be True or False, got {self.signed!r}")
        if not 1 <= self.width <= MAX_WIDTH:
            raise BittrueError(f"width must be 1 to {MAX_WIDTH} bits, got {self.width}")
        if abs(self.frac) > MAX_FRAC:
            raise BittrueError(f"frac must be -{MAX_FRAC} to {MAX_FRAC} bits, got {self.frac}")

    @classmethod
    def spanning(cls, low: int, high: int, frac: int) -> "Format":
        """Return the smallest format that holds every code from ``low`` to ``high``."""
        if low < 0:
            return cls(True, max((-low - 1).bit_length(), high.bit_length()) + 1, frac)
        return cls(False, max(high.bit_length(), 1), frac)

    @classmethod
    def parse(cls, text: str) -> "Format":
        """Read a format in one of the field's notations.

        Parameters
        ----------
        text : str
            ``fxp-s16/12`` (also printed by ``str``), ``Q4.12`` and ``UQ4.12`` (the sign bit is
            counted among the 4), ``ap_fixed<16,4>``, ``ap_ufixed<16,4>``, ``fixed<16,4>``,
            ``ufixed<16,4>`` (16 bits, 4 of them left of the point), ``sfix16_En12``,
            ``ufix16_E2``.

        Raises
        ------
        BittrueError
            If the text is none of these, carries modes (`FixedType.parse` reads them), or is
            ``s16.12``, which two communities read differently.
        """
        signed, width, frac, modes = parse_notation(text)
        if modes:
            raise BittrueError(
                f"a format carries no modes, got {text!r}; FixedType.parse reads them"
            )
        return cls(signed, width, frac)

    def __str__(self) -> str:
        return f"fxp-{'s' if self.signed else 'u'}{self.width}/{self.frac}"

    @property
    def min_code(self) -> int:
        """Smallest code."""
        return -(1 << self.width - 1) if self.signed else 0

    @property
    def max_code(self) -> int:
        """Largest code."""
        return (1 << self.width - self.signed) - 1

    @property
    def lsb(self) -> float:
        """The value of code 1."""
        return 2.0**-self.frac

    @property
    def int_bits(self) -> int:
        """Bits left of the binary point, the sign bit counted; may be negative."""
        return self.width - self.frac

    @property
    def min_value(self) -> float:
        """Value of the smallest code, correctly rounded to float64."""
        return float(np.ldexp(float(self.min_code), -self.frac))

    @property
    def max_value(self) -> float:
        """Value of the largest code, correctly rounded to float64."""
        return float(np.ldexp(float(self.max_code), -self.frac))

    def describe(self) -> str:
        """Return the format with its range and LSB, for people."""
        return f"{self}: {self.min_value:.12g} to {self.max_value:.12g}, LSB {self.lsb:.12g}"

    def codes(self) -> Codes:
        """Return every code, ascending. Shape (2**width,)."""
        return np.arange(self.min_code, self.max_code + 1, dtype=np.int64)

    def holds(self, codes: npt.ArrayLike) -> bool:
        """Tell whether all ``codes`` are codes of this format."""
        array = np.asarray(codes)
        return array.size == 0 or (
            int(array.min()) >= self.min_code and int(array.max()) <= self.max_code
        )

    def code_of(self, value: float) -> int | None:
        """Return the code whose value is exactly ``value``, or None where there is none."""
        scaled = float(np.ldexp(value, self.frac))
        if scaled.is_integer() and self.min_code <= int(scaled) <= self.max_code:
            return int(scaled)
        return None

    def __mul__(self, other: "Format") -> "Format":
        """Return the smallest format that holds every product of two codes."""
        return self._span([_product_range(self, other)], self.frac + other.frac)

    def summed(self, terms: int) -> "Format":
        """Return the smallest format that holds every sum of ``terms`` codes."""
        if terms < 1:
            raise BittrueError(f"a sum must have at least 1 term, got {terms}")
        return self._span([(terms * self.min_code, terms * self.max_code)], self.frac)

    @classmethod
    def dot(
        cls, weight: "Format", input: "Format", terms: int, bias: "Format | None" = None
    ) -> "Format":
        """Return the smallest format that holds every sum of ``terms`` products and a bias.

        Sufficient and necessary over all codes: products and bias are shifted left to the common
        LSB, ``frac = max(weight.frac + input.frac, bias.frac)``, never rounded.

        Raises
        ------
        BittrueError
            If the sum would be wider than 63 bits, or ``terms`` is below 1.
        """
        if terms < 1:
            raise BittrueError(f"a sum must have at least 1 term, got {terms}")
        product_frac = weight.frac + input.frac
        frac = product_frac if bias is None else max(product_frac, bias.frac)
        low, high = (terms * end << frac - product_frac for end in _product_range(weight, input))
        ranges = [(low, high)]
        if bias is not None:
            shift = frac - bias.frac
            ranges.append((bias.min_code << shift, bias.max_code << shift))
        return cls._span(ranges, frac)

    @classmethod
    def _span(cls, ranges: list[tuple[int, int]], frac: int) -> "Format":
        """Return the smallest format for a sum of one code from each range."""
        low, high = (sum(ends) for ends in zip(*ranges, strict=True))
        signed = low < 0
        width = max((-low - 1).bit_length() if signed else 0, high.bit_length(), 1 - signed)
        if width + signed > MAX_WIDTH:
            raise BittrueError(
                f"every intermediate must fit {MAX_WIDTH} bits, this one needs {width + signed}"
            )
        return cls(signed, width + signed, frac)


def _product_range(a: Format, b: Format) -> tuple[int, int]:
    corners = [x * y for x in (a.min_code, a.max_code) for y in (b.min_code, b.max_code)]
    return min(corners), max(corners)


@dataclass(frozen=True, slots=True)
class FixedType:
    """A format, and what happens to a value on its way into it.

    This is what ``ap_fixed<16,4,AP_RND_CONV,AP_SAT>`` writes. Our defaults are RND_CONV and SAT
    (those of ``ap_fixed`` are TRN and WRAP).

    Parameters
    ----------
    format : Format
        Of the codes.
    rounding : Rounding
        Of what lies between two codes.
    overflow : Overflow
        Of what lies beyond the format, rounded.
    """

    format: Format
    rounding: Rounding = Rounding.RND_CONV
    overflow: Overflow = Overflow.SAT

    @classmethod
    def parse(
        cls,
        text: str,
        rounding: Rounding = Rounding.RND_CONV,
        overflow: Overflow = Overflow.SAT,
    ) -> "FixedType":
        """Read a format with its modes.

        Parameters
        ----------
        text : str
            ``fxp-s16/12,RND_CONV,SAT`` (printed by ``str``), ``ap_fixed<16,4,AP_RND,AP_SAT>``, or
            any notation of `Format.parse` followed by modes behind commas.
        rounding, overflow
            Taken where the text names none.

        Warns
        -----
        DefaultsWarning
            If an ``ap_fixed`` leaves out a mode: C++ would take TRN and WRAP there.
        """
        outer = re.fullmatch(r"([^<,]*(?:<[^>]*>)?)((?:,[^,<>]*)*)", text.strip())
        if outer is None:
            raise BittrueError(f"a type must be written like fxp-s16/12,RND_CONV,SAT, got {text!r}")
        signed, width, frac, modes = parse_notation(outer[1])
        modes += outer[2].split(",")[1:]
        if len(modes) > 2:
            raise BittrueError(
                f"a type has two modes, rounding and overflow, got {len(modes)} in {text!r}"
            )
        if len(modes) < 2 and outer[1].strip().lower().startswith("ap_"):
            left_out = rounding.value if not modes else ""
            warnings.warn(
                f"{text} leaves modes open: taken as "
                f"{', '.join(filter(None, [left_out, overflow.value]))} "
                "(ap_fixed's own defaults are TRN, WRAP)",
                DefaultsWarning,
                stacklevel=2,
            )
        return cls(
            Format(signed, width, frac),
            Rounding.parse(modes[0]) if modes else rounding,
            Overflow.parse(modes[1]) if len(modes) > 1 else overflow,
        )

    def __str__(self) -> str:
        return f"{self.format},{self.rounding.value},{self.overflow.value}"
