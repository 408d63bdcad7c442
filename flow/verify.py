"""The command ``bittrue verify``: the main job, from its options to its exit code."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError
from bittrue.model.files import write_whole
from bittrue.model.golden import GoldenNetwork
from bittrue.sim import testbench
from bittrue.sim.mutate_vectors import read_sessions
from bittrue.sim.whole import WholeSet, verify_whole

from . import options, verify_report, whole_report
from .config import Settings, resolve
from .console import progress, say
from .data import check_width, load
from .designs import SavedNetwork, made_design, read_network, refuse_choices
from .evidence import Asked, evidence
from .junit import junit_xml as to_junit
from .options import one_a_layer, part_of
from .paths import check_targets
from .tables import give

FEW_WEIGHTS = 32
"""Weights up to which every port is looked at in every cycle, which takes seconds."""

Result = testbench.Verification | WholeSet


def _file(help: str, *names: str, metavar: str = "FILE") -> Any:
    return typer.Option(*names, metavar=metavar, help=help, rich_help_panel=options.RESULTS)


@options.unfolded
def verify(
    seed: options.Seed = None,
    queries: Annotated[
        int | None,
        typer.Option(help="Random queries, beside the directed vectors.  \\[default: 10]"),
    ] = None,
    network: options.Network = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="A whole data set instead of random queries."),
    ] = None,
    part: options.Part = "held-out",
    samples: options.Samples = None,
    config: options.ConfigFile = None,
    *,
    formats: options.Formats,
    ranges: options.Ranges,
    curves: options.Curves,
    design: Annotated[
        Path | None, options.saved_design("Run this saved design instead of training one.")
    ] = None,
    vectors: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="These vectors (.csv of codes, .json) instead of ours.",
        ),
    ] = None,
    pe: options.Lanes = None,
    simd: options.InputLanes = None,
    stalls: options.Stalls = None,
    engine: options.Engine = None,
    ports: Annotated[
        bool | None,
        typer.Option(
            "--ports/--no-ports",
            help="Every port in every cycle: stalls, resets, framing, loads, counters.  "
            f"\\[default: up to {FEW_WEIGHTS} weights]",
            rich_help_panel=options.HARDWARE,
        ),
    ] = None,
    jobs: options.Jobs = None,
    json: options.AsJson = False,
    output: options.Output = None,
    junit_xml: options.JunitXml = None,
    waves: Annotated[
        Path | None, _file("Waveforms of the queries, a .gtkw beside.", metavar="FILE.vcd")
    ] = None,
    save_design: Annotated[Path | None, _file("The design that ran, for --design.")] = None,
) -> None:
    """Hold golden model, fixed model and RTL of a network against each other.

    Trains the 3-3-3 network as the book does (or takes a trained one), quantizes it, builds the
    hardware, asks all three the same questions (or a whole data set) and compares the last two word
    by word, stage by stage.

    Exit codes: 0 all words equal, 1 some differ, 2 bad input, 3 a tool is missing, 130 interrupted.
    """
    settings = resolve(options.given(locals()), config)
    check_targets(
        {"waves": (".vcd",)},
        save_design=save_design,
        waves=waves,
        junit_xml=junit_xml,
        output=output,
    )
    saved = read_network(network) if network else None
    fixed = Design.load(design) if design else None
    result: Result
    asked: Asked
    with _seed_named(settings.seed), progress("simulating", shown=not json) as told:
        if data is None:
            result, asked = _queries(settings, saved, fixed, (waves, vectors), ports, told)
        else:
            _refuse_beside_data(settings, waves, vectors)
            result, asked = _whole(settings, saved, fixed, (data, part, samples), told)
    if save_design:
        result.design.save(save_design)
    if junit_xml:
        write_whole(junit_xml, to_junit(result))
    if network is not None:
        asked = asked._replace(network=network.name)
    _show(result, settings, output, asked if json else None, from_file=design is not None)
    if not result.passed:
        raise typer.Exit(1)


def _show(
    result: Result,
    settings: Settings,
    output: Path | None,
    asked: Asked | None,
    *,
    from_file: bool,
) -> None:
    """Write the report to standard output or a file; as JSON, with what was asked."""
    tree = None
    if asked:
        told = (
            whole_report.to_json(result, settings, saved=from_file)
            if isinstance(result, WholeSet)
            else verify_report.to_json(result, settings, saved=from_file)
        )
        tree = {**told, **evidence(result.design, asked)}
    give(_printer(result, settings), tree, output, verdict=verify_report.verdict(result))


def _printer(result: Result, settings: Settings) -> Callable[[Console], None]:
    """Return what prints a result on a console."""
    if isinstance(result, WholeSet):
        return partial(whole_report.print_on, result=result, settings=settings)
    return partial(verify_report.print_on, result=result, settings=settings)


def _queries(
    settings: Settings,
    saved: SavedNetwork | None,
    design: Design | None,
    files: tuple[Path | None, Path | None],
    ports: bool | None,
    told: Callable[[int, int], None],
) -> tuple[testbench.Verification, Asked]:
    """Train or load, quantize, ask random queries and directed vectors."""
    golden = saved.golden if saved else None
    if design is not None:
        refuse_choices(settings)
    else:
        golden = golden or testbench.train_333(settings.seed)
        calibration = testbench.query_inputs(settings.seed, settings.queries, golden.sizes[0])
        design, _ = made_design(settings, golden, calibration)
    _check_sizes(golden, design)
    waves, vectors = files
    result = testbench.verify(
        design,
        golden,
        seed=settings.seed,
        queries=settings.queries,
        pe=one_a_layer(settings.pe),
        simd=one_a_layer(settings.simd),
        stalls=settings.stalls,
        engine="amaranth" if settings.engine == "auto" else settings.engine,
        waves=waves,
        progress=told,
        ports=_few_weights(design) if ports is None else ports,
        vectors=None if vectors is None else read_sessions(vectors, design),
    )
    return result, Asked(golden, result.inputs, None, None)


def _whole(
    settings: Settings,
    saved: SavedNetwork | None,
    design: Design | None,
    asked: tuple[str, str, int | None],
    told: Callable[[int, int], None],
) -> tuple[WholeSet, Asked]:
    """Quantize, and ask a whole data set."""
    if saved is None and design is None:
        raise BittrueError("a data set must come with a network or a design, got neither")
    source, part, samples = asked
    known = load(source)
    held_out = saved.held_out_of(known) if saved else None
    golden = saved.golden if saved else None
    if design is not None:
        refuse_choices(settings)
        _check_sizes(golden, design)
    elif golden is not None:
        check_width(known, golden.sizes[0], golden.sizes[-1])
        training = part_of(known, "training", None, held_out)
        design, _ = made_design(settings, golden, training.inputs)
    else:
        raise BittrueError("a data set must come with a network or a design, got neither")
    check_width(known, design.shape.sizes[0], design.shape.sizes[-1])
    chosen = part_of(known, part, samples, held_out)
    result = verify_whole(
        design,
        golden,
        chosen.inputs,
        chosen.labels,
        pe=one_a_layer(settings.pe),
        simd=one_a_layer(settings.simd),
        engine=settings.engine,
        jobs=settings.jobs,
        stalls=settings.stalls,
        seed=settings.seed,
        progress=told,
    )
    about = {"name": known.name, "digest": known.digest, "part": part}
    return result, Asked(golden, chosen.inputs, None, about)


def _few_weights(design: Design) -> bool:
    """Tell whether a network is small enough that every port is looked at without being asked."""
    return sum(array.size for array in design.weights.weights) <= FEW_WEIGHTS


def _check_sizes(golden: GoldenNetwork | None, design: Design) -> None:
    if golden is not None and golden.sizes != design.shape.sizes:
        raise BittrueError(
            f"network and design must have the same sizes, got {golden.sizes} and "
            f"{design.shape.sizes}"
        )


def _refuse_beside_data(settings: Settings, waves: Path | None, vectors: Path | None) -> None:
    if vectors:
        raise BittrueError(f"vectors must come without a data set, got {vectors} beside one")
    if waves:
        raise BittrueError(f"waves must be of queries, not of a whole data set, got {waves}")
    if "queries" in settings.model_fields_set:
        raise BittrueError(
            f"queries must be asked without a data set, got {settings.queries} beside one: "
            "use samples"
        )


@contextmanager
def _seed_named(seed: int) -> Iterator[None]:
    """Name the seed on standard error where a block is cut short."""
    try:
        yield
    except BaseException:
        say(f"bittrue: seed {seed}")
        raise
