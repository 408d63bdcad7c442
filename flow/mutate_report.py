"""What a run of mutants looks like: a table by component, survivors, JSON and JUnit XML."""

import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from rich.console import Console

from bittrue.hdl.machine import Machine
from bittrue.sim.mutants import full_yosys
from bittrue.sim.mutate import EQUIVALENT, KILLED, UNKNOWN, Outcome

from .tables import bare_table, versions

SCHEMA = "bittrue.mutate/1"
SHOWN = 12
"""Survivors that are listed."""


class About(NamedTuple):
    """What a run was asked.

    Members
    -------
    seed : int
        Of the draw.
    component : str or None
        Where mutants were drawn.
    floor : float
        Percent of mutants that must be killed or proven equivalent.
    machine : Machine
        What has the faults.
    there : int
        Mutants that there are.
    cycles : int
        Of the regression.
    """

    seed: int
    component: str | None
    floor: float
    machine: Machine
    there: int
    cycles: int


def share(outcomes: Sequence[Outcome]) -> float:
    """Return the percentage that is killed or proven equivalent; unknown counts as alive."""
    if not outcomes:
        return 100.0
    return 100.0 * sum(outcome.verdict != UNKNOWN for outcome in outcomes) / len(outcomes)


def passed(mutants: Sequence[Outcome], faults: Sequence[Outcome], floor: float) -> bool:
    """Tell whether something was judged, the floor is reached, and all named faults are killed."""
    named = all(fault.verdict == KILLED for fault in faults)
    return bool(mutants or faults) and named and share(mutants) >= floor


def verdict(mutants: Sequence[Outcome], faults: Sequence[Outcome]) -> str:
    """Return the run in one line."""
    count = Counter(outcome.verdict for outcome in mutants)
    killed = sum(fault.verdict == KILLED for fault in faults)
    named = f"; {killed} of {len(faults)} named faults killed" if faults else ""
    return (
        f"{len(mutants)} mutants: {count[KILLED]} killed, {count[EQUIVALENT]} proven equivalent, "
        f"{count[UNKNOWN]} unknown, {share(mutants):.1f} %{named}"
    )


def print_on(
    console: Console,
    mutants: Sequence[Outcome],
    faults: Sequence[Outcome],
    offers: Mapping[str, str],
    about: About,
) -> None:
    """Print the report, the verdict last."""
    if mutants:
        table = bare_table(
            f"{len(mutants)} of {about.there} mutants, seed {about.seed}, "
            f"{about.cycles} cycles of regression",
            *("component", "drawn", KILLED, EQUIVALENT, UNKNOWN),
        )
        for name in sorted({outcome.component for outcome in mutants}):
            inside = [outcome for outcome in mutants if outcome.component == name]
            count = Counter(outcome.verdict for outcome in inside)
            row = (len(inside), count[KILLED], count[EQUIVALENT], count[UNKNOWN])
            table.add_row(name, *map(str, row))
        console.print(table)
        _print_vectors(console, mutants)
    alive = [outcome for outcome in (*faults, *mutants) if outcome.verdict != KILLED]
    alive = [outcome for outcome in alive if outcome in faults or outcome.verdict == UNKNOWN]
    if alive:
        console.print("alive", style="bold")
    for outcome in alive[:SHOWN]:
        by = offers.get(outcome.name)
        console.print(f"  {outcome.what}" + (f" (killed by {by})" if by else ""), markup=False)
    if len(alive) > SHOWN:
        console.print(f"  and {len(alive) - SHOWN} more")
    console.print(verdict(mutants, faults), markup=False)


def _print_vectors(console: Console, mutants: Sequence[Outcome]) -> None:
    """Print which vectors killed how many, and at which ports."""
    table = bare_table("killed by", "vector", "mutants", "most of them at")
    by_vector: dict[str, Counter[str]] = {}
    for outcome in mutants:
        if outcome.vector:
            by_vector.setdefault(outcome.vector, Counter())[outcome.port] += 1
    for vector, ports in sorted(by_vector.items(), key=lambda item: -item[1].total()):
        table.add_row(vector, str(ports.total()), ports.most_common(1)[0][0])
    console.print(table)


def to_json(
    mutants: Sequence[Outcome],
    faults: Sequence[Outcome],
    offers: Mapping[str, str],
    about: About,
) -> dict[str, Any]:
    """Return the run as JSON."""
    return {
        "schema": SCHEMA,
        "passed": passed(mutants, faults, about.floor),
        "verdict": verdict(mutants, faults),
        "share": share(mutants),
        "floor": about.floor,
        "seed": about.seed,
        "component": about.component,
        "machine": about.machine.to_json(),
        "there": about.there,
        "cycles": about.cycles,
        "mutants": [_outcome(outcome, offers) for outcome in mutants],
        "faults": [_outcome(outcome, offers) for outcome in faults],
        "versions": {**versions(), "yosys": full_yosys()},
    }


def _outcome(outcome: Outcome, offers: Mapping[str, str]) -> dict[str, Any]:
    return {**asdict(outcome), "offered": offers.get(outcome.name)}


def to_junit(
    mutants: Sequence[Outcome],
    faults: Sequence[Outcome],
    offers: Mapping[str, str],
    about: About,
) -> str:
    """Return the run as JUnit XML: a test for the floor, and one for each named fault."""
    suite = ElementTree.Element("testsuite", name="bittrue mutate")
    cases = [("mutants", f"at least {about.floor} %", share(mutants) >= about.floor)]
    cases += [("faults", fault.name, fault.verdict == KILLED) for fault in faults]
    for group, name, good in cases:
        case = ElementTree.SubElement(
            suite, "testcase", classname=f"bittrue.mutate.{group}", name=name
        )
        if not good:
            alive = [o.what for o in mutants if o.verdict == UNKNOWN] if group == "mutants" else []
            failure = ElementTree.SubElement(case, "failure", message=verdict(mutants, faults))
            failure.text = "\n".join(alive) or "survived"
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(sum(not good for _, _, good in cases)))
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"
