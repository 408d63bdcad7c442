"""The command ``bittrue learn``: how many bits a network needs to learn with."""

from collections.abc import Sequence
from concurrent.futures import as_completed
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from bittrue.model.exceptions import BittrueError
from bittrue.model.files import dump_json, write_whole
from bittrue.model.learning import RULES

from .console import console, progress, say
from .coordinator import local
from .learn_plot import learning_figure
from .lessons import BENCH, Course, Lesson, golden_of, rounding_named, taught
from .paths import check_targets
from .tables import as_text, bare_table, versions

SCHEMA = "bittrue.learn/1"
ROUNDINGS = "RND_CONV,TRN,TRN_ZERO,STOCHASTIC"
THRESHOLDS = (0.01, 0.05)
"""Distances from the golden network within which the test bench has learnt."""


def learn(
    data: Annotated[
        str, typer.Argument(help=f"{BENCH} for the book's test bench, or a data set as in train.")
    ] = BENCH,
    layers: Annotated[
        str | None,
        typer.Option(metavar="N,N[,N...]", help="Sizes.  \\[default: of the test bench]"),
    ] = None,
    widths: Annotated[
        str, typer.Option(metavar="N[,N...]", help="Bits of everything.")
    ] = "8,10,12,14,16",
    roundings: Annotated[
        str,
        typer.Option(metavar="NAME[,NAME...]", help="Of updates: modes, or STOCHASTIC."),
    ] = ROUNDINGS,
    seeds: Annotated[int, typer.Option(min=1, help="Networks at each choice.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="The first of them.")] = 0,
    learning_rate: Annotated[
        float | None,
        typer.Option(help="Of golden and fixed network.  \\[default: 1/8; test bench 0.3]"),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Times through the data.")] = 20,
    rule: Annotated[
        str, typer.Option(help=f"How errors are carried back: {' or '.join(RULES)}.")
    ] = "book",
    curve: Annotated[
        str | None,
        typer.Option(help="Of all layers.  \\[default: plan; test bench fit, 32 segments]"),
    ] = None,
    segments: Annotated[int | None, typer.Option(min=1, help="Of curves that take it.")] = None,
    integer_bits: Annotated[int, typer.Option(min=0, help="Of weights, the sign apart.")] = 3,
    jobs: Annotated[int, typer.Option("-j", "--jobs", min=1, help="Processes.")] = 2,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE.svg", help="The figure; beside it the table."),
    ] = None,
) -> None:
    """Teach networks bit-true at many widths and rounding modes, and show which of them learn.

    Example: bittrue learn digits --layers 64,32,10 -o learning.svg

    Everything is rounded to one width: inputs, weights, pre-activations, outputs, errors, deltas
    and updates. A data set is judged by its held-out samples, the test bench by how far its ten
    queries end from the golden network's. Updates that rounding brings to nothing are counted: they
    are why narrow networks stop learning.

    Exit codes: 0 done, 2 bad input, 130 interrupted.
    """
    check_targets({"output": (".svg",)}, output=output)
    bench = data == BENCH
    course = Course(
        data,
        _integers("layers", layers or ("3,3,3" if bench else "")),
        learning_rate if learning_rate is not None else (0.3 if bench else 0.125),
        epochs,
        rule,
        curve or ("fit" if bench else "plan"),
        segments if segments is not None or curve else (32 if bench else None),
        integer_bits,
    )
    names = [name.strip() for name in roundings.split(",")]
    for name in names:
        rounding_named(name)
    golden_of(course, seed)
    chosen = list(product(_integers("widths", widths), names, range(seed, seed + seeds)))
    if not bench:
        chosen = [(0, "float64", n) for n in range(seed, seed + seeds)] + chosen
    lessons = _all(course, chosen, jobs, shown=not json)
    tree = _to_json(course, lessons)
    if output is not None:
        write_whole(output, learning_figure(course, lessons))
        page = as_text(lambda page: _print_on(page, course, lessons))
        write_whole(output.with_suffix(".txt"), page)
        say(f"bittrue: wrote {output} and {output.with_suffix('.txt')}")
    if json:
        typer.echo(dump_json(tree), nl=False)
    else:
        _print_on(console(), course, lessons)


def _integers(name: str, text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or min(numbers) < 1:
        raise BittrueError(f"{name} must be integers of at least 1 like 64,32,10, got {text!r}")
    return numbers


def _all(
    course: Course, chosen: Sequence[tuple[int, str, int]], jobs: int, *, shown: bool
) -> list[Lesson]:
    """Teach all networks, in processes where more than one is asked for."""
    with progress("teaching", shown=shown) as told:
        if jobs == 1:
            lessons = []
            for done, choice in enumerate(chosen):
                told(done, len(chosen), f"{choice[0]} bits, {choice[1]}")
                lessons.append(taught(course, *choice))
            told(len(chosen), len(chosen))
            return lessons
        with local(min(jobs, len(chosen))) as pool:
            flying = {pool.submit(taught, course, *choice): choice for choice in chosen}
            for done, future in enumerate(as_completed(flying), 1):
                future.result()
                told(done, len(chosen), f"{flying[future][0]} bits, {flying[future][1]}")
            return [future.result() for future in flying]


def _to_json(course: Course, lessons: Sequence[Lesson]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "course": {name: getattr(course, name) for name in course.__dataclass_fields__},
        "lessons": [
            {name: getattr(lesson, name) for name in lesson.__dataclass_fields__}
            for lesson in lessons
        ],
        "thresholds": _thresholds(lessons) if course.data == BENCH else None,
        "versions": versions(),
    }


def _thresholds(lessons: Sequence[Lesson]) -> dict[str, dict[str, int | None]]:
    """Return by rounding and distance the least width from which all networks are as near."""
    found: dict[str, dict[str, int | None]] = {}
    for name in dict.fromkeys(lesson.rounding for lesson in lessons):
        worst: dict[int, float] = {}
        for lesson in lessons:
            if lesson.rounding == name:
                worst[lesson.width] = max(worst.get(lesson.width, 0.0), lesson.score)
        found[name] = {
            f"{limit:g}": min((w for w, apart in worst.items() if apart <= limit), default=None)
            for limit in THRESHOLDS
        }
    return found


def _print_on(page: Console, course: Course, lessons: Sequence[Lesson]) -> None:
    """Print a row a width, a column a rounding mode, then the lost updates likewise."""
    bench = course.data == BENCH
    seeds = sorted({lesson.seed for lesson in lessons})
    page.print(
        f"{course.title}: learning rate {course.rate:g}, "
        f"rule {course.rule}, curve {course.curve}, weights of {course.integer_bits} integer bits, "
        f"seeds {seeds[0]} to {seeds[-1]}" + ("" if bench else f", {course.epochs} epochs"),
        soft_wrap=True,
        markup=False,
    )
    score = "distance from golden, largest" if bench else "accuracy, mean and spread"
    lost = "updates rounded away, %"
    page.print(_table(score, lessons, bench=bench))
    page.print(_table(lost, [lesson for lesson in lessons if lesson.width], lost=True))
    for name, limits in _thresholds(lessons).items() if bench else ():
        words = ", ".join(f"{limit} from {width} bits" for limit, width in limits.items())
        page.print(f"{name}: all networks within {words}", markup=False)


def _table(
    title: str, lessons: Sequence[Lesson], *, bench: bool = False, lost: bool = False
) -> Any:
    names = list(dict.fromkeys(lesson.rounding for lesson in lessons))
    table = bare_table(title, "width", *names)
    for width in sorted({lesson.width for lesson in lessons}):
        cells = []
        for name in names:
            chosen = [x for x in lessons if (x.width, x.rounding) == (width, name)]
            values = np.array([x.lost if lost else x.score for x in chosen])
            cells.append(_cell(values, bench=bench, lost=lost))
        table.add_row(str(width) if width else "float", *cells)
    return table


def _cell(values: Any, *, bench: bool, lost: bool) -> str:
    if not len(values):
        return ""
    if lost:
        return f"{100 * values.mean():.1f}"
    if bench:
        return f"{values.max():.4f}"
    return f"{values.mean():.4f} ± {values.std():.4f}"
