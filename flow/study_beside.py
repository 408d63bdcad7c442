"""A study beside a reference: means, standard errors, and what each criterion says."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from .study_reference import GOLDEN, SHARES, TOLERANCES, Reference
from .study_run import Studied
from .study_summary import Mean, Row, lines, mean_of, seeds_text, summary
from .tables import bare_table, finite


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


def print_beside(page: Console, beside: Beside) -> None:
    """Print what was found beside what is published: each figure, groups, the verdict."""
    page.print(f"source: {beside.reference.source}\n", markup=False, soft_wrap=True)
    page.print(_figures(beside))
    page.print()
    if beside.groups:
        page.print(_groups(beside.groups))
        page.print()
    page.print(verdict(beside), style="bold", markup=False, soft_wrap=True)


def verdict(beside: Beside) -> str:
    """Return in one line how many figures agree, and by what."""
    within = sum(row.within for row in beside.rows)
    seeds = beside.reference.seeds
    of = "" if seeds is None else f" of a mean of {seeds} seeds"
    return (
        f"{within} of {len(beside.rows)} figures of {beside.reference.name} within two standard "
        f"errors{of}, or within 0.5 points or 0.5 dB"
    )


def _figures(beside: Beside) -> Table:
    seeds = beside.reference.seeds
    table = bare_table(
        f"{beside.line}: beside the figures of {beside.reference.name}",
        *("width", "figure", "mean", "published", "difference"),
        "standard error" if seeds is None else f"standard error, {seeds} seeds",
        *("within two", "within 0.5", "verdict"),
    )
    for row in beside.rows:
        form = _form(row.name)
        table.add_row(
            GOLDEN if row.width is None else str(row.width),
            _title(row.name),
            f"{row.found.mean:{form}} ± {row.found.error:{form}}",
            f"{row.published:{form}}",
            f"{row.difference:+{form}}",
            f"{row.error:{form}}",
            _yes(row.within_errors),
            _yes(row.within_tolerance),
            "agrees" if row.within else "differs",
            end_section=row.name == "sqnr" or row.width is None,
        )
    return table


def _groups(groups: Sequence[Group]) -> Table:
    table = bare_table(
        "each group of seeds alone, within two of its own standard errors or 0.5",
        *("seeds", "shares", "SQNR"),
    )
    table.add_column("differing: width, figure, difference ± standard error")
    for group in groups:
        shares = [row for row in group.rows if row.name in SHARES]
        powers = [row for row in group.rows if row.name not in SHARES]
        table.add_row(seeds_text(group.seeds), _count(shares), _count(powers), _outside(group.rows))
    return table


def _count(rows: Sequence[Published]) -> str:
    return f"{sum(row.within for row in rows)} of {len(rows)}"


def _outside(rows: Sequence[Published]) -> str:
    """Return the figures that differ, one a line."""
    return "\n".join(
        f"{GOLDEN if row.width is None else row.width} {row.name} "
        f"{row.difference:+{_form(row.name)}} ± {row.error:{_form(row.name)}}"
        for row in rows
        if not row.within
    )


def _title(name: str) -> str:
    return "SQNR, dB" if name == "sqnr" else name


def _form(name: str) -> str:
    return ".2f" if name == "sqnr" else ".4f"


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def beside_json(beside: Beside) -> dict[str, Any]:
    """Return what was found beside what is published as JSON."""
    reference = beside.reference
    return {
        "file": reference.name,
        "source": reference.source,
        "seeds": reference.seeds,
        "line": beside.line,
        "tolerances": TOLERANCES,
        "agrees": beside.agrees,
        "verdict": verdict(beside),
        "figures": rows_json(beside.rows),
        "groups": [
            {"seeds": list(group.seeds), "figures": rows_json(group.rows)}
            for group in beside.groups
        ],
    }


def rows_json(rows: Sequence[Published]) -> list[dict[str, Any]]:
    """Return figures beside the published ones as JSON."""
    return [
        {
            "width": row.width,
            "figure": row.name,
            "found": row.found.to_json(),
            "published": row.published,
            "difference": finite(row.difference),
            "standard_error": finite(row.error),
            "within_two_errors": row.within_errors,
            "tolerance": row.tolerance,
            "within_tolerance": row.within_tolerance,
            "allowed": row.allowed,
            "within": row.within,
        }
        for row in rows
    ]
