"""``bittrue study``: what bits, modes and curves cost a network, and where it comes from."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from bittrue.model.exceptions import BittrueError
from bittrue.model.files import dump_json, write_whole
from bittrue.model.golden import RULES
from bittrue.model.makers import MAKERS
from bittrue.model.modes import Overflow, Rounding
from bittrue.model.ranges import METHODS

from . import options
from .console import console, say
from .data import Data, check_width, load
from .designs import read_network
from .options import part_of
from .paths import check_targets
from .study_beside import Beside, beside_reference
from .study_beside_report import beside_json, print_beside, rows_json
from .study_certify_report import certificates_json, contradicted
from .study_choices import EXACT, Making, choices_of
from .study_config import StudySettings, study_settings
from .study_plots import study_figure
from .study_points import Point, Subject
from .study_reference import read_reference
from .study_report import points_csv, points_json, print_study, summary_json
from .study_run import Plan, Studied, Training, studied, studied_seeds
from .study_summary import Mean, mean_of, seeds_text
from .tables import versions

SCHEMA = "bittrue.study/1"
SHOWN_WIDTH = 8
"""Width that layers and modes are shown at, or the nearest to it that was measured."""

DIFFERS = 1
"""Exit code where a published figure is not met, or something proven is measured otherwise."""


def study(
    file: Annotated[
        Path | None, typer.Argument(metavar="[NETWORK.npz]", help="A network that was trained.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="digits, mnist, or a file: IDX images, CSV, .npz.")
    ] = None,
    config: options.ConfigFile = None,
    train: Annotated[
        str | None,
        typer.Option(metavar="N,N[,N...]", help="Instead: train networks of these sizes."),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(metavar="N", help="How many, each with its split.  \\[default: 1]"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The first of them.  \\[default: 0]")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Of --train.  \\[default: 30]")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Of --train.  \\[default: 0.1]")
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            help=f"How --train carries errors back: {' or '.join(RULES)}.  \\[default: book]"
        ),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            metavar="PART",
            help=f"Which samples: {', '.join(options.PARTS)}.  \\[default: held-out]",
        ),
    ] = None,
    samples: options.Samples = None,
    widths: Annotated[
        str | None,
        typer.Option(
            metavar="BITS[,BITS...]", help="Of every word.  \\[default: 3,4,5,6,8,10,12,16]"
        ),
    ] = None,
    preactivation_width: Annotated[
        int | None,
        typer.Option(metavar="BITS", help="Of pre-activations alone.  \\[default: as other words]"),
    ] = None,
    roundings: Annotated[
        str | None,
        typer.Option(
            metavar="MODE[,...]",
            help=f"{', '.join(mode.value for mode in Rounding)}, or all.  \\[default: RND_CONV]",
        ),
    ] = None,
    overflows: Annotated[
        str | None,
        typer.Option(
            metavar="MODE[,...]",
            help=f"{', '.join(mode.value for mode in Overflow)}, or all.  \\[default: SAT]",
        ),
    ] = None,
    curves: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[,...]",
            help=f"{', '.join(MAKERS)}, or {EXACT}: a table of nearest codes.  \\[default: fit]",
        ),
    ] = None,
    segments: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Of the curves fit and uniform, at most.  \\[default: 256]"
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"How ranges are found: {', '.join(METHODS)}.  \\[default: observed]",
        ),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Published figures, to be held beside those found."),
    ] = None,
    certify: Annotated[
        bool | None,
        typer.Option(
            "--certify/--no-certify",
            help="Prove bounds of errors and answers, too.  \\[default: no-certify]",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "-j",
            "--jobs",
            min=1,
            metavar="N",
            help="Processes, a seed each.  \\[default: all cores]",
        ),
    ] = None,
    json: options.AsJson = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="A plot .svg, or .json, or .csv."),
    ] = None,
) -> None:
    """Measure what word lengths, modes and curves cost, and which stage the errors come from.

    Example: bittrue study --data digits --train 64,32,10 --seeds 5 -o study.svg

    With --reference, means are held beside published figures; each agrees if it differs by no more
    than two standard errors, or 0.5 points (0.5 dB of SQNR).

    With --certify, errors are bounded and answers certified, for all inputs and sample by sample:
    docs/certificates.md says what is proven, and of what.

    Exit codes: 0 done, 1 a published figure differs or a certificate is contradicted, 2 bad input,
    3 a package is missing, 130 interrupted.
    """
    check_targets({"output": (".svg", ".json", ".csv")}, output=output)
    settings = study_settings(_given(locals()), config, trained=file is not None)
    choices = choices_of(
        settings.widths,
        _all(settings.roundings, Rounding),
        _all(settings.overflows, Overflow),
        settings.curves,
    )
    making = Making(settings.method, settings.segments, settings.preactivation_width)
    plan = Plan(tuple(choices), making, settings.part, settings.samples, settings.certify)
    theirs = None
    if settings.reference is not None:
        theirs = read_reference(Path(settings.reference), settings.widths)
    known = load(settings.data or "")
    found = _found(file, settings, known, plan, quiet=json)
    points = [point for one in found for point in one.points]
    if all(point.measured is None for point in points):
        raise BittrueError(f"a study must have a point that can be made, got {points[0].reason}")
    beside = None if theirs is None else beside_reference(found, theirs)
    reached = mean_of(one.accuracy for one in found)
    tree = _tree(file, settings, known, found, points, beside)
    title = _title(tree, reached)
    if output:
        _write(output, tree, points, reached, title, beside)
        say(f"bittrue: wrote {output}")
    if json:
        typer.echo(dump_json(tree), nl=False)
    else:
        page = console()
        page.print(f"{title}\n", style="bold", soft_wrap=True, markup=False)
        print_study(page, points, _shown_width(points))
        if beside is not None:
            page.print()
            print_beside(page, beside)
    if (beside is not None and not beside.agrees) or contradicted(points):
        raise typer.Exit(DIFFERS)


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that are settings and were given, lists and paths read."""
    known = {name: value for name, value in values.items() if name in StudySettings.model_fields}
    given = {name: value for name, value in known.items() if value is not None}
    for name in ("train", "widths"):
        if name in given:
            given[name] = _integers(name, given[name])
    for name in ("roundings", "overflows", "curves"):
        if name in given:
            given[name] = given[name].split(",")
    if "reference" in given:
        given["reference"] = str(given["reference"])
    return given


