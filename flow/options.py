"""Options that several commands share, each written once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import Overflow, Rounding
from bittrue.model.makers import MAKERS
from bittrue.model.ranges import METHODS
from bittrue.sim.engines import ENGINES

from .config import Settings
from .data import Data, split

MODELS = "Models"
HARDWARE = "Hardware"
RESULTS = "Results"
PARTS = ("training", "held-out", "all")


def _of(panel: str, *names: str, metavar: str | None = None, help: str) -> Any:
    return typer.Option(*names, metavar=metavar, help=help, rich_help_panel=panel)


Network = Annotated[
    Path | None,
    typer.Option(metavar="FILE.npz", help="A trained network instead of the 3-3-3 one."),
]
Seed = Annotated[int | None, typer.Option(help="Of everything drawn.  \\[default: 0]")]
ConfigFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="These options as TOML; the command line comes first."),
]

AnyFormat = Annotated[
    str | None,
    _of(MODELS, metavar="FORMAT", help="Of all types: fxp-s16/12, Q4.12, ap_fixed<16,4>, ..."),
]
CurveName = Annotated[
    str | None,
    _of(
        MODELS,
        metavar="NAME",
        help=f"One of {', '.join(MAKERS)}.  \\[default: the usual one of the activation]",
    ),
]
Segments = Annotated[int | None, _of(MODELS, metavar="N", help="Of the curves fit and uniform.")]
Lanes = Annotated[
    str | None,
    _of(HARDWARE, metavar="N[,N...]", help="Neurons side by side, of all layers or each."),
]
InputLanes = Annotated[
    str | None, _of(HARDWARE, metavar="N[,N...]", help="Inputs per cycle, of all layers or each.")
]
Stalls = Annotated[
    float | None,
    _of(
        HARDWARE,
        metavar="P",
        help="Chance of a stalled cycle at source and sink.  \\[default: 0]",
    ),
]
Engine = Annotated[
    str | None,
    _of(
        HARDWARE,
        metavar="NAME",
        help=f"What simulates: {', '.join(ENGINES)}, or auto.  \\[default: auto]",
    ),
]
Jobs = Annotated[
    int | None,
    _of(HARDWARE, "-j", "--jobs", metavar="N", help="Simulators at once.  \\[default: all cores]"),
]
Part = Annotated[str, typer.Option(metavar="PART", help=f"Which samples: {', '.join(PARTS)}.")]
Samples = Annotated[
    int | None, typer.Option(metavar="N", help="The first so many of them.  \\[default: all]")
]
AsJson = Annotated[bool, _of(RESULTS, "--json", help="One JSON object.")]
Output = Annotated[
    Path | None,
    _of(
        RESULTS,
        "-o",
        "--output",
        metavar="FILE",
        help="Where the report goes; the verdict is shown.",
    ),
]
JunitXml = Annotated[Path | None, _of(RESULTS, metavar="FILE", help="Verdicts for a CI server.")]


def saved_design(help: str) -> Any:
    """Return the option of a saved design, whose help says what a command does with it."""
    return _of(MODELS, metavar="FILE", help=help)


@dataclass(frozen=True)
class Formats:
    """Options that name formats."""

    format: AnyFormat = None
    input_type: Annotated[
        str | None,
        _of(MODELS, metavar="TYPE", help="A format, modes behind commas: fxp-s8/4,RND_CONV,SAT."),
    ] = None
    weight_type: Annotated[
        str | None, _of(MODELS, metavar="TYPE", help="Weights that do not fit are refused.")
    ] = None
    bias_type: Annotated[
        str | None, _of(MODELS, metavar="TYPE", help="Biases that do not fit are refused.")
    ] = None
    preactivation_type: Annotated[
        str | None, _of(MODELS, metavar="TYPE", help="What an accumulator becomes.")
    ] = None
    output_type: Annotated[
        str | None,
        _of(MODELS, metavar="TYPE", help="What a curve yields."),
    ] = None


@dataclass(frozen=True)
class Ranges:
    """Options that have formats chosen from ranges."""

    width: Annotated[
        int | None,
        _of(MODELS, metavar="BITS", help="Choose a format of so many bits for each tensor."),
    ] = None
    method: Annotated[
        str | None,
        _of(
            MODELS,
            metavar="NAME",
            help=f"How --width finds ranges: {', '.join(METHODS)}.  \\[default: observed]",
        ),
    ] = None
    margin: Annotated[
        float | None,
        _of(
            MODELS,
            metavar="SHARE",
            help="By how much observed ranges are widened.  \\[default: 0]",
        ),
    ] = None


@dataclass(frozen=True)
class Curves:
    """Options of curves, and of the modes of what comes before and behind them."""

    curve: CurveName = None
    segments: Segments = None
    tolerance: Annotated[
        float | None,
        _of(
            MODELS,
            metavar="ERROR",
            help="Of the curve fit: the fewest segments with this error.",
        ),
    ] = None
    rounding: Annotated[
        str | None,
        _of(
            MODELS,
            metavar="MODE",
            help=f"{', '.join(mode.value for mode in Rounding)}.  \\[default: RND_CONV]",
        ),
    ] = None
    overflow: Annotated[
        str | None,
        _of(
            MODELS,
            metavar="MODE",
            help=f"{', '.join(mode.value for mode in Overflow)}.  \\[default: SAT]",
        ),
    ] = None


GROUPS = (Formats, Ranges, Curves)


def unfolded(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that takes each option of its groups by the option's own name.

    A parameter that is one of `GROUPS` stands for all options of the group. Typer is shown these
    in its place; the command itself gets the group.
    """
    shown: list[Parameter] = []
    groups: dict[str, type] = {}
    for name, parameter in signature(command).parameters.items():
        if parameter.annotation in GROUPS:
            groups[name] = parameter.annotation
            shown += [
                parameter.replace(name=option.name, annotation=option.type, default=option.default)
                for option in fields(parameter.annotation)
            ]
        else:
            shown.append(parameter)

    @wraps(command)
    def takes_options(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{each.name: values.pop(each.name) for each in fields(group)})
        command(**values)

    takes_options.__dict__["__signature__"] = Signature(shown)
    takes_options.__annotations__ = {each.name: each.annotation for each in shown}
    return takes_options


