"""The command ``bittrue prove``: claims about the hardware, for all inputs at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bittrue.hdl.machine import Machine
from bittrue.model.design import Design, Weights
from bittrue.model.exceptions import BittrueError
from bittrue.model.files import dump_json, write_whole
from bittrue.model.learner import learning
from bittrue.model.learning import STOCHASTIC
from bittrue.sim.claims import DEFAULT, GROUPS, claims_of
from bittrue.sim.equal import Status
from bittrue.sim.record import TaughtSession
from bittrue.sim.solver import Solver
from bittrue.sim.trial import Proof

from . import options
from .config import resolve
from .console import progress, say
from .designs import asked_design
from .junit import proofs_xml
from .lessons import rounding_named
from .options import one_a_layer
from .paths import check_targets
from .tables import bare_table, give, versions

SCHEMA = "bittrue.prove/1"
VECTOR_SCHEMA = "bittrue.vector/1"

RATE = 0.3
"""Learning rate where none is given: that of the book's test bench."""


@options.unfolded
def prove(
    network: options.Network = None,
    claims: Annotated[
        str,
        typer.Option(metavar="NAME[,NAME...]", help=f"Of {', '.join(GROUPS)}."),
    ] = ",".join(DEFAULT),
    weights: Annotated[
        str, typer.Option(metavar="NAME", help="Of the network: all there are, or the design's.")
    ] = "all",
    learning_rate: Annotated[
        float | None, typer.Option(help="With the claim training.  \\[default: 0.3]")
    ] = None,
    update_rounding: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="With it, a mode or STOCHASTIC.  \\[default: STOCHASTIC]"
        ),
    ] = None,
    seed: options.Seed = None,
    config: options.ConfigFile = None,
    *,
    formats: options.Formats,
    ranges: options.Ranges,
    curves: options.Curves,
    design: Annotated[
        Path | None,
        options.saved_design("Prove the hardware of this saved design instead of making one."),
    ] = None,
    pe: options.Lanes = None,
    simd: options.InputLanes = None,
    json: options.AsJson = False,
    output: options.Output = None,
    junit_xml: options.JunitXml = None,
    counterexamples: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where what refutes a claim is written: waveform, words, design.",
            rich_help_panel=options.RESULTS,
        ),
    ] = None,
) -> None:
    """Prove that the hardware computes what the contract says, for all inputs, not for samples.

    Example: bittrue prove --pe 3 --simd 3 --curve fit --segments 32

    The netlist is executed on formulas, from any state whatever, and each word is held against a
    specification that shares no code with the hardware or the fixed model. "network" is for all
    weights at once; --weights design takes those of the design, for networks of many inputs.
    "training" is for two steps, one behind the other, for all targets as well; the weights behind
    them are read by the load port. "streams" is for runs of any length, under any stalls.

    Exit codes: 0 all proven, 1 some refuted or undecided, 2 bad input, 3 a tool is missing,
    130 interrupted.
    """
    settings = resolve(options.given(locals()), config)
    check_targets(output=output, junit_xml=junit_xml)
    groups = [name.strip() for name in claims.split(",")]
    if weights not in ("all", "design"):
        raise BittrueError(f"the weights must be all or design, got {weights!r}")
    solver = Solver().version
    chosen = asked_design(settings, network, design)
    chosen = _taught(chosen, groups, learning_rate, update_rounding)
    machine = Machine(chosen.shape, one_a_layer(settings.pe), one_a_layer(settings.simd))
    todo = claims_of(machine, groups, chosen.weights if weights == "design" else None)
    if counterexamples is not None:
        counterexamples.mkdir(parents=True, exist_ok=True)
    proofs: list[Proof] = []
    with progress("proving", shown=not json) as told:
        for done, (name, step) in enumerate(zip(todo.names, todo.steps, strict=True)):
            told(done, len(todo.steps), name)
            proofs += step(counterexamples)
        told(len(todo.steps), len(todo.steps))
    if counterexamples is not None:
        _keep(proofs, chosen, counterexamples)
    if junit_xml:
        write_whole(junit_xml, proofs_xml(proofs, chosen.digest))
    tree = _to_json(proofs, chosen, machine, solver) if json else None
    give(lambda page: _print_on(page, proofs, chosen, machine, solver), tree, output)
    if any(proof.status is not Status.PROVEN for proof in proofs):
        raise typer.Exit(1)


