"""What a study's certificates look like: tables, JSON, and two panels of its plot."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from rich.console import Console
from rich.table import Table

from .study_certify import SHARES, WORST, Certified
from .study_points import Point
from .study_summary import line_of
from .tables import bare_table, finite


class Proven(NamedTuple):
    """Certificates of one width on one line, over seeds.

    Members
    -------
    width : int
        Bits.
    figures : dict of str to float
        Means of `SHARES`, and the worst of `WORST`.
    contradicted : int
        Samples of all seeds.
    stages : tuple of (given, needed, bound)
        Layer by layer: bits of the accumulator, most bits any seed needs, largest bound.
    fits : bool
        Whether no accumulator can overflow, with any seed.
    """

    width: int
    figures: dict[str, float]
    contradicted: int
    stages: tuple[tuple[int, int, float], ...]
    fits: bool


def proven_lines(points: Sequence[Point]) -> dict[str, list[Proven]]:
    """Return what was proven over all seeds, width by width, by curve and modes."""
    found: dict[str, dict[int, list[Certified]]] = {}
    for point in points:
        certificate = None if point.measured is None else point.measured.certificate
        if certificate is not None and not certificate.reason:
            line = found.setdefault(line_of(point.choice), {})
            line.setdefault(point.choice.width, []).append(certificate)
    return {
        name: [_proven(width, line[width]) for width in sorted(line)]
        for name, line in found.items()
    }


def _proven(width: int, there: Sequence[Certified]) -> Proven:
    layers = zip(*(item.layers for item in there), strict=True)
    stages = tuple(
        (max(s.bits_given for s in of), max(s.bits_needed for s in of), max(s.bound for s in of))
        for of in layers
    )
    return Proven(
        width,
        {
            **{name: float(np.mean([getattr(item, name) for item in there])) for name in SHARES},
            **{name: float(np.max([getattr(item, name) for item in there])) for name in WORST},
        },
        sum(item.contradicted for item in there),
        stages,
        all(stage.fits for item in there for stage in item.layers),
    )


def _tables(found: Mapping[str, Sequence[Proven]]) -> list[Table]:
    """Return what is proven, line by line, as tables: answers, then bounds."""
    answers = bare_table(
        "answers certified to be the golden model's, share of samples",
        *("curve, modes", "width", "as given", "all encoded alike", "refuted", "open"),
        *("agree, measured", "contradicted"),
    )
    bounds = bare_table(
        "what no output is further from the golden model's",
        *("curve, modes", "width", "all inputs", "all encoded alike", "measured"),
        *("sums: bits given", "needed", "overflow"),
    )
    for table in (answers, bounds):
        table.columns[0].no_wrap = True
    for name, line in found.items():
        for row in line:
            figures = row.figures
            still_open = 1 - figures["alike"] - figures["refuted"]
            answers.add_row(
                *(name, str(row.width), f"{figures['given']:.4f}", f"{figures['alike']:.4f}"),
                *(f"{figures['refuted']:.4f}", f"{abs(still_open):.4f}"),
                *(f"{figures['agreement']:.4f}", str(row.contradicted)),
                end_section=row is line[-1],
            )
            bounds.add_row(
                *(name, str(row.width), f"{figures['bound']:.3e}", f"{figures['bound_alike']:.3e}"),
                f"{figures['measured']:.3e}",
                ", ".join(str(given) for given, _, _ in row.stages),
                ", ".join(str(needed) for _, needed, _ in row.stages),
                "never" if row.fits else "may",
                end_section=row is line[-1],
            )
    return [answers, bounds]


def print_certificates(page: Console, points: Sequence[Point]) -> None:
    """Print what is proven, as tables, and why some is not."""
    found = proven_lines(points)
    for table in _tables(found) if found else []:
        page.print(table)
        page.print()
    reasons = {
        point.measured.certificate.reason
        for point in points
        if point.measured is not None and point.measured.certificate is not None
    }
    for reason in sorted(reasons - {""}):
        page.print(f"not certified: {reason}", markup=False, soft_wrap=True)


def certificates_json(points: Sequence[Point]) -> list[dict[str, Any]]:
    """Return what is proven, line by line, over all seeds."""
    return [
        {
            "line": name,
            "widths": [
                {
                    "width": row.width,
                    **{key: finite(value) for key, value in row.figures.items()},
                    "contradicted": row.contradicted,
                    "no_overflow": row.fits,
                    "accumulators": [
                        {"bits_given": given, "bits_needed": needed, "bound": finite(bound)}
                        for given, needed, bound in row.stages
                    ],
                }
                for row in line
            ],
        }
        for name, line in proven_lines(points).items()
    ]


def contradicted(points: Sequence[Point]) -> int:
    """Return of how many samples something proven is measured to be otherwise."""
    return sum(row.contradicted for line in proven_lines(points).values() for row in line)


def draw_certificates(shares: Axes, bounds: Axes, points: Sequence[Point]) -> None:
    """Draw the first line's certified shares beside agreement, and bounds beside errors."""
    found = proven_lines(points)
    name, line = next(iter(found.items()), ("", []))
    widths = [row.width for row in line]
    for axes, drawn in (
        (
            shares,
            (
                ("agreement", "k--", "agreement, measured"),
                ("given", "C0o-", "certified as given"),
                ("alike", "C1s-", "certified, all encoded alike"),
                ("refuted", "C3v-", "refuted"),
            ),
        ),
        (
            bounds,
            (
                ("bound", "C2^-", "bound, all inputs"),
                ("bound_alike", "C1s-", "bound, all encoded alike"),
                ("measured", "k--", "maximum error, measured"),
            ),
        ),
    ):
        for key, style, label in drawn:
            values = [row.figures[key] for row in line]
            axes.plot(widths, values, style, markersize=4, linewidth=1, label=label)
        axes.set_xlabel("width, bits")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        if line:
            axes.legend(fontsize="small")
    shares.set_title(f"answers certified: {name}")
    shares.set_ylabel("share of samples")
    bounds.set_title(f"proven beside measured: {name}")
    bounds.set_ylabel("error of an output")
    bounds.set_yscale("log")
