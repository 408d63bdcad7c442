"""The command ``bittrue export``: a network as a folder that others build and check."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bittrue.hdl.machine import Machine
from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import Values, encode
from bittrue.sim import testbench

from . import options
from .config import Settings, resolve
from .console import say
from .data import Data, check_width, load
from .designs import SavedNetwork, made_design, read_network, refuse_choices
from .export_files import Export
from .export_folder import check_folder, put_back, write_folder
from .options import one_a_layer, part_of


@options.unfolded
def export(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where the files go: a new or empty folder.")
    ],
    name: Annotated[
        str, typer.Option(metavar="NAME", help="The top module is called NAME_axis.")
    ] = "network",
    force: Annotated[
        bool, typer.Option("--force", help="Replace what the manifest in DIR names.")
    ] = False,
    seed: options.Seed = None,
    queries: Annotated[
        int | None,
        typer.Option(help="Random queries that the test benches ask.  \\[default: 10]"),
    ] = None,
    network: options.Network = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="A data set to ask, instead of random queries."),
    ] = None,
    part: options.Part = "held-out",
    samples: options.Samples = None,
    config: options.ConfigFile = None,
    *,
    formats: options.Formats,
    ranges: options.Ranges,
    curves: options.Curves,
    design: Annotated[
        Path | None, options.saved_design("Export this saved design instead of making one.")
    ] = None,
    pe: options.Lanes = None,
    simd: options.InputLanes = None,
) -> None:
    """Write a network as Verilog with AXI4-Stream ports, and all that it takes to check it.

    Example: bittrue export digits-rtl --network digits.npz --data digits --width 8 --pe 8

    DIR stands alone: a test bench in Verilog that prints PASS or FAIL, a cocotb test, what it asks
    and what the fixed model answers, a FuseSoC core, a Yosys script, and a README that says how to
    run each. The same options give the same bytes.

    Exit codes: 0 written, 2 bad input, 130 interrupted.
    """
    settings = resolve(options.given(locals()), config)
    for line in put_back(folder):
        say(f"bittrue: {line}")
    check_folder(folder, force=force)
    chosen, inputs, asked = _asked(settings, network, design, (data, part, samples))
    type = chosen.shape.input
    machine = Machine(chosen.shape, one_a_layer(settings.pe), one_a_layer(settings.simd))
    codes = encode(inputs, type.format, type.rounding, type.overflow)
    files = Export(chosen, machine, codes, name, asked).files()
    write_folder(folder, files, force=force)
    if chosen.shape.learning is not None:
        say("bittrue: exported as it answers; what teaches it is left out")
    say(f"bittrue: wrote {folder}: {len(files)} files, {len(codes)} samples; see its README.md")


def _asked(
    settings: Settings,
    network: Path | None,
    design: Path | None,
    wanted: tuple[str | None, str, int | None],
) -> tuple[Design, Values, dict[str, Any]]:
    """Return the design that is exported, what its test benches ask, and where that is from."""
    if network is not None and design is not None:
        raise BittrueError(f"a network or a design must be given, got both: {network}, {design}")
    saved = read_network(network) if network else None
    source, part, samples = wanted
    known = None if source is None else load(source)
    if known is not None and "queries" in settings.model_fields_set:
        raise BittrueError(
            f"queries must be asked without a data set, got {settings.queries} beside one: "
            "use samples"
        )
    chosen = _design(settings, saved, design, known)
    if known is None:
        width, drawn = chosen.shape.sizes[0], {"seed": settings.seed}
        return chosen, testbench.query_inputs(settings.seed, settings.queries, width), drawn
    check_width(known, chosen.shape.sizes[0], chosen.shape.sizes[-1])
    held_out = saved.held_out_of(known) if saved else None
    about = {"data": known.digest, "part": part}
    return chosen, part_of(known, part, samples, held_out).inputs, about


def _design(
    settings: Settings, saved: SavedNetwork | None, file: Path | None, known: Data | None
) -> Design:
    """Return a saved design, or that of a network; formats from the data's training part."""
    if file is not None:
        refuse_choices(settings)
        return Design.load(file)
    golden = saved.golden if saved else testbench.train_333(settings.seed)
    if known is None:
        inputs = testbench.query_inputs(settings.seed, settings.queries, golden.sizes[0])
    else:
        check_width(known, golden.sizes[0], golden.sizes[-1])
        held_out = saved.held_out_of(known) if saved else None
        inputs = part_of(known, "training", None, held_out).inputs
    return made_design(settings, golden, inputs)[0]
