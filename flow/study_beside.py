"""A study beside a reference: means, standard errors, and what each criterion says."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np

from .study_reference import SHARES, TOLERANCES, Reference
from .study_run import Studied
from .study_summary import Mean, Row, lines, mean_of, summary


class Published(NamedTuple):
    """A mean beside the figure that is published.

    Members
    -------
    width : int or None
        Bits; None for the golden model.
    name : str
        Of the figure.
    found : Mean
        Ours, with its standard error.
    published : float
        Theirs.
    error : float
        Standard error of a mean over as many seeds as theirs, from our spread; NaN for one seed.
    """

    width: int | None
    name: str
    found: Mean
    published: float
    error: float

    @property
    def difference(self) -> float:
        """Ours less theirs."""
        return self.found.mean - self.published

    @property
    def tolerance(self) -> float:
        """Difference that is allowed whatever the spread."""
        return TOLERANCES[self.name]

    @property
    def within_errors(self) -> bool:
        """Whether they differ by no more than two standard errors."""
        return abs(self.difference) <= 2 * self.error

    @property
    def within_tolerance(self) -> bool:
        """Whether they differ by no more than is always allowed."""
        return abs(self.difference) <= self.tolerance

    @property
    def allowed(self) -> float:
        """Two of those standard errors, or the tolerance where that is more."""
        return self.tolerance if math.isnan(self.error) else max(2 * self.error, self.tolerance)

    @property
    def within(self) -> bool:
        """Whether one of the two holds."""
        return self.within_errors or self.within_tolerance


class Group(NamedTuple):
    """As many of our seeds as theirs: what those alone would have said.

    Members
    -------
    seeds : tuple of int
        Which.
    rows : list of Published
        Their means beside the published figures.
    """

    seeds: tuple[int, ...]
    rows: list[Published]


class Beside(NamedTuple):
    """A study beside a reference.

    Members
    -------
    reference : Reference
        Theirs.
    line : str
        Curve and modes that are compared: the first of the study.
    rows : list of Published
        Means over all seeds beside the published figures.
    groups : list of Group
        The same for each group of seeds; empty where there is but one.
    """

    reference: Reference
    line: str
    rows: list[Published]
    groups: list[Group]

    @property
    def from_theirs(self) -> Mapping[str, float]:
        """How many figures of a group differ from the published ones, on average, by kind."""
        return _differing([group.rows for group in self.groups])

    @property
    def from_ours(self) -> Mapping[str, float]:
        """The same, another group of ours standing for theirs: what chance alone does."""
        return _differing(
            [
                row._replace(published=other.found.mean)
                for row, other in zip(group.rows, standing.rows, strict=True)
            ]
            for group, standing in permutations(self.groups, 2)
        )

    @property
    def agrees(self) -> bool:
        """Whether every figure is within what is allowed."""
        return all(row.within for row in self.rows)


def beside_reference(found: Sequence[Studied], reference: Reference) -> Beside:
    """Return the first line of a study beside a reference, together and by groups of its seeds."""
    size = reference.seeds
    groups = []
    if size is not None and len(found) >= 2 * size:
        for start in range(0, len(found) - size + 1, size):
            part = found[start : start + size]
            seeds = tuple(one.seed for one in part if one.seed is not None)
            groups.append(Group(seeds, _rows(part, reference)))
    line = next(iter(lines(summary(point for one in found for point in one.points))))
    return Beside(reference, line, _rows(found, reference), groups)


def _rows(found: Sequence[Studied], reference: Reference) -> list[Published]:
    measured = next(iter(lines(summary(point for one in found for point in one.points)).values()))
    by_width: dict[int, Row] = {row.choice.width: row for row in measured}
    rows = []
    if reference.golden is not None:
        reached = mean_of(one.accuracy for one in found)
        rows.append(_published(None, "accuracy", reached, len(found), reference.golden, reference))
    for width, figures in reference.figures.items():
        for name, figure in figures.items():
            row = by_width.get(width)
            mean: Mean = Mean(math.nan, math.nan) if row is None else getattr(row, name)
            seeds = 0 if row is None else row.seeds
            rows.append(_published(width, name, mean, seeds, figure, reference))
    return rows


def _published(
    width: int | None, name: str, found: Mean, seeds: int, figure: float, reference: Reference
) -> Published:
    spread = (seeds / (reference.seeds or seeds)) ** 0.5 if seeds else math.nan
    return Published(width, name, found, figure, found.error * spread)


def _differing(lists: Iterable[Sequence[Published]]) -> dict[str, float]:
    """Return how many figures differ, on average over lists of them."""
    counts = [
        (count_within(rows, shares=True)[1], count_within(rows, shares=False)[1]) for rows in lists
    ]
    shares, powers = np.mean(counts, axis=0)
    return {"shares": float(shares), "sqnr": float(powers)}


def count_within(rows: Sequence[Published], *, shares: bool) -> tuple[int, int]:
    """Return how many shares, or others, agree and differ."""
    kept = [row.within for row in rows if (row.name in SHARES) == shares]
    return sum(kept), len(kept) - sum(kept)
