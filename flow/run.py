"""``bittrue run``: answers of golden model, fixed model or hardware, saved."""

import csv
import io
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from bittrue.hdl.machine import Machine
from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError
from bittrue.model.files import dump_json, write_whole
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import Codes, Values, decode, encode
from bittrue.sim.engines import simulate
from bittrue.sim.record import Session
from bittrue.sim.testbench import outputs_of
from bittrue.sim.whole import all_cores, chosen_engine

from . import options
from .config import Settings, resolve
from .console import console, progress, say
from .data import Data, check_width, load
from .designs import SavedNetwork, made_design, read_either, refuse_choices
from .options import part_of
from .paths import check_targets
from .tables import versions

SCHEMA = "bittrue.run/1"
MODELS = ("golden", "fixed", "rtl")


@options.unfolded
def run(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A network (.npz) or a saved design (.json)."),
    ],
    data: Annotated[str, typer.Option(help="digits, mnist, or a file: IDX images, CSV, .npz.")],
    model: Annotated[str, typer.Option(help=f"{', '.join(MODELS)}.")] = "fixed",
    part: options.Part = "held-out",
    samples: options.Samples = None,
    seed: options.Seed = None,
    *,
    ranges: options.Ranges,
    config: options.ConfigFile = None,
    formats: options.Formats,
    curves: options.Curves,
    pe: options.Lanes = None,
    simd: options.InputLanes = None,
    stalls: options.Stalls = None,
    engine: options.Engine = None,
    jobs: options.Jobs = None,
    json: options.AsJson = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Codes and values: .npz, .csv or .json.",
        ),
    ] = None,
) -> None:
    """Ask one of the models a data set, and save codes and values.

    Example: bittrue run digits.npz --data digits --model fixed --width 8 -o answers.npz

    Exit codes: 0 done, 2 bad input, 3 a tool is missing, 130 interrupted.
    """
    settings = resolve(options.given(locals()), config)
    check_targets({"output": (".npz", ".csv", ".json")}, output=output)
    if model not in MODELS:
        raise BittrueError(f"the model must be one of {', '.join(MODELS)}, got {model!r}")
    known = load(data)
    source = read_either(file)
    sizes = source.shape.sizes if isinstance(source, Design) else source.golden.sizes
    held_out = None if isinstance(source, Design) else source.held_out_of(known)
    chosen = part_of(known, part, samples, held_out)
    check_width(known, sizes[0], sizes[-1])
    start = time.perf_counter()
    if model == "golden":
        if isinstance(source, Design):
            raise BittrueError(f"the golden model must come from an .npz file, got {file}")
        codes, values, digest = None, source.golden.predict(chosen.inputs), None
    else:
        design = _design(source, settings, known)
        digest = design.digest
        codes = _codes(design, chosen, settings, model, quiet=json)
        values = decode(codes, design.shape.output.format)
    seconds = time.perf_counter() - start
    tree = _tree(model, known, part, chosen, values, seconds, digest)
    if output:
        _write(output, tree, codes, values, chosen)
        say(f"bittrue: wrote {output}")
    if json:
        typer.echo(dump_json(tree), nl=False)
    else:
        console().print(
            f"{model}: {tree['accuracy']:.4f} of {len(values)} {part} samples of {known.name} "
            f"right, in {seconds:.2f} s",
            style="bold",
            soft_wrap=True,
        )


def _design(source: SavedNetwork | Design, settings: Settings, known: Data) -> Design:
    if isinstance(source, Design):
        refuse_choices(settings)
        return source
    training = part_of(known, "training", held_out=source.held_out_of(known))
    return made_design(settings, source.golden, training.inputs)[0]


def _codes(design: Design, data: Data, settings: Settings, model: str, *, quiet: bool) -> Codes:
    type = design.shape.input
    entering = encode(data.inputs, type.format, type.rounding, type.overflow)
    if model == "fixed":
        return FixedNetwork(design).predict(entering)
    machine = Machine(
        design.shape, options.one_a_layer(settings.pe), options.one_a_layer(settings.simd)
    )
    with progress("simulating", shown=not quiet) as told:
        [seen] = simulate(
            machine,
            [Session(design.weights, entering)],
            engine=chosen_engine(settings.engine),
            jobs=settings.jobs or all_cores(),
            stalls=settings.stalls,
            seed=settings.seed,
            progress=told,
        )
    values = outputs_of(seen, design.shape, len(entering))
    if np.isnan(values).any():
        raise BittrueError("the hardware must answer every sample, it did not: run bittrue verify")
    format = design.shape.output
    return encode(values, format.format, format.rounding, format.overflow)


def _tree(
    model: str,
    known: Data,
    part: str,
    chosen: Data,
    values: Values,
    seconds: float,
    digest: str | None,
) -> dict[str, Any]:
    answers = values.argmax(axis=1)
    return {
        "schema": SCHEMA,
        "model": model,
        "data": known.name,
        "data_digest": known.digest,
        "part": part,
        "samples": len(values),
        "accuracy": float(np.mean(answers == chosen.labels)),
        "answers": answers.tolist(),
        "design": digest,
        "seconds": seconds,
        "versions": versions(),
    }


def _write(
    output: Path, tree: dict[str, Any], codes: Codes | None, values: Values, chosen: Data
) -> None:
    """Write answers by the file's ending; arrays of shape (samples, outputs)."""
    answers = values.argmax(axis=1)
    if output.suffix == ".npz":
        page = io.BytesIO()
        arrays: dict[str, Any] = {"values": values, "answers": answers, "labels": chosen.labels}
        if codes is not None:
            arrays["codes"] = codes
        np.savez(page, **arrays)
        write_whole(output, page.getvalue())
        return
    listed = None if codes is None else codes.tolist()
    if output.suffix == ".json":
        whole = {**tree, "labels": chosen.labels.tolist(), "codes": listed}
        write_whole(output, dump_json({**whole, "values": values.tolist()}))
        return
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    outputs = range(values.shape[1])
    kinds = ["value"] if listed is None else ["code", "value"]
    table.writerow(["label", "answer", *(f"{kind}_{n}" for kind in kinds for n in outputs)])
    for row, (label, answer) in enumerate(zip(chosen.labels, answers, strict=True)):
        words = [] if listed is None else listed[row]
        table.writerow([label, answer, *words, *values[row].tolist()])
    write_whole(output, text.getvalue())
