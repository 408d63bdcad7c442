"""``bittrue quantize``: formats for a trained network, and what they hold and lose."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from bittrue.model.config import Config
from bittrue.model.design import Design
from bittrue.model.files import dump_json
from bittrue.model.range_table import TensorRange, range_table

from . import options
from .config import Settings, resolve
from .console import console, say
from .data import check_width, load, split
from .designs import made_design, read_network
from .paths import check_targets
from .tables import versions

SCHEMA = "bittrue.quantize/1"


@options.unfolded
def quantize(
    network: Annotated[
        Path, typer.Argument(metavar="NETWORK.npz", help="What bittrue train saved.")
    ],
    data: Annotated[
        str | None,
        typer.Option(help="Data set whose training samples show the ranges: digits, a file, ..."),
    ] = None,
    *,
    ranges: options.Ranges,
    config: options.ConfigFile = None,
    formats: options.Formats,
    curves: options.Curves,
    json: options.AsJson = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE.json", help="The design.")
    ] = None,
) -> None:
    """Choose formats, and show for each tensor what is needed, given and lost.

    Example: bittrue quantize digits.npz --data digits --width 8 -o digits.json

    Exit codes: 0 done, 2 bad input, 3 a package is missing.
    """
    settings = resolve(options.given(locals()), config)
    check_targets({"output": (".json",)}, output=output)
    saved = read_network(network)
    golden = saved.golden
    inputs = None
    if data is not None:
        known = load(data)
        check_width(known, golden.sizes[0], golden.sizes[-1])
        inputs = split(known, saved.held_out_of(known))[0].inputs
    design, chosen = made_design(settings, golden, inputs)
    rows = range_table(golden, design, inputs)
    if json:
        typer.echo(dump_json(_to_json(rows, design, chosen, settings)), nl=False)
    else:
        _show(rows, design)
    if output:
        design.save(output)
        say(f"bittrue: wrote {output}")


def _to_json(
    rows: list[TensorRange], design: Design, config: Config, settings: Settings
) -> dict[str, Any]:
    choices = settings.model_dump(include={"width", "method", "margin"})
    return {
        "schema": SCHEMA,
        "tensors": [
            {
                **row._asdict(),
                "format": str(row.format),
                "seen": None if row.seen is None else list(row.seen),
                "guaranteed": list(row.guaranteed),
            }
            for row in rows
        ],
        "config": {**config.to_json(), **choices},
        "design": design.digest,
        "versions": versions(),
    }


def _show(rows: list[TensorRange], design: Design) -> None:
    page = console()
    table = Table(title="tensors", title_justify="left", title_style="bold")
    for heading in (
        *("layer", "tensor", "format", "seen", "guaranteed"),
        *("integer bits\nneeded", "\ngiven", "words\nsaturated", "\nof"),
    ):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            str(row.layer),
            row.tensor,
            str(row.format),
            "–" if row.seen is None else _range(row.seen),
            _range(row.guaranteed),
            str(row.bits_needed),
            str(row.bits_given),
            "–" if row.saturated is None else str(row.saturated),
            "–" if row.seen is None else str(row.words),
        )
    page.print(table)
    for number, layer in enumerate(design.shape.layers):
        accumulator = next(r for r in rows if (r.layer, r.tensor) == (number, "accumulator"))
        used = accumulator.bits_needed + accumulator.format.frac
        page.print(
            f"layer {number}: accumulator {accumulator.format} holds every sum that formats allow; "
            f"these weights use {used} of its {accumulator.format.width} bits; "
            f"curve {layer.curve.name} of {layer.curve.rows} segments",
            soft_wrap=True,
        )
    sizes = "-".join(map(str, design.shape.sizes))
    page.print(f"design {design.digest[:12]}, {sizes}", style="bold", soft_wrap=True)


def _range(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.4g} … {ends[1]:.4g}"