def _found(
    file: Path | None, settings: StudySettings, known: Data, plan: Plan, *, quiet: bool
) -> list[Studied]:
    """Measure the network of a file, or one that is trained for each seed."""
    if settings.train is None:
        subject = _saved(file, known, settings)
        return [studied(subject, plan, budgeted=True, shown=not quiet)]
    training = Training(
        tuple(settings.train), settings.epochs, settings.learning_rate, settings.rule
    )
    seeds = range(settings.seed, settings.seed + settings.seeds)
    jobs = settings.jobs or os.cpu_count() or 1
    return studied_seeds(training, seeds, known, plan, jobs=jobs, shown=not quiet)


def _saved(file: Path | None, known: Data, settings: StudySettings) -> Subject:
    """Return a network that was trained, with the data it was not trained on."""
    if file is None:
        raise BittrueError("a network or --train must be given, got neither")
    saved = read_network(file)
    check_width(known, saved.golden.sizes[0], saved.golden.sizes[-1])
    held_out = saved.held_out_of(known)
    training = part_of(known, "training", held_out=held_out)
    asked = part_of(known, settings.part, settings.samples, held_out)
    return Subject(None, saved.golden, training.inputs, asked)


def _tree(
    file: Path | None,
    settings: StudySettings,
    known: Data,
    found: Sequence[Studied],
    points: Sequence[Point],
    beside: Beside | None,
) -> dict[str, Any]:
    """Return the whole study as JSON."""
    taught = {name: getattr(settings, name) for name in ("epochs", "learning_rate", "rule")}
    return {
        "schema": SCHEMA,
        "network": None if file is None else file.name,
        "data": known.name,
        "data_digest": known.digest,
        "part": settings.part,
        "samples": found[0].samples,
        "layers": list(found[0].sizes),
        "seeds": [one.seed for one in found],
        "training": None if settings.train is None else taught,
        "method": settings.method,
        "segments": settings.segments,
        "preactivation_width": settings.preactivation_width,
        "golden_accuracy": [one.accuracy for one in found],
        "summary": summary_json(points),
        "certificates": certificates_json(points) if settings.certify else None,
        "published": None if beside is None else rows_json(beside.rows),
        "reference": None if beside is None else beside_json(beside),
        "points": points_json(points),
        "config": settings.to_json(),
        "versions": versions(),
    }


def _shown_width(points: Sequence[Point]) -> int:
    widths = {point.choice.width for point in points if point.measured is not None}
    return min(widths, key=lambda width: (abs(width - SHOWN_WIDTH), width))


def _title(tree: dict[str, Any], reached: Mean) -> str:
    sizes = "-".join(map(str, tree["layers"]))
    error = "" if np.isnan(reached.error) else f" ± {reached.error:.4f}"
    seeds = tree["seeds"]
    word = "seed" if len(seeds) == 1 else "seeds"
    of = "" if seeds == [None] else f", {word} {seeds_text(seeds)}"
    wide = tree["preactivation_width"]
    kept = "" if wide is None else f", pre-activations of {wide} bits"
    return (
        f"{sizes} on {tree['samples']} {tree['part']} samples of {tree['data']}{of}{kept}: golden "
        f"accuracy {reached.mean:.4f}{error}"
    )


def _write(
    output: Path,
    tree: dict[str, Any],
    points: Sequence[Point],
    reached: Mean,
    title: str,
    beside: Beside | None,
) -> None:
    if output.suffix == ".json":
        write_whole(output, dump_json(tree))
    elif output.suffix == ".csv":
        write_whole(output, points_csv(points))
    else:
        figure = study_figure(points, reached, _shown_width(points), title, beside)
        write_whole(output, figure)


def _integers(name: str, text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise BittrueError(f"{name} must be integers as in 8,10,12, got {text!r}") from None


def _all(names: list[str], modes: type[Rounding] | type[Overflow]) -> list[str]:
    """Return the names of modes; all of them where that is said."""
    return [mode.value for mode in modes] if names == ["all"] else names
