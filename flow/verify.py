"""The command ``bittrue verify``: the main job, from its options to its exit code."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError
from bittrue.model.files import dump_json, write_whole
from bittrue.model.formats import Overflow, Rounding
from bittrue.model.golden import GoldenNetwork
from bittrue.model.makers import MAKERS
from bittrue.model.quantize import quantize
from bittrue.sim import testbench

from .config import DESIGN_FIELDS, Settings, resolve
from .console import progress, say
from .junit import junit_xml
from .report import report, show, to_json, verdict

MODELS = "Models"
HARDWARE = "Hardware"
RESULTS = "Results"


def _type(help: str) -> Any:
    return typer.Option(metavar="TYPE", help=help, rich_help_panel=MODELS)


def _lanes_option(help: str) -> Any:
    return typer.Option(metavar="N[,N...]", help=help, rich_help_panel=HARDWARE)


def _file(help: str, *names: str, metavar: str = "FILE") -> Any:
    return typer.Option(*names, metavar=metavar, help=help, rich_help_panel=RESULTS)


def _choice(help: str, metavar: str) -> Any:
    return typer.Option(metavar=metavar, help=help, rich_help_panel=MODELS)


def verify(
    seed: Annotated[int | None, typer.Option(help="Of everything drawn.  [default: 0]")] = None,
    queries: Annotated[
        int | None, typer.Option(help="Random queries, beside the directed vectors.  [default: 10]")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="These options as TOML; the command line comes first."),
    ] = None,
    format: Annotated[
        str | None, _choice("Of all types: fxp-s16/12, Q4.12, ap_fixed<16,4>, ...", "FORMAT")
    ] = None,
    input_type: Annotated[
        str | None, _type("A format, modes behind commas: fxp-s8/4,RND_CONV,SAT.")
    ] = None,
    weight_type: Annotated[str | None, _type("Weights that do not fit are refused.")] = None,
    preactivation_type: Annotated[str | None, _type("What an accumulator becomes.")] = None,
    output_type: Annotated[str | None, _type("What a curve yields.")] = None,
    curve: Annotated[
        str | None, _choice(f"One of {', '.join(MAKERS)}.  [default: plan]", "NAME")
    ] = None,
    segments: Annotated[int | None, _choice("Of the curves fit and uniform.", "N")] = None,
    tolerance: Annotated[
        float | None, _choice("Of the curve fit: the fewest segments with this error.", "ERROR")
    ] = None,
    rounding: Annotated[
        str | None,
        _choice(f"{', '.join(mode.value for mode in Rounding)}.  [default: RND_CONV]", "MODE"),
    ] = None,
    overflow: Annotated[
        str | None,
        _choice(f"{', '.join(mode.value for mode in Overflow)}.  [default: SAT]", "MODE"),
    ] = None,
    design: Annotated[
        Path | None, _choice("Run this saved design instead of training one.", "FILE")
    ] = None,
    pe: Annotated[str | None, _lanes_option("Neurons side by side.  [default: 1]")] = None,
    simd: Annotated[str | None, _lanes_option("Inputs per cycle.  [default: 1]")] = None,
    stalls: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            help="Chance of a stalled cycle at source and sink.  [default: 0]",
            rich_help_panel=HARDWARE,
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object.", rich_help_panel=RESULTS)
    ] = False,
    output: Annotated[
        Path | None, _file("Where the report goes; the verdict is shown.", "-o", "--output")
    ] = None,
    junit_xml: Annotated[Path | None, _file("Verdicts for a CI server.")] = None,
    waves: Annotated[
        Path | None, _file("Waveforms of the queries, a .gtkw beside.", metavar="FILE.vcd")
    ] = None,
    save_design: Annotated[Path | None, _file("The design that ran, for --design.")] = None,
) -> None:
    """Hold golden model, fixed model and RTL of the 3-3-3 network against each other.

    Trains it as the book does, quantizes it, builds the hardware, asks all three the same
    questions and compares the last two word by word, stage by stage.

    Exit codes: 0 all words equal, 1 some differ, 2 bad input, 3 a tool is missing, 130 interrupted.
    """
    given = {name: value for name, value in locals().items() if name in Settings.model_fields}
    given = {name: value for name, value in given.items() if value is not None}
    for name in ("pe", "simd"):
        if name in given:
            given[name] = _lanes(name, given[name])
    settings = resolve(given, config)
    _check_targets(save_design=save_design, waves=waves, junit_xml=junit_xml, output=output)
    result = _run(settings, design, waves, quiet=json)
    tree = to_json(result, settings, saved=design is not None)
    _write_files(result, save_design, junit_xml)
    if output:
        write_whole(output, dump_json(tree) if json else report(result, settings))
        say(f"bittrue: wrote {output}: {verdict(result)}")
    elif json:
        typer.echo(dump_json(tree), nl=False)
    else:
        show(result, settings)
    if not result.passed:
        raise typer.Exit(1)


def _run(
    settings: Settings, saved: Path | None, waves: Path | None, *, quiet: bool
) -> testbench.Verification:
    """Train or load, quantize, simulate, compare; name the seed where that is cut short."""
    design, golden = _models(settings, saved)
    with _seed_named(settings.seed), progress("simulating", shown=not quiet) as told:
        return testbench.verify(
            design,
            golden,
            seed=settings.seed,
            queries=settings.queries,
            pe=_tuple(settings.pe),
            simd=_tuple(settings.simd),
            stalls=settings.stalls,
            waves=waves,
            progress=told,
        )


def _models(settings: Settings, saved: Path | None) -> tuple[Design, GoldenNetwork | None]:
    """Return the design, and the golden model unless the design comes from a file."""
    if saved:
        _refuse_choices(settings)
        return Design.load(saved), None
    config = settings.config
    with _seed_named(settings.seed):
        golden = testbench.train_333(settings.seed)
        return quantize(golden, config), golden


@contextmanager
def _seed_named(seed: int) -> Iterator[None]:
    """Name the seed on standard error where a block is cut short."""
    try:
        yield
    except BaseException:
        say(f"bittrue: seed {seed}")
        raise


def _tuple(lanes: int | list[int]) -> int | tuple[int, ...]:
    return lanes if isinstance(lanes, int) else tuple(lanes)


def _lanes(name: str, text: str) -> int | list[int]:
    """Read ``2`` as a count for all layers, and ``2,1`` as one a layer."""
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        raise BittrueError(
            f"{name} must be an integer, or one a layer as in 2,1, got {text!r}"
        ) from None
    return counts if len(counts) > 1 else counts[0]


def _refuse_choices(settings: Settings) -> None:
    """Refuse types and curves beside a saved design, which has its own."""
    chosen = [name for name in DESIGN_FIELDS if name in settings.model_fields_set]
    if chosen:
        raise BittrueError(
            f"a saved design must be run without choices of types and curves, got "
            f"{', '.join(chosen)}"
        )


def _check_targets(**files: Path | None) -> None:
    """Refuse, before any work, files that could not be written."""
    for name, file in files.items():
        if file is None:
            continue
        option = f"--{name.replace('_', '-')}"
        if file.is_dir():
            raise BittrueError(f"{option} must name a file, got the folder {file}")
        if not os.access(file.parent, os.W_OK):
            raise BittrueError(f"{option} must lie in a folder that can be written, got {file}")
        if name == "waves" and file.suffix != ".vcd":
            raise BittrueError(f"{option} must end in .vcd, got {file}")
    _check_distinct(file.resolve() for file in files.values() if file)


def _check_distinct(files: Iterable[Path]) -> None:
    seen: set[Path] = set()
    for file in files:
        if file in seen:
            raise BittrueError(f"each result must have a file of its own, got {file} twice")
        seen.add(file)


def _write_files(
    result: testbench.Verification, save_design: Path | None, junit: Path | None
) -> None:
    if save_design:
        result.design.save(save_design)
    if junit:
        write_whole(junit, junit_xml(result))
