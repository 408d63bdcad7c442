"""The command ``bittrue mutate``: plant faults, and see whether the regression finds them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from bittrue.hdl.machine import Machine
from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError
from bittrue.model.files import write_whole
from bittrue.sim import testbench
from bittrue.sim.mutants import Flat, Mutant, draw, flat_of, full_yosys
from bittrue.sim.mutate import UNKNOWN, Outcome, judge_faults, judge_mutants
from bittrue.sim.mutate_vectors import as_text as vectors_text
from bittrue.sim.mutate_vectors import offered, read_vectors
from bittrue.sim.scenarios import regression
from bittrue.sim.script import Script
from bittrue.sim.shipped import shipped

from . import mutate_report, options
from .config import Settings, resolve
from .console import progress, say
from .designs import made_design, refuse_choices
from .mutate_store import OutcomeFile
from .options import one_a_layer
from .paths import check_targets
from .tables import give

QUERIES = 10
"""As many as ``bittrue verify`` asks."""

OFFERS = 4
"""Other seeds that are tried for vectors that kill what survives."""


class Judged(NamedTuple):
    """What became of all faults.

    Members
    -------
    mutants, faults : list of Outcome
        Of the netlist, and named ones.
    offers : dict
        Vectors that kill more, as JSON: by the seed that they are drawn with.
    killed_by_offers : dict from str to str
        Which vector would kill a mutant that survives.
    """

    mutants: list[Outcome]
    faults: list[Outcome]
    offers: dict[str, Any]
    killed_by_offers: dict[str, str]


def mutate(
    mutants: Annotated[int, typer.Option(min=0, help="Faults of the netlist.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the draw of mutants.")] = 0,
    faults: Annotated[bool, typer.Option(help="Named faults of the source too.")] = True,
    component: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only mutants in this component and below it."),
    ] = None,
    vectors: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Judge these vectors (.csv of codes, .json) instead of ours."
        ),
    ] = None,
    design: Annotated[
        Path | None, options.saved_design("This saved design instead of the 3-3-3 one.")
    ] = None,
    format: options.AnyFormat = None,
    curve: options.CurveName = None,
    segments: options.Segments = None,
    pe: options.Lanes = None,
    simd: options.InputLanes = None,
    seconds: Annotated[
        float, typer.Option(min=0.0, metavar="S", help="For the proof of one survivor.")
    ] = 20.0,
    jobs: Annotated[
        int | None,
        typer.Option("-j", "--jobs", min=1, metavar="N", help="Processes.  \\[default: all cores]"),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keeps what is known; a run goes on from it."),
    ] = None,
    floor: Annotated[
        float, typer.Option(min=0.0, max=100.0, help="Least share of mutants, in percent.")
    ] = 99.5,
    json: options.AsJson = False,
    output: options.Output = None,
    junit_xml: options.JunitXml = None,
    offer: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json",
            help="Vectors that kill survivors, for --vectors.",
            rich_help_panel=options.RESULTS,
        ),
    ] = None,
) -> None:
    """Plant faults in the hardware, and see whether the regression finds each of them.

    Mutants of the netlist are drawn component by component, and run through the regression of
    bittrue verify, many at once. Each is killed, by a vector; or proven equivalent; or unknown,
    which counts as alive. Named faults of the source must all be killed.

    Exit codes: 0 the floor is reached, 1 it is not, 2 bad input, 3 a tool is missing, 130
    interrupted.
    """
    settings = resolve(options.given(locals() | {"seed": None, "jobs": None}), None)
    check_targets(
        {"offer": (".json",)},
        output=output,
        junit_xml=junit_xml,
        store=store,
        offer=offer,
    )
    full_yosys()
    known = OutcomeFile(store) if store else None
    fixed, machine = _machine(settings, design)
    script = read_vectors(vectors, fixed, machine) if vectors else _shipped(fixed, machine)
    flat = flat_of(machine)
    drawn = draw(_within(flat.mutants, component), mutants, seed)
    count = jobs or os.cpu_count() or 1
    with progress("mutants", shown=not json) as told:
        judged = judge_mutants(
            flat, drawn, script, jobs=count, seconds=seconds, store=known, progress=told
        )
    named: list[Outcome] = []
    if faults:
        with progress("named faults", shown=not json) as told:
            named = judge_faults(machine, script, jobs=count, progress=told)
    alive = [m for m, o in zip(drawn, judged, strict=True) if o.verdict == UNKNOWN]
    offers, would = _offers(flat, alive, fixed, machine) if alive else ({}, {})
    result = Judged(judged, named, offers, would)
    if offer and offers:
        write_whole(offer, vectors_text(offers))
        say(f"bittrue: wrote {offer}")
    about = mutate_report.About(seed, component, floor, machine, len(flat.mutants), script.cycles)
    _show(result, about, json=json, output=output, junit_xml=junit_xml)
    if not mutate_report.passed(result.mutants, result.faults, floor):
        raise typer.Exit(1)


def _machine(settings: Settings, design: Path | None) -> tuple[Design, Machine]:
    """Return the design, and the machine that ``bittrue verify`` builds for it."""
    if design is not None:
        refuse_choices(settings)
        fixed = Design.load(design)
    else:
        golden = testbench.train_333(0)
        inputs = testbench.query_inputs(0, settings.queries, golden.sizes[0])
        fixed, _ = made_design(settings, golden, inputs)
    pe, simd = one_a_layer(settings.pe), one_a_layer(settings.simd)
    return fixed, Machine(fixed.shape, pe, simd, counters="full", trace=True)


def _shipped(design: Design, machine: Machine) -> Script:
    """Return the regression of ``bittrue verify``, with its defaults."""
    return shipped(design, machine, testbench.query_inputs(0, QUERIES, design.shape.sizes[0]))


def _within(mutants: Sequence[Mutant], component: str | None) -> list[Mutant]:
    if component is None:
        return list(mutants)
    found = [m for m in mutants if f"{m.component}.".startswith(f"{component}.")]
    if not found:
        names = sorted({mutant.component for mutant in mutants})
        raise BittrueError(f"component must be one of {', '.join(names)}, got {component!r}")
    return found


def _offers(
    flat: Flat, alive: Sequence[Mutant], design: Design, machine: Machine
) -> tuple[dict[str, Any], dict[str, str]]:
    """Try regressions drawn otherwise; return vectors that kill more, and what would be killed."""
    left = list(alive)
    offers: list[Any] = []
    would: dict[str, str] = {}
    for seed in range(1, OFFERS + 1):
        script = regression({}, machine, seed=seed)
        outcomes = judge_mutants(flat, left, script, seconds=0)
        killed = {o.name: o.vector for o in outcomes if o.vector}
        if killed:
            would |= {name: f"{vector}, seed {seed}" for name, vector in killed.items()}
            offers += offered(script, machine, sorted(set(killed.values())))["vectors"]
            left = [mutant for mutant in left if mutant.key not in killed]
        if not left:
            break
    return ({"vectors": offers} if offers else {}), would


def _show(
    result: Judged,
    about: mutate_report.About,
    *,
    json: bool,
    output: Path | None,
    junit_xml: Path | None,
) -> None:
    given = (result.mutants, result.faults, result.killed_by_offers, about)
    if junit_xml:
        write_whole(junit_xml, mutate_report.to_junit(*given))
    give(
        lambda page: mutate_report.print_on(page, *given),
        mutate_report.to_json(*given) if json else None,
        output,
        verdict=mutate_report.verdict(*given[:2]),
    )
