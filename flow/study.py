"""``bittrue study``: what bits, modes and curves cost a network, and where it comes from."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer

from bittrue.model.exceptions import BittrueError
from bittrue.model.files import dump_json, write_whole
from bittrue.model.golden import RULES, GoldenNetwork
from bittrue.model.makers import MAKERS
from bittrue.model.modes import Overflow, Rounding
from bittrue.model.ranges import METHODS
from bittrue.model.training import Epoch, Samples, accuracy, train_epochs

from . import options
from .console import Told, console, progress, say
from .data import Data, check_width, load, split
from .designs import read_network
from .options import PARTS, part_of
from .paths import check_targets
from .study_plots import study_figure
from .study_points import EXACT, Choice, Point, Subject, choices_of, measured_point
from .study_report import (
    points_csv,
    points_json,
    print_study,
    published_json,
    published_table,
    summary_json,
)
from .study_summary import (
    DIGITS_LAYERS,
    Mean,
    Published,
    beside_published,
    lines,
    mean_of,
    summary,
)
from .tables import versions

SCHEMA = "bittrue.study/1"
WIDTHS = "3,4,5,6,8,10,12,16"
SHOWN_WIDTH = 8
"""Width that layers and modes are shown at, or the nearest to it that was measured."""
PUBLISHED_TRAINING = (30, 0.1)
"""Epochs and learning rate of the published figures."""


def study(
    data: Annotated[str, typer.Option(help="digits, mnist, or a file: IDX images, CSV, .npz.")],
    file: Annotated[
        Path | None, typer.Argument(metavar="[NETWORK.npz]", help="A network that was trained.")
    ] = None,
    train: Annotated[
        str | None,
        typer.Option(metavar="N,N[,N...]", help="Instead: train networks of these sizes."),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(metavar="N", help="How many, each with its split.  \\[default: 1]"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The first of them.")] = 0,
    epochs: Annotated[int, typer.Option(help="Of --train.")] = PUBLISHED_TRAINING[0],
    learning_rate: Annotated[float, typer.Option(help="Of --train.")] = PUBLISHED_TRAINING[1],
    rule: Annotated[
        str, typer.Option(help=f"How --train carries errors back: {' or '.join(RULES)}.")
    ] = "book",
    part: options.Part = "held-out",
    samples: options.Samples = None,
    widths: Annotated[str, typer.Option(metavar="BITS[,BITS...]", help="Of every word.")] = WIDTHS,
    roundings: Annotated[
        str,
        typer.Option(
            metavar="MODE[,...]", help=f"{', '.join(mode.value for mode in Rounding)}, or all."
        ),
    ] = Rounding.RND_CONV.value,
    overflows: Annotated[
        str,
        typer.Option(
            metavar="MODE[,...]", help=f"{', '.join(mode.value for mode in Overflow)}, or all."
        ),
    ] = Overflow.SAT.value,
    curves: Annotated[
        str,
        typer.Option(
            metavar="NAME[,...]",
            help=f"{', '.join(MAKERS)}, or {EXACT}: a table of nearest codes.",
        ),
    ] = "fit",
    segments: Annotated[
        int, typer.Option(metavar="N", min=1, help="Of the curves fit and uniform, at most.")
    ] = 256,
    method: Annotated[
        str, typer.Option(metavar="NAME", help=f"How ranges are found: {', '.join(METHODS)}.")
    ] = "observed",
    json: options.AsJson = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="A plot .svg, or .json, or .csv."),
    ] = None,
) -> None:
    """Measure what word lengths, modes and curves cost, and which stage the errors come from.

    Example: bittrue study --data digits --train 64,32,10 --seeds 5 -o study.svg

    Exit codes: 0 done, 2 bad input, 3 a package is missing, 130 interrupted.
    """
    check_targets({"output": (".svg", ".json", ".csv")}, output=output)
    if method not in METHODS:
        raise BittrueError(f"the method must be one of {', '.join(METHODS)}, got {method!r}")
    bits = _integers("widths", widths)
    choices = choices_of(
        bits, _names(roundings, Rounding), _names(overflows, Overflow), curves.split(",")
    )
    known = load(data)
    sizes = None if train is None else _integers("train", train)
    if sizes is not None and len(sizes) < 2:
        raise BittrueError(f"train must be at least two sizes as in 64,32,10, got {train!r}")
    if sizes is None:
        if seeds is not None or seed:
            raise BittrueError("seeds must come with --train, got a network that was trained")
        subjects = [_saved(file, known, part, samples)]
    else:
        if file is not None:
            raise BittrueError(f"a network or --train must be given, got both: {file}, {train}")
        drawn = range(seed, seed + _count(seeds))
        taught = Training(sizes, epochs, learning_rate, rule)
        subjects = _taught(taught, drawn, known, part, samples, quiet=json)
    points = _measured(subjects, choices, method, segments, quiet=json)
    reached = mean_of(_accuracy(subject) for subject in subjects)
    beside = _published(known, sizes, (epochs, learning_rate), points, reached)
    tree = {
        "schema": SCHEMA,
        "network": None if file is None else file.name,
        "data": known.name,
        "data_digest": known.digest,
        "part": part,
        "samples": len(subjects[0].asked.labels),
        "layers": list(subjects[0].golden.sizes),
        "seeds": [subject.seed for subject in subjects],
        "training": None
        if sizes is None
        else {
            "epochs": epochs,
            "learning_rate": learning_rate,
            "rule": rule,
        },
        "method": method,
        "segments": segments,
        "golden_accuracy": [_accuracy(subject) for subject in subjects],
        "summary": summary_json(points),
        "published": published_json(beside) or None,
        "points": points_json(points),
        "versions": versions(),
    }
    title = _title(tree, reached)
    if output:
        _write(output, tree, points, reached, title)
        say(f"bittrue: wrote {output}")
    if json:
        typer.echo(dump_json(tree), nl=False)
        return
    page = console()
    page.print(f"{title}\n", style="bold", soft_wrap=True, markup=False)
    print_study(page, points, _shown_width(points))
    if beside:
        page.print()
        page.print(published_table(beside))


class Training(NamedTuple):
    """What networks are trained with."""

    sizes: list[int]
    epochs: int
    learning_rate: float
    rule: str


def _saved(file: Path | None, known: Data, part: str, samples: int | None) -> Subject:
    """Return a network that was trained, with the data it was not trained on."""
    if file is None:
        raise BittrueError("a network or --train must be given, got neither")
    saved = read_network(file)
    check_width(known, saved.golden.sizes[0], saved.golden.sizes[-1])
    held_out = saved.held_out_of(known)
    training = part_of(known, "training", held_out=held_out)
    return Subject(None, saved.golden, training.inputs, part_of(known, part, samples, held_out))


def _taught(
    taught: Training,
    seeds: Iterable[int],
    known: Data,
    part: str,
    samples: int | None,
    *,
    quiet: bool,
) -> list[Subject]:
    """Train a network for each seed, which draws its split, its weights and its orders."""
    check_width(known, taught.sizes[0], taught.sizes[-1])
    subjects = []
    for seed in seeds:
        parts = split(known, seed=seed)
        chosen = dict(zip(PARTS, (*parts, known), strict=True))
        if part not in chosen:
            raise BittrueError(f"the part must be one of {', '.join(PARTS)}, got {part!r}")
        asked, training = part_of(chosen[part], "all", samples), parts[0]
        weights_rng, order_rng = np.random.default_rng(seed).spawn(2)
        first, *hidden, last = taught.sizes
        golden = GoldenNetwork(
            first, hidden, last, taught.learning_rate, weights_rng, rule=taught.rule
        )
        with progress(f"training, seed {seed}", shown=not quiet) as told:

            def report(done: int, total: int, last: Epoch | None, told: Told = told) -> None:
                told(done, total, "" if last is None else f"accuracy {last.accuracy:.4f}")

            train_epochs(
                golden,
                Samples(training.inputs, training.targets(last), training.labels),
                epochs=taught.epochs,
                rng=order_rng,
                progress=report,
            )
        subjects.append(Subject(seed, golden, training.inputs, asked))
    return subjects


def _measured(
    subjects: Sequence[Subject],
    choices: Sequence[Choice],
    method: str,
    segments: int,
    *,
    quiet: bool,
) -> list[Point]:
    """Measure all; the first subject's first modes and curve get a budget."""
    kind = replace(choices[0], width=0)
    points = []
    pairs = list(product(subjects, choices))
    with progress("measuring", shown=not quiet) as told:
        for done, (subject, choice) in enumerate(pairs, 1):
            budgeted = subject is subjects[0] and replace(choice, width=0) == kind
            points.append(
                measured_point(subject, choice, method=method, segments=segments, budgeted=budgeted)
            )
            told(done, len(pairs))
    if all(point.measured is None for point in points):
        raise BittrueError(f"a study must have a point that can be made, got {points[0].reason}")
    return points


