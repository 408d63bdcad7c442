"""``bittrue import``: a network that was trained elsewhere, as one of ours."""

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer

from bittrue.model.arrays import read_arrays
from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError
from bittrue.model.files import dump_json
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import Values, decode, encode
from bittrue.model.golden_file import save_golden

from . import options
from .console import console, say
from .importers import Imported, read_model
from .paths import check_targets
from .tables import bare_table, finite, versions

SCHEMA = "bittrue.import/1"

TOLERANCE = 1e-6
"""By how much outputs may differ, of the largest there is, or of 1 where that is larger."""


class Checked(NamedTuple):
    """Answers held against those of where a network comes from.

    Members
    -------
    model : {"golden", "fixed"}
        Whose answers they are: the design's where the file says one.
    samples, different : int
        How many samples there were, and in how many an output differs.
    largest : float
        The largest difference of an output.
    """

    model: str
    samples: int
    different: int
    largest: float


def import_command(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="A file .onnx, .keras, .safetensors or .npz."),
    ],
    activation: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[,NAME...]",
            help="Where the file says none: of all layers, or each.",
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npz", help="Arrays inputs and outputs, from where it comes."),
    ] = None,
    json: options.AsJson = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="The network, .npz; or its design, .json, where the file says formats.",
        ),
    ] = None,
) -> None:
    """Read a network of others, show what became of it, and save it.

    Example: bittrue import mlp.onnx --check answers.npz -o mlp.npz

    Exit codes: 0 done, 1 an answer differs, 2 bad input, 3 a package is missing.
    """
    check_targets({"output": (".npz", ".json")}, output=output)
    found = read_model(model, None if activation is None else activation.split(","))
    if output and output.suffix == ".json" and found.design is None:
        raise BittrueError(
            f"{model.name} must say formats to become a design, got floats: write an .npz file, "
            "and bittrue quantize it"
        )
    checked = None if check is None else held_against(found, check)
    if json:
        typer.echo(dump_json(_to_json(model, found, checked)), nl=False)
    else:
        _show(model, found, checked)
    if checked and checked.different:
        raise typer.Exit(1)
    if output:
        _save(found, output, model)
        say(f"bittrue: wrote {output}")


def _save(found: Imported, output: Path, model: Path) -> None:
    if output.suffix == ".json" and found.design is not None:
        found.design.save(output)
    else:
        save_golden(found.golden, output, {"imported": model.name, "tail": found.tail})


def held_against(found: Imported, file: Path) -> Checked:
    """Return how a network's answers differ from those in a file.

    Parameters
    ----------
    found : Imported
        The network. Where it has a design, that is asked.
    file : Path
        ``.npz`` with ``inputs``, a row or more axes a sample, and ``outputs``.

    Raises
    ------
    BittrueError
        If the file holds others, or sizes are not the network's.
    """
    inputs, outputs = _answers(file, found.golden.sizes[0])
    if found.design is not None:
        model, answers = "fixed", _fixed_answers(found.design, inputs)
    else:
        model, answers = "golden", _golden_answers(found, inputs)
    if answers.shape != outputs.shape:
        raise BittrueError(
            f"{file.name}: outputs must have shape {answers.shape}, got {outputs.shape}"
        )
    apart = np.abs(answers - outputs)
    allowed = TOLERANCE * max(1.0, float(np.abs(outputs).max()))
    different = int((apart > allowed).reshape(len(apart), -1).any(axis=1).sum())
    return Checked(model, len(apart), different, float(apart.max()))


def _answers(file: Path, size: int) -> tuple[Values, Values]:
    """Return inputs and outputs of a file, a row a sample."""
    arrays = read_arrays(file)
    found = []
    for name in ("inputs", "outputs"):
        array = arrays.get(name)
        if array is None or array.dtype.kind not in "fiu" or not array.ndim or not array.size:
            raise BittrueError(f"{file.name} must hold {name} in numbers, got none")
        values = np.asarray(array, np.float64).reshape(len(array), -1)
        if not np.isfinite(values).all():
            raise BittrueError(f"{file.name}: {name} must be finite, got others")
        found.append(values)
    inputs, outputs = found
    if len(inputs) != len(outputs) or inputs.shape[1] != size:
        raise BittrueError(
            f"{file.name} must hold {size} inputs a sample and as many outputs as inputs, got "
            f"{inputs.shape} and {outputs.shape}"
        )
    return inputs, outputs


def _fixed_answers(design: Design, inputs: Values) -> Values:
    entering = design.shape.input
    codes = encode(inputs, entering.format, entering.rounding, entering.overflow)
    return decode(FixedNetwork(design).predict(codes), design.shape.output.format)


def _golden_answers(found: Imported, inputs: Values) -> Values:
    outputs = found.golden.predict(inputs)
    if found.tail == "softmax":
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    if found.tail == "argmax":
        return np.asarray(outputs.argmax(axis=1)[:, None], np.float64)
    return outputs


def _to_json(model: Path, found: Imported, checked: Checked | None) -> dict[str, Any]:
    golden, design = found.golden, found.design
    told = None
    if checked is not None:
        told = {**checked._asdict(), "largest": finite(checked.largest), "tolerance": TOLERANCE}
    return {
        "schema": SCHEMA,
        "file": model.name,
        "sizes": list(golden.sizes),
        "activations": [activation.name for activation in golden.activations],
        "biases": golden.biases is not None,
        "tail": found.tail,
        "notes": list(found.notes),
        "design": None if design is None else design.digest,
        "check": told,
        "versions": versions(),
    }


def _show(model: Path, found: Imported, checked: Checked | None) -> None:
    page, golden = console(), found.golden
    headings = ["layer", "inputs", "outputs", "weights", "biases", "activation"]
    layers = found.design.shape.layers if found.design else ()
    if layers:
        headings += ["input type", "weight type", "output type"]
    table = bare_table("layers", *headings)
    for number, weights in enumerate(golden.weights):
        outputs, inputs = weights.shape
        biases = "–" if golden.biases is None else _range(golden.biases[number])
        row = [str(number), str(inputs), str(outputs), _range(weights), biases]
        row.append(golden.activations[number].name)
        if layers:
            layer = layers[number]
            row += [str(type.format) for type in (layer.input, layer.weight, layer.output)]
        table.add_row(*row)
    page.print(table)
    for note in found.notes:
        page.print(note, soft_wrap=True, markup=False)
    sizes = "-".join(map(str, golden.sizes))
    kind = "a design, and a network in floats" if found.design else "a network in floats"
    page.print(f"{model.name}: {kind}, {sizes}", style="bold", soft_wrap=True, markup=False)
    if checked:
        page.print(
            f"{checked.samples} samples compared with the {checked.model} model, "
            f"{checked.different} differ; the largest difference of an output is "
            f"{checked.largest:.2g}",
            style="bold",
            soft_wrap=True,
        )


def _range(values: Values) -> str:
    return f"{values.min():.4g} … {values.max():.4g}"
