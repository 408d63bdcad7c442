"""The command ``bittrue verify``: the main job, from its options to its exit code."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError
from bittrue.model.files import dump_json, write_whole
from bittrue.model.golden import GoldenNetwork
from bittrue.model.quantize import quantize
from bittrue.sim import testbench

from .config import DESIGN_FIELDS, Settings, resolve
from .console import progress, say
from .junit import junit_xml
from .report import report, show, to_json

Text = Annotated[str | None, typer.Option(metavar="TYPE")]
Name = Annotated[str | None, typer.Option(metavar="NAME")]
Lanes = Annotated[str | None, typer.Option(metavar="N[,N...]", help="All layers, or each.")]
OutFile = Annotated[Path | None, typer.Option(metavar="FILE")]


def verify(
    seed: Annotated[int | None, typer.Option(help="Of everything drawn.  [default: 0]")] = None,
    format: Annotated[str | None, typer.Option(help="Of all types, in any notation.")] = None,
    input_type: Text = None,
    weight_type: Text = None,
    preactivation_type: Text = None,
    output_type: Text = None,
    curve: Name = None,
    segments: Annotated[int | None, typer.Option(help="Of a curve that takes it.")] = None,
    tolerance: Annotated[float | None, typer.Option(help="Maximum absolute error.")] = None,
    rounding: Annotated[str | None, typer.Option(help="Of pre-activations and outputs.")] = None,
    overflow: Annotated[str | None, typer.Option(help="Of pre-activations and outputs.")] = None,
    pe: Lanes = None,
    simd: Lanes = None,
    queries: Annotated[int | None, typer.Option(help="Random queries.  [default: 10]")] = None,
    stalls: Annotated[
        float | None, typer.Option(help="Probability of a stalled cycle at source and sink.")
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Options as TOML.")] = None,
    design: Annotated[Path | None, typer.Option(metavar="FILE", help="Run a saved design.")] = None,
    save_design: OutFile = None,
    waves: Annotated[
        Path | None, typer.Option(metavar="FILE.vcd", help="Waveforms, a .gtkw beside them.")
    ] = None,
    junit_xml: OutFile = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Report to a file.")
    ] = None,
) -> None:
    """Hold golden model, fixed model and RTL of the 3-3-3 network against each other."""
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
        say(f"bittrue: wrote {output}")
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
