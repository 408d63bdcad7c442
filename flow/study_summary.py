"""Many points in few figures: means and standard errors over seeds, dB a bit, published ones."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from .study_points import Choice, Measured, Point

DB_PER_BIT = float(20 * np.log10(2))
"""What a bit is worth in theory, in dB."""


class Mean(NamedTuple):
    """A mean over seeds, and its standard error; that is NaN for a single seed."""

    mean: float
    error: float


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


class Published(NamedTuple):
    """A mean beside the figure that is published.

    Members
    -------
    width : int or None
        Bits; None for the golden model.
    name : str
        Of the figure.
    found : Mean
        Ours.
    published : float
        Theirs.
    allowed : float
        Two standard errors of ours, or half a point (half a dB) where that is more.
    """

    width: int | None
    name: str
    found: Mean
    published: float
    allowed: float

    @property
    def within(self) -> bool:
        """Whether they differ by no more than is allowed."""
        return abs(self.found.mean - self.published) <= self.allowed


DIGITS = {
    3: (0.867, 0.878, 5.6),
    4: (0.958, 0.974, 15.6),
    5: (0.970, 0.991, 22.7),
    6: (0.970, 0.995, 28.3),
    8: (0.9707, 0.9996, 40.8),
    10: (0.9711, 1.0, 52.1),
    12: (0.9711, 1.0, 64.5),
    16: (0.9711, 1.0, 88.8),
}
"""Accuracy, agreement and SQNR by width: digits, 64-32-10, five seeds, 30 epochs at 0.1."""

DIGITS_FLOAT = 0.9711
DIGITS_LAYERS = (64, 32, 10)


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


def beside_published(rows: Iterable[Row], reached: Mean) -> list[Published]:
    """Return what was found for the digits beside what is published of them."""
    found = [Published(None, "accuracy", reached, DIGITS_FLOAT, _allowed(reached, 0.005))]
    for row in rows:
        figures = DIGITS.get(row.choice.width, ())
        names = ("accuracy", "agreement", "sqnr")
        for name, published in zip(names, figures, strict=False):
            mean: Mean = getattr(row, name)
            least = 0.5 if name == "sqnr" else 0.005
            found.append(Published(row.choice.width, name, mean, published, _allowed(mean, least)))
    return found


def _allowed(mean: Mean, least: float) -> float:
    return max(2 * mean.error, least) if np.isfinite(mean.error) else least
