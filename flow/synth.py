"""The command ``bittrue synth``: what a network takes on a device, and how fast it is there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bittrue.hdl.machine import COUNTERS, Machine
from bittrue.model.exceptions import BittrueError

from . import options
from .config import resolve
from .console import progress, say
from .designs import asked_design
from .estimate import Estimate
from .estimate import estimate as estimate_of
from .families import TARGETS, target_of
from .options import one_a_layer
from .paths import check_targets
from .synth_report import Subject, estimates_to_json, show, show_estimates, to_json
from .synthesis import Source, curve_source, network_source, synthesize
from .tables import give

SYNTHESISED = ("network", "curve")


@options.unfolded
def synth(
    network: options.Network = None,
    target: Annotated[
        str,
        typer.Option(metavar="NAME[,NAME...]", help=f"Families: {', '.join(TARGETS)}."),
    ] = "ecp5",
    part: Annotated[
        str, typer.Option(metavar="PART", help=f"Of the design: {', '.join(SYNTHESISED)}.")
    ] = "network",
    layer: Annotated[
        int, typer.Option(min=0, metavar="N", help="Whose curve, with --part curve.")
    ] = 0,
    seeds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Place and route so often; the median counts.")
    ] = 1,
    place: Annotated[
        bool, typer.Option("--place/--no-place", help="Place and route after synthesis.")
    ] = True,
    dsp: Annotated[
        bool, typer.Option("--dsp/--no-dsp", help="Use hard multipliers where there are some.")
    ] = True,
    timeout: Annotated[
        float | None,
        typer.Option(min=0.1, metavar="SECONDS", help="For each run of a tool.  \\[default: none]"),
    ] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Estimate at once, without tools, and cycles too.")
    ] = False,
    seed: options.Seed = None,
    config: options.ConfigFile = None,
    *,
    formats: options.Formats,
    ranges: options.Ranges,
    curves: options.Curves,
    design: Annotated[
        Path | None, options.saved_design("Synthesise this saved design instead of making one.")
    ] = None,
    pe: options.Lanes = None,
    simd: options.InputLanes = None,
    counters: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"Losses that are counted: {', '.join(COUNTERS)}.",
            rich_help_panel=options.HARDWARE,
        ),
    ] = "overflow",
    trace: Annotated[
        bool,
        typer.Option("--trace/--no-trace", help="Trace ports.", rich_help_panel=options.HARDWARE),
    ] = False,
    json: options.AsJson = False,
    output: options.Output = None,
) -> None:
    """Synthesise a network with open tools: LUT, FF, DSP, BRAM, carry, Fmax, critical path.

    Example: bittrue synth --design digits.json --pe 8 --target ecp5,xilinx --seeds 5

    With --estimate no tool runs: figures are those of an estimator that was fitted on stored
    synthesis runs; cycles are exact. Otherwise results are kept: what was synthesised once is shown
    at once. The tools are Python packages, the extra "synth" of bittrue; they are compiled on their
    first use.

    Exit codes: 0 done, 2 bad input or a tool that failed, 3 a tool is missing, 130 interrupted.
    """
    settings = resolve(options.given(locals()), config)
    names = targets_of(target)
    check_targets(output=output)
    chosen = asked_design(settings, network, design)
    machine = Machine(
        chosen.shape,
        one_a_layer(settings.pe),
        one_a_layer(settings.simd),
        counters=counters,
        trace=trace,
    )
    subject = Subject(chosen, machine, layer if part == "curve" else None)
    if estimate:
        found = estimated(machine, names, part, dsp=dsp)
        tree = estimates_to_json(found, subject) if json else None
        give(lambda page: show_estimates(page, found, subject), tree, output)
        return
    source = source_of(machine, part, layer)
    numbers = range(1, seeds + 1) if place else ()
    results = []
    with progress("synthesising", shown=not json) as told:
        for name in names:
            results.append(
                synthesize(
                    source,
                    name,
                    seeds=numbers,
                    dsp=dsp,
                    timeout=timeout,
                    note=lambda line: say(f"bittrue: note: {line}"),
                    told=told,
                )
            )
    tree = to_json(results, subject) if json else None
    give(lambda page: show(page, results, subject), tree, output)


def estimated(
    machine: Machine, targets: Sequence[str], part: str, *, dsp: bool = True
) -> list[Estimate]:
    """Return what is estimated of a machine, for each target.

    Raises
    ------
    BittrueError
        If a target, the part or the flags are not what the estimator was fitted for.
    """
    if part != "network" or not dsp:
        got = "--no-dsp" if part == "network" else f"--part {part}"
        raise BittrueError(f"an estimate must be of a network with hard multipliers, got {got}")
    return [estimate_of(machine, target) for target in targets]


def targets_of(text: str) -> list[str]:
    """Read ``ecp5,xilinx`` as families, each once.

    Raises
    ------
    BittrueError
        If one is unknown.
    """
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        target_of(name)
    return names


def source_of(machine: Machine, part: str, layer: int) -> Source:
    """Return what to synthesise of a machine.

    Raises
    ------
    BittrueError
        If there is no such part or layer.
    """
    layers = machine.shape.layers
    if part not in SYNTHESISED:
        raise BittrueError(f"the part must be one of {', '.join(SYNTHESISED)}, got {part!r}")
    if layer >= len(layers):
        raise BittrueError(f"the layer must be 0 to {len(layers) - 1}, got {layer}")
    if part == "network":
        return network_source(machine)
    return curve_source(layers[layer].curve)