def _taught(
    design: Design, groups: Sequence[str], rate: float | None, rounding: str | None
) -> Design:
    """Return a design that says how it learns, where that is asked about.

    Raises
    ------
    BittrueError
        If a rate or a rounding is given where it is of no use.
    """
    told = rate is not None or rounding is not None
    if "training" not in groups:
        if told:
            raise BittrueError(
                f"a learning rate and a rounding of updates must be for the claim training, got "
                f"{', '.join(groups)}"
            )
        return design
    if design.shape.learning is None:
        chosen = rounding_named(STOCHASTIC if rounding is None else rounding)
        return learning(design, RATE if rate is None else rate, rounding=chosen)
    if told:
        raise BittrueError(
            "a design that says how it learns must be taken as it is, got a learning rate or a "
            "rounding of updates beside it"
        )
    return design


def _keep(proofs: Sequence[Proof], design: Design, folder: Path) -> None:
    """Write what refutes claims: words of every cycle, and of a network the design as well."""
    refuted = [proof for proof in proofs if proof.status is Status.REFUTED]
    for number, proof in enumerate(refuted, 1):
        vector = {"schema": VECTOR_SCHEMA, **_proof_json(proof), "stimulus": list(proof.stimulus)}
        if proof.session is not None:
            failing = Design(design.shape, proof.session.weights)
            failing.save(folder / f"{number}.design.json")
            codes, given = proof.session.codes.tolist(), failing.weights
            session = {"name": proof.claim, "codes": codes, **_weights_json(given)}
            kind = "sessions"
            if isinstance(proof.session, TaughtSession):
                session |= {"targets": proof.session.targets.tolist(), "state": given.state}
                kind = "lessons"
            vector |= {"design": failing.digest, kind: [session]}
        write_whole(folder / f"{number}.json", dump_json(vector))
    if refuted:
        say(f"bittrue: wrote {len(refuted)} counterexamples to {folder}")


def _weights_json(weights: Weights) -> dict[str, Any]:
    """Return weights as files of vectors hold them."""
    biases = [None if b is None else b.tolist() for b in weights.biases]
    return {"weights": [w.tolist() for w in weights.weights], "biases": biases}


def _proof_json(proof: Proof) -> dict[str, Any]:
    replay = proof.replay
    return {
        "claim": proof.claim,
        "status": proof.status.value,
        "seconds": round(proof.seconds, 3),
        "words": proof.words,
        "asked": proof.asked,
        "tried": proof.tried,
        "different": proof.different,
        "replay": None if replay is None else replay._asdict(),
    }


def _to_json(
    proofs: Sequence[Proof], design: Design, machine: Machine, solver: str
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "proven": all(proof.status is Status.PROVEN for proof in proofs),
        "claims": [_proof_json(proof) for proof in proofs],
        "design": design.digest,
        "machine": {**machine.to_json(), "digest": machine.digest},
        "solver": solver,
        "versions": versions(),
    }


def _print_on(
    page: Console, proofs: Sequence[Proof], design: Design, machine: Machine, solver: str
) -> None:
    """Print a line a claim, what refutes it, and the verdict last."""
    sizes = "-".join(map(str, machine.shape.sizes))
    lanes = machine.to_json()
    page.print(
        f"design {design.digest[:12]}, {sizes}: PE {lanes['pe']}, SIMD {lanes['simd']}; {solver}\n",
        soft_wrap=True,
        markup=False,
    )
    table = bare_table("claims", "verdict", "words", "asked", "tried", "seconds")
    table.add_column("claim", justify="left", overflow="fold")
    for proof in proofs:
        counts = (proof.words, proof.asked, proof.tried)
        table.add_row(proof.status.value, *map(str, counts), f"{proof.seconds:.2f}", proof.claim)
    page.print(table)
    for proof in proofs:
        if proof.status is not Status.PROVEN:
            page.print(_story(proof), soft_wrap=True, markup=False)
    proven = sum(proof.status is Status.PROVEN for proof in proofs)
    page.print(f"{proven} of {len(proofs)} claims proven", markup=False)


def _story(proof: Proof) -> str:
    """Say what differs, and what the simulator showed."""
    lines = [f"\n{proof.status.value}: {proof.claim}", f"  {proof.different}"]
    replay = proof.replay
    if replay is not None and replay.expected is not None:
        lines.append(
            f"  replayed: {replay.name} in cycle {replay.cycle}, "
            f"expected {replay.expected:#x}, actual {replay.actual:#x}"
        )
        if replay.before:
            lines.append(f"  after {replay.before} cycles of traffic before the reset")
    elif replay is not None:
        lines.append(f"  replayed: in cycle {replay.cycle}, {replay.name}")
    elif proof.status is Status.REFUTED:
        lines.append("  not shown by the simulator, which starts from power-up")
    return "\n".join(lines)