def _published(
    known: Data,
    sizes: list[int] | None,
    training: tuple[int, float],
    points: Sequence[Point],
    reached: Mean,
) -> list[Published]:
    """Return the first line beside the published figures, where the network is theirs."""
    theirs = known.name == "digits" and tuple(sizes or ()) == DIGITS_LAYERS
    if not theirs or training != PUBLISHED_TRAINING:
        return []
    return beside_published(next(iter(lines(summary(points)).values())), reached)


def _accuracy(subject: Subject) -> float:
    return accuracy(subject.golden.predict(subject.asked.inputs), subject.asked.labels)


def _shown_width(points: Sequence[Point]) -> int:
    widths = {point.choice.width for point in points if point.measured is not None}
    return min(widths, key=lambda width: (abs(width - SHOWN_WIDTH), width))


def _title(tree: dict[str, Any], reached: Mean) -> str:
    sizes = "-".join(map(str, tree["layers"]))
    error = "" if np.isnan(reached.error) else f" ± {reached.error:.4f}"
    seeds = tree["seeds"]
    of = "" if seeds == [None] else f", seeds {', '.join(map(str, seeds))}"
    return (
        f"{sizes} on {tree['samples']} {tree['part']} samples of {tree['data']}{of}: golden "
        f"accuracy {reached.mean:.4f}{error}"
    )


def _write(
    output: Path, tree: dict[str, Any], points: Sequence[Point], reached: Mean, title: str
) -> None:
    if output.suffix == ".json":
        write_whole(output, dump_json(tree))
    elif output.suffix == ".csv":
        write_whole(output, points_csv(points))
    else:
        write_whole(output, study_figure(points, reached, _shown_width(points), title))


def _count(seeds: int | None) -> int:
    count = 1 if seeds is None else seeds
    if count < 1:
        raise BittrueError(f"seeds must be at least 1, got {count}")
    return count


def _integers(name: str, text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise BittrueError(f"{name} must be integers as in 8,10,12, got {text!r}") from None


def _names(text: str, modes: type[Rounding] | type[Overflow]) -> list[str]:
    """Return the names of modes; all of them where that is said."""
    return [mode.value for mode in modes] if text == "all" else text.split(",")
