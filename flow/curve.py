"""``bittrue curve``: the error table of any curve, and a picture of it."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bittrue.model.curve_errors import CurveErrors, errors_of
from bittrue.model.curves import Curve
from bittrue.model.exceptions import BittrueError
from bittrue.model.files import write_whole
from bittrue.model.fit import FUNCTIONS
from bittrue.model.formats import FixedType, Format, Overflow, Rounding, decode
from bittrue.model.makers import MAKERS, make_curve

from .plots import curve_figure

SCHEMA = "bittrue.curve/1"


def curve(
    curve: Annotated[str, typer.Option("--curve", help=f"One of {', '.join(MAKERS)}.")] = "plan",
    input_format: Annotated[
        str, typer.Option(help="Format of the pre-activation, such as fxp-s16/12.")
    ] = "fxp-s16/12",
    output_format: Annotated[
        str, typer.Option(help="Format of the result; modes may follow behind commas.")
    ] = "fxp-u16/15",
    segments: Annotated[
        int | None, typer.Option(help="Segments, for fit and uniform; a final constant apart.")
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="For fit: the fewest segments with this maximum error.")
    ] = None,
    function: Annotated[
        str | None, typer.Option(help=f"For fit: one of {', '.join(FUNCTIONS)}.")
    ] = None,
    range: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="LOW HIGH", help="For fit: where the function is followed."),
    ] = None,
    rounding: Annotated[str, typer.Option(help="Rounding mode of the result.")] = "RND_CONV",
    overflow: Annotated[str, typer.Option(help="Overflow mode of the result.")] = "SAT",
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on standard output.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Draw curve and error into this SVG.")
    ] = None,
) -> None:
    """Measure a piecewise-linear curve on every code it can be given.

    Example: bittrue curve --curve fit --segments 16 --input-format fxp-s16/12
    --output-format fxp-u16/15 -o curve.svg
    """
    if output is not None and output.suffix.lower() != ".svg":
        raise BittrueError(f"the picture must be an .svg file, got {output}")
    type = FixedType.parse(output_format, Rounding.parse(rounding), Overflow.parse(overflow))
    made = make_curve(
        curve,
        Format.parse(input_format),
        type,
        segments=segments,
        tolerance=tolerance,
        function=function,
        range=range,
    )
    followed = function or "sigmoid"
    errors = errors_of(made, followed, range)
    if output is not None:
        write_whole(output, curve_figure(made, errors, followed, range))
    if as_json:
        typer.echo(json.dumps(_to_json(made, errors, followed), indent=2))
    else:
        _show(made, errors, followed)


def _to_json(curve: Curve, errors: CurveErrors, function: str) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "curve": curve.name,
        "function": function,
        "input_format": str(curve.input),
        "output_format": str(curve.output.format),
        "rounding": curve.output.rounding.value,
        "overflow": curve.output.overflow.value,
        "max_abs_error": errors.maximum,
        "mean_abs_error": errors.mean,
        "max_error_lsb": errors.maximum_lsb,
        "mean_error_lsb": errors.mean_lsb,
        "max_error_at": errors.maximum_at,
        "max_distance_from_correctly_rounded_lsb": errors.rounded_lsb,
        "correctly_rounded": errors.correctly_rounded,
        "monotone": errors.monotone,
        "steps_down": list(errors.steps_down),
        "steps_down_total": errors.steps_down_total,
        "mirrored": errors.mirrored,
        "mirror": curve.mirror,
        "rows": curve.rows,
        "slope_format": str(curve.slope_format),
        "intercept_format": str(curve.intercept_format),
        "segments": [row._asdict() for row in curve.segments],
    }


def _show(curve: Curve, errors: CurveErrors, function: str) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{curve.name} for {function}: {curve.rows} segments")
    console.print(f"  in  {curve.input.describe()}")
    console.print(f"  out {curve.output.format.describe()}, {curve.output.rounding.value}")
    figures = Table(title=f"errors over all {2**curve.input.width:,} codes", title_justify="left")
    for heading in ("", "value", "output LSB"):
        figures.add_column(heading, justify="left" if not heading else "right")
    figures.add_row("maximum absolute error", f"{errors.maximum:.6g}", f"{errors.maximum_lsb:.4g}")
    figures.add_row("mean absolute error", f"{errors.mean:.6g}", f"{errors.mean_lsb:.4g}")
    figures.add_row("from the correctly rounded function", "", str(errors.rounded_lsb))
    console.print(figures)
    at = decode([errors.maximum_at], curve.input)[0]
    console.print(f"maximum at code {errors.maximum_at} ({at:.6g})")
    console.print(f"correctly rounded at {errors.correctly_rounded:.2%} of the codes")
    console.print(_monotone(errors, curve))
    console.print("mirrored: " + ("yes" if errors.mirrored else "no"))
    console.print(_segments(curve))


def _monotone(errors: CurveErrors, curve: Curve) -> str:
    if errors.monotone:
        return "monotone: yes"
    values = decode(list(errors.steps_down), curve.input)
    listed = ", ".join(
        f"{code} ({value:.6g})" for code, value in zip(errors.steps_down, values, strict=True)
    )
    more = errors.steps_down_total - len(errors.steps_down)
    return f"monotone: no, it steps down at {listed}" + (f" and {more} more" if more else "")


def _segments(curve: Curve) -> Table:
    table = Table(title="segments", title_justify="left")
    for heading, format in (
        ("start", curve.argument),
        ("slope", curve.slope_format),
        ("intercept", curve.intercept_format),
    ):
        table.add_column(f"{heading} code", justify="right")
        table.add_column(f"{heading}\n{format}", justify="right")
    for row in curve.segments:
        table.add_row(
            str(row.start),
            f"{row.start * curve.input.lsb:.8g}",
            str(row.slope),
            f"{row.slope * curve.slope_format.lsb:.8g}",
            str(row.intercept),
            f"{row.intercept * curve.intercept_format.lsb:.8g}",
        )
    return table
