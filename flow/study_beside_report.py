"""What a study beside a reference looks like: tables and a verdict for people, and JSON."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from .study_beside import Beside, Group, Published, count_within
from .study_reference import GOLDEN, TOLERANCES
from .study_summary import seeds_text
from .tables import bare_table, finite


def print_beside(page: Console, beside: Beside) -> None:
    """Print what was found beside what is published: each figure, groups, the verdict."""
    page.print(f"source: {beside.reference.source}\n", markup=False, soft_wrap=True)
    page.print(_figures(beside))
    page.print()
    if beside.groups:
        page.print(_groups(beside.groups))
        page.print()
        page.print(_chance(beside), markup=False, soft_wrap=True)
    page.print(verdict(beside), style="bold", markup=False, soft_wrap=True)


def _chance(beside: Beside) -> str:
    theirs, ours = beside.from_theirs, beside.from_ours
    return (
        f"differing, on average: of a group beside the published figures {theirs['shares']:.1f} "
        f"shares and {theirs['sqnr']:.1f} SQNR, beside another group {ours['shares']:.1f} and "
        f"{ours['sqnr']:.1f}"
    )


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
        counts = (count_within(group.rows, shares=shares) for shares in (True, False))
        table.add_row(
            seeds_text(group.seeds),
            *(f"{agreeing} of {agreeing + differing}" for agreeing, differing in counts),
            _outside(group.rows),
        )
    return table


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
        "differing_on_average": {
            "from_published": beside.from_theirs,
            "from_each_other": beside.from_ours,
        }
        if beside.groups
        else None,
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