def lanes(name: str, text: str) -> int | list[int]:
    """Read ``2`` as a count for all layers, and ``2,1`` as one a layer."""
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        raise BittrueError(
            f"{name} must be an integer, or one a layer as in 2,1, got {text!r}"
        ) from None
    return counts if len(counts) > 1 else counts[0]


def one_a_layer(counts: int | list[int]) -> int | tuple[int, ...]:
    """Return counts as machines take them."""
    return counts if isinstance(counts, int) else tuple(counts)


def by_option(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a command's arguments that were given, by option: groups are taken apart."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= vars(value) if isinstance(value, GROUPS) else {name: value}
    return {name: value for name, value in flat.items() if value is not None}


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a command's arguments that are settings and were given, lane counts read."""
    every = by_option(values)
    chosen = {name: value for name, value in every.items() if name in Settings.model_fields}
    for name in ("pe", "simd"):
        if name in chosen:
            chosen[name] = lanes(name, chosen[name])
    return chosen


def part_of(data: Data, part: str, samples: int | None = None, held_out: int | None = None) -> Data:
    """Return the part of a data set that was asked for, or its first samples.

    Raises
    ------
    BittrueError
        If there is no such part, or fewer samples than asked for.
    """
    if part not in PARTS:
        raise BittrueError(f"the part must be one of {', '.join(PARTS)}, got {part!r}")
    chosen = data if part == "all" else split(data, held_out)[PARTS.index(part)]
    if samples is None:
        return chosen
    if not 1 <= samples <= len(chosen.labels):
        raise BittrueError(f"samples must be 1 to {len(chosen.labels)}, got {samples}")
    return replace(chosen, inputs=chosen.inputs[:samples], labels=chosen.labels[:samples])
