"""Many points in few figures: means and standard errors over seeds, dB a bit."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from .study_choices import Choice
from .study_points import Measured, Point
from .tables import finite

DB_PER_BIT = float(20 * np.log10(2))
"""What a bit is worth in theory, in dB."""


class Mean(NamedTuple):
    """A mean over seeds, and its standard error; that is NaN for a single seed."""

    mean: float
    error: float

    def to_json(self) -> dict[str, float | None]:
        """Return both as JSON."""
        return {"mean": finite(self.mean), "standard_error": finite(self.error)}


class Row(NamedTuple):
    """A choice over all seeds.

    Members
    -------
    choice : Choice
        Which.
    seeds : int
        How many could be measured.
    accuracy, agreement, sqnr, maximum, mean, rms, bias : Mean
        As in `Measured` and `Figures`.
    theory : float
        SQNR in dB of rounding the outputs alone, errors evenly spread over an LSB.
    """

    choice: Choice
    seeds: int
    accuracy: Mean
    agreement: Mean
    sqnr: Mean
    maximum: Mean
    mean: Mean
    rms: Mean
    bias: Mean
    theory: float


def mean_of(values: Iterable[float]) -> Mean:
    """Return a mean and its standard error."""
    array = np.array(list(values), dtype=np.float64)
    if len(array) < 2 or not np.isfinite(array).all():
        return Mean(float(array.mean()), float("nan"))
    return Mean(float(array.mean()), float(array.std(ddof=1) / len(array) ** 0.5))


def summary(points: Iterable[Point]) -> list[Row]:
    """Return each choice that was measured, over all seeds, in the order of the points."""
    found: dict[Choice, list[Measured]] = {}
    for point in points:
        if point.measured is not None:
            found.setdefault(point.choice, []).append(point.measured)
    return [_row(choice, measured) for choice, measured in found.items()]


def _row(choice: Choice, measured: Sequence[Measured]) -> Row:
    figures = [item.figures for item in measured]
    names = ("sqnr", "maximum", "mean", "rms", "bias")
    means = {name: mean_of(getattr(item, name) for item in figures) for name in names}
    return Row(
        choice,
        len(measured),
        mean_of(item.accuracy for item in measured),
        mean_of(item.agreement for item in measured),
        theory=float(np.mean([_theory(item) for item in measured])),
        **means,
    )


def _theory(measured: Measured) -> float:
    """Return the SQNR of outputs whose errors are even over an LSB and nothing else is lost."""
    last = measured.stages[-1]
    if not measured.signal:
        return float("-inf")
    return float(10 * np.log10(12 * measured.signal / last.format.lsb**2))


def line_of(choice: Choice) -> str:
    """Return what a choice has in common with those of other widths."""
    return f"{choice.curve}, {choice.rounding.value}, {choice.overflow.value}"


def lines(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return rows that differ in nothing but the width, by what they have in common."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(line_of(row.choice), []).append(row)
    return {name: sorted(line, key=lambda row: row.choice.width) for name, line in found.items()}


def per_bit(line: Sequence[Row]) -> float | None:
    """Return how many dB a bit is worth on a line, by least squares; None below two widths."""
    at = np.array([(row.choice.width, row.sqnr.mean) for row in line], dtype=np.float64)
    at = at[np.isfinite(at[:, 1])]
    if len(at) < 2:
        return None
    return float(np.polyfit(at[:, 0], at[:, 1], 1)[0])


def seeds_text(seeds: Sequence[int]) -> str:
    """Return seeds as people write them: a range where there are many in a row."""
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))
