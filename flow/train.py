"""``bittrue train``: a network taught, in floats, on codes or in gates, and saved."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from bittrue.model.activations import ACTIVATIONS
from bittrue.model.exceptions import BittrueError
from bittrue.model.files import dump_json, write_whole
from bittrue.model.golden import RULES
from bittrue.model.golden_file import save_golden
from bittrue.model.learning import STOCHASTIC
from bittrue.model.makers import MAKERS
from bittrue.model.modes import Rounding
from bittrue.sim.lessons import ENGINES

from .console import console, progress, say
from .junit import training_xml
from .lessons import BENCH, Course
from .options import (
    HARDWARE,
    Formats,
    InputLanes,
    JunitXml,
    Lanes,
    Stalls,
    by_option,
    lanes,
    one_a_layer,
    unfolded,
)
from .paths import check_targets
from .train_golden import train_golden
from .train_plot import trajectories_figure
from .train_report import print_on, to_json
from .train_side import Lane, Plan, teach

MODELS = ("golden", "fixed", "rtl")
GOLDEN = "Golden model alone"
CODES = "Fixed model and RTL"
BENCH_RATE, CODES_RATE = 0.3, 0.125
WIDTH = 16
USUAL_SIZES: Mapping[str | None, tuple[int, ...]] = {
    None: (3, 3, 3),
    "digits": (64, 32, 10),
    "mnist": (784, 200, 10),
}
"""Layers where none are named, by data set."""

TYPES_AND_CURVES = (
    *("format", "input_type", "weight_type", "bias_type", "preactivation_type", "output_type"),
    *("curve", "segments"),
)
IN_FLOATS = ("batch", "patience")
ON_CODES = ("width", *TYPES_AND_CURVES, "update_rounding", "lfsr_seed")
OVER_STEPS = ("every", "plot", "steps")
IN_GATES = ("pe", "simd", "stalls", "engine", "junit_xml")
OF_DATA = ("epochs", "held_out")
"""Options that only some models take, or only data."""


LEAST = {"steps": 1, "every": 1, "epochs": 1, "segments": 1, "width": 4}
"""The least that these options may be."""


def _of(panel: str, *, help: str, metavar: str | None = None) -> Any:
    return typer.Option(metavar=metavar, help=help, rich_help_panel=panel)


@unfolded
def train(
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]",
            help="digits, mnist, or a file: IDX images, label,pixel,... CSV, .npz.  "
            "\\[default: the book's 3-3-3 test bench]",
        ),
    ] = None,
    data_option: Annotated[
        str | None, typer.Option("--data", metavar="DATA", help="The same as an option.")
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="golden: in floats alone; fixed: bit-true on integers, beside it; rtl: in gates, "
            "beside both.",
        ),
    ] = "golden",
    layers: Annotated[
        str | None,
        typer.Option(
            metavar="N,N[,N...]",
            help="Sizes: inputs, hidden layers, outputs.  \\[default: 3,3,3; digits 64,32,10; "
            "mnist 784,200,10]",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(help="Times through the training samples.  \\[default: 40; beside others 1]"),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(help="Samples taught: 100 of the test bench, all of an epoch."),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(help="Step of the descent.  \\[default: 0.2; test bench 0.3; on codes 1/8]"),
    ] = None,
    activation: Annotated[
        str,
        typer.Option(
            metavar="NAME[,NAME...]",
            help=f"Of all layers, or one a layer: {', '.join(ACTIVATIONS)}.",
        ),
    ] = "sigmoid",
    biases: Annotated[bool, typer.Option("--biases", help="Give each layer biases.")] = False,
    rule: Annotated[
        str,
        typer.Option(help=f"How errors are carried back: {' or '.join(RULES)}."),
    ] = "book",
    held_out: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Samples not trained on.  \\[default: a quarter; mnist 1000]"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, orders and stalls.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="What was learned: the golden network (.npz), or the design with its weights "
            "(.json).  \\[default of golden: DATA-LAYERS.npz]",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    batch: Annotated[
        int | None,
        _of(GOLDEN, help="Samples a step; 1 is the book's rule, more take their mean."),
    ] = None,
    patience: Annotated[
        int | None,
        _of(
            GOLDEN,
            metavar="EPOCHS",
            help="Stop after so many epochs without a better loss on a tenth kept apart.",
        ),
    ] = None,
    width: Annotated[
        int | None,
        _of(
            CODES,
            metavar="BITS",
            help="Of everything: weights with three integer bits, signals with one.  "
            "\\[default: 16]",
        ),
    ] = None,
    *,
    formats: Formats,
    curve: Annotated[
        str | None,
        _of(
            CODES,
            metavar="NAME",
            help=f"One of {', '.join(MAKERS)}.  \\[default: plan; test bench fit, 32 segments]",
        ),
    ] = None,
    segments: Annotated[int | None, _of(CODES, help="Of curves that take it.")] = None,
    update_rounding: Annotated[
        str | None,
        _of(
            CODES,
            metavar="MODE",
            help=f"Of updates: {', '.join(mode.value for mode in Rounding)}, or STOCHASTIC.  "
            "\\[default: STOCHASTIC]",
        ),
    ] = None,
    lfsr_seed: Annotated[
        int | None,
        _of(CODES, help="Of the shift register behind STOCHASTIC, 1 to 65535.  \\[default: 44257]"),
    ] = None,
    every: Annotated[
        int | None,
        _of(
            CODES,
            metavar="STEPS",
            help="From comparison to comparison of all weights.  \\[default: test bench 1, data "
            "100]",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        _of(CODES, metavar="FILE.svg", help="Outputs (or loss) and weights over steps."),
    ] = None,
    pe: Lanes = None,
    simd: InputLanes = None,
    stalls: Stalls = None,
    engine: Annotated[
        str | None,
        _of(
            HARDWARE,
            metavar="NAME",
            help=f"What simulates: {', '.join(ENGINES)}, or auto.  \\[default: auto]",
        ),
    ] = None,
    junit_xml: JunitXml = None,
) -> None:
    """Train a network: in floats, on codes beside that, or in gates beside both.

    In floats alone as the book does, or in batches; the network is saved. On codes and in gates one
    sample after the other; every weight of the gates is compared with the fixed model's, and the
    first that differs is named with its step. Without data it is the book's test bench: a hundred
    steps of one sample, then ten queries.

    Example: bittrue train mnist --layers 784,200,10 -o mnist.npz

    Example: bittrue train --model rtl --plot learning.svg

    Example: bittrue train --model rtl --data digits -o learned.json

    Exit codes: 0 done, 1 a word of the hardware differs, 2 bad input, 3 a package is missing, 130
    interrupted.
    """
    given = by_option(locals())
    if data is not None and data_option is not None:
        raise BittrueError(f"data must be named once, got {data} and {data_option}")
    source = data if data is not None else data_option
    if model not in MODELS:
        raise BittrueError(f"the model must be one of {', '.join(MODELS)}, got {model!r}")
    _refuse_strangers(model, source, given)
    sizes = _sizes(layers, source)
    if source is None or model != "golden":
        _beside(source, model, sizes, given)
    else:
        train_golden(source, sizes, given, _activation(given["activation"]))


def _refuse_strangers(model: str, source: str | None, given: Mapping[str, Any]) -> None:
    """Refuse options of models that are not asked for."""
    golden, bench = model == "golden", source is None
    rules = (
        (IN_FLOATS, not golden or bench, "--model golden and data"),
        (ON_CODES, golden, "--model fixed or rtl"),
        (OVER_STEPS, golden and not bench, "--model fixed or rtl"),
        (IN_GATES, model != "rtl", "--model rtl"),
        (OF_DATA, bench, "data"),
    )
    what = f"--model {model} and {'the test bench' if bench else source}"
    for name, least in LEAST.items():
        if given.get(name, least) < least:
            raise BittrueError(f"{name} must be at least {least}, got {given[name]}")
    for names, strange, wanted in rules:
        for name in names:
            if strange and name in given:
                option = name.replace("_", "-")
                raise BittrueError(f"--{option} must come with {wanted}, got {what}")


def _beside(source: str | None, model: str, sizes: list[int], given: Mapping[str, Any]) -> None:
    """Train golden and fixed model, and hardware where it is asked for, and compare."""
    output, plot, junit_xml = (given.get(name) for name in ("output", "plot", "junit_xml"))
    suffix = ".npz" if model == "golden" else ".json"
    suffixes: dict[str, tuple[str, ...]] = {"output": (suffix,), "plot": (".svg",)}
    check_targets(suffixes, output=output, plot=plot, junit_xml=junit_xml)
    plan = _plan(source, model, sizes, given)
    lane = _lane(given) if model == "rtl" else None
    with progress("teaching", shown=not given["json"]) as told:
        taught = teach(plan, lane, told)
    if output is not None:
        if model == "golden":
            save_golden(taught.golden, output)
        else:
            taught.result.learned.save(output)
        say(f"bittrue: wrote {output}")
    if plot is not None:
        write_whole(plot, trajectories_figure(taught))
        say(f"bittrue: wrote {plot}")
    if junit_xml is not None:
        write_whole(junit_xml, training_xml(taught.result, plan.seed))
    if given["json"]:
        typer.echo(dump_json(to_json(taught)), nl=False)
    else:
        print_on(console(), taught)
    if not taught.result.passed:
        raise typer.Exit(1)


def _plan(source: str | None, model: str, sizes: list[int], given: Mapping[str, Any]) -> Plan:
    bench = source is None
    activation = _activation(given["activation"])
    curve = ("fit" if bench else "plan") if activation == "sigmoid" else None
    course = Course(
        source or BENCH,
        tuple(sizes),
        given.get("learning_rate", BENCH_RATE if bench else CODES_RATE),
        given.get("epochs", 1),
        given["rule"],
        curve,
        32 if curve == "fit" and "curve" not in given else None,
        activation=activation,
        biases=given["biases"],
    )
    return Plan(
        model,
        course,
        given.get("width", WIDTH),
        given.get("update_rounding", STOCHASTIC),
        {name: given[name] for name in TYPES_AND_CURVES if name in given},
        given.get("lfsr_seed"),
        given["seed"],
        given.get("steps"),
        given.get("every"),
        given.get("held_out"),
    )


def _lane(given: Mapping[str, Any]) -> Lane:
    folding = {
        name: one_a_layer(lanes(name, given[name])) for name in ("pe", "simd") if name in given
    }
    stalls = given.get("stalls", 0.0)
    if not 0 <= stalls < 1:
        raise BittrueError(f"stalls must be a probability from 0 to below 1, got {stalls}")
    return Lane(engine=given.get("engine", "auto"), stalls=stalls, **folding)


def _activation(text: str) -> str | tuple[str, ...]:
    """Return an activation for all layers, or one a layer where there are commas."""
    names = tuple(text.split(","))
    return names if len(names) > 1 else names[0]


def _sizes(text: str | None, source: str | None) -> list[int]:
    if text is None:
        known = USUAL_SIZES.get(source)
        if known is None:
            raise BittrueError(f"layers must be named for {source}, as in --layers 784,200,10")
        return list(known)
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError:
        sizes = []
    if len(sizes) < 2 or min(sizes) < 1:
        raise BittrueError(f"layers must be sizes of at least 1 like 784,200,10, got {text!r}")
    if source is None and (sizes[0], sizes[-1]) != (3, 3):
        raise BittrueError(f"layers of the test bench must have 3 inputs and 3 outputs, got {text}")
    return sizes
