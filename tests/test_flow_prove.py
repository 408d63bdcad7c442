"""The command ``bittrue prove``: verdicts, what it refuses, what a counterexample is for."""

import json
import sys
import xml.etree.ElementTree as ElementTree
from contextlib import contextmanager

import numpy as np
import planted
import pytest
from designs import drawn_design

from bittrue.flow import prove as command
from bittrue.hdl.machine import Machine
from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError
from bittrue.model.learner import learning
from bittrue.model.modes import Rounding
from bittrue.sim import trial
from bittrue.sim.claims import GROUPS
from bittrue.sim.lessons import Lesson, compare_lessons, expect, teach
from bittrue.sim.mutate_vectors import read_lessons, read_sessions

FOLDED = ("--pe", "2", "--simd", "3")
EIGHT = ("--format", "fxp-s8/4", *FOLDED)


def test_the_network_is_proven(run):
    code, out, err = run("prove", "--claims", "network", *EIGHT)
    assert code == 0
    assert "proven" in out
    assert "network 3-3-3, PE [2, 2], SIMD [3, 3], all inputs, all weights" in out
    assert out.endswith("1 of 1 claims proven\n")
    assert err == ""


def test_weights_of_the_design_as_json_and_junit(run):
    words = ("--claims", "network", "--weights", "design", "--json", "--junit-xml", "run.xml")
    code, out, _ = run("prove", *EIGHT, *words)
    assert code == 0
    tree = json.loads(out)
    assert tree["schema"] == "bittrue.prove/1"
    assert tree["proven"] is True
    [claim] = tree["claims"]
    assert claim["claim"].endswith("all inputs, the given weights")
    assert claim["status"] == "proven"
    assert tree["machine"]["pe"] == [2, 2]
    assert tree["solver"].startswith("bitwuzla ")
    suite = ElementTree.parse("run.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("1", "0")
    assert suite.find("testcase").get("name") == claim["claim"]


@pytest.fixture
def small(tmp_path):
    """Return the name of a file with a design of one layer."""
    path = tmp_path / "small.json"
    drawn_design(0, (2, 1)).save(path)
    return str(path)


@pytest.mark.parametrize(
    ("group", "count", "words"),
    [
        pytest.param("modes", 28, "requantize fxp-s17/8 to fxp-s8/4,", marks=pytest.mark.long),
        ("units", 7, "curve plan, fxp-s8/4 to fxp-s8/4"),
        ("network", 1, "network 2-1, PE [1], SIMD [1], all inputs, all weights"),
        ("streams", 5, "layer 0 stands still while its output waits, and only then"),
        ("training", 1, "2 steps of 2-1, PE [1], SIMD [1], updates TRN, all inputs and targets, "),
    ],
)
def test_every_group_of_claims(run, small, group, count, words):
    more = ("--update-rounding", "TRN", "--learning-rate", "0.25") if group == "training" else ()
    code, out, err = run("prove", "--claims", group, "--design", small, *more, "--json")
    tree = json.loads(out)
    claims = [claim["claim"] for claim in tree["claims"]]
    assert (code, err, tree["proven"]) == (0, "", True)
    assert len(claims) == count
    assert any(claim.startswith(words) for claim in claims), claims


def test_every_group_is_asked_for():
    [mark] = test_every_group_of_claims.pytestmark
    assert {getattr(case, "values", case)[0] for case in mark.args[1]} == set(GROUPS)


def test_every_claim_is_told_before_it_is_decided(run, monkeypatch, small):
    told = []

    @contextmanager
    def heard(task, *, shown=True):
        assert (task, shown) == ("proving", True)
        yield lambda done, total, note="": told.append((done, total, note))

    monkeypatch.setattr(command, "progress", heard)
    assert run("prove", "--claims", "units", "--design", small)[0] == 0
    names = ("requantizer 0", "curve 0", "facts of curve 0", "neuron 0", "")
    assert told == [(done, 4, name) for done, name in enumerate(names)]


def test_a_counterexample_is_a_ready_test_vector(run, monkeypatch, tmp_path):
    """It shows the fault in another command, on the words of every stage."""
    planted.plant(monkeypatch, planted.LAST_SEGMENT)
    words = ("--claims", "network", "--counterexamples", "found", "--junit-xml", "run.xml")
    code, out, err = run("prove", *FOLDED, *words)
    assert code == 1
    assert "refuted: network 3-3-3" in out
    assert "replayed: sample " in out
    assert out.endswith("0 of 1 claims proven\n")
    assert err == "bittrue: wrote 1 counterexamples to found\n"
    found = tmp_path / "found"
    assert sorted(p.name for p in found.iterdir()) == ["1.design.json", "1.json", "network.vcd"]
    vector = json.loads((found / "1.json").read_text())
    assert vector["schema"] == "bittrue.vector/1"
    assert vector["replay"]["expected"] != vector["replay"]["actual"]
    assert vector["stimulus"][0]["rst"] == 1
    design = Design.load(found / "1.design.json")
    assert vector["design"] == design.digest
    [session] = read_sessions(found / "1.json", design)
    assert session.codes.shape == (2, 3)
    assert session.weights == design.weights
    failure = ElementTree.parse("run.xml").getroot().find("testcase/failure")
    assert failure.get("message") == "refuted"
    assert failure.text.startswith("sample ")
    again = (
        "verify",
        "--design",
        "found/1.design.json",
        "--vectors",
        "found/1.json",
        "--no-ports",
        "--json",
    )
    code, out, _ = run(*again, "--queries", "1", *FOLDED)
    assert code == 1
    assert json.loads(out)["first_divergence"] is not None


@pytest.mark.parametrize(
    ("group", "fault", "waves"),
    [
        ("units", planted.REQUANTIZE[0], "requantizer-0.vcd"),
        ("streams", planted.STALLS[3], "stalls-0.vcd"),
    ],
)
def test_a_counterexample_of_a_part_is_its_words(
    run, monkeypatch, tmp_path, small, group, fault, waves
):
    planted.plant(monkeypatch, fault)
    code, out, _ = run("prove", "--design", small, "--claims", group, "--counterexamples", ".")
    assert code == 1
    assert "refuted: " in out
    assert (tmp_path / waves).stat().st_size > 500
    vector = json.loads((tmp_path / "1.json").read_text())
    assert vector["replay"]["cycle"] >= 0
    assert len(vector["stimulus"]) > vector["replay"]["cycle"]
    assert all(isinstance(word, int) for step in vector["stimulus"] for word in step.values())
    assert not list(tmp_path.glob("*.design.json"))


def test_a_counterexample_of_training_is_a_lesson(run, monkeypatch, tmp_path, small):
    """Weights, samples and targets: the machine learns something else from them."""
    [fault] = [f for f in planted.TRAINING if f.name == "the largest error wraps around"]
    asked = ("prove", "--design", small, "--claims", "training")
    with monkeypatch.context() as patch:
        planted.plant(patch, fault)
        code, out, _ = run(*asked, "--counterexamples", ".")
        assert code == 1
        assert "replayed: " in out
        assert (tmp_path / "training.vcd").stat().st_size > 1000
        design = Design.load("1.design.json")
        [found] = read_lessons(tmp_path / "1.json", design)
        assert found.weights == design.weights
        assert (found.codes.shape, found.targets.shape) == ((2, 2), (2, 1))
        lessons = [Lesson(found.codes, found.targets, np.ones(2, dtype=np.int64))]
        machine, expected = Machine(design.shape, trainer=True), expect(design, lessons)
        learned = teach(machine, found.weights, lessons)
        assert compare_lessons(machine, lessons, expected, learned).differing
    learned = teach(machine, found.weights, lessons)
    assert compare_lessons(machine, lessons, expected, learned).differing == 0
    code, _, err = run("verify", "--design", "1.design.json", "--vectors", "1.json")
    assert code == 2
    assert err.endswith("bittrue: 1.json must have a session at least, got none\n")
    vector = json.loads((tmp_path / "1.json").read_text())
    vector["lessons"][0]["targets"] = [[1, 2], [3, 4]]
    (tmp_path / "2.json").write_text(json.dumps(vector))
    message = r"^targets must be 1 codes for each of 2 samples, got shape \(2, 2\)$"
    with pytest.raises(BittrueError, match=message):
        read_lessons(tmp_path / "2.json", design)
    with pytest.raises(BittrueError, match=r"must hold vectors of this network, got KeyError"):
        del vector["lessons"][0]["targets"]
        (tmp_path / "2.json").write_text(json.dumps(vector))
        read_lessons(tmp_path / "2.json", design)
    (tmp_path / "3.json").write_text("{}")
    with pytest.raises(BittrueError, match=r"3\.json must have a lesson at least, got none$"):
        read_lessons(tmp_path / "3.json", design)


def test_the_same_vector_passes_without_the_fault(run, monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        planted.plant(patch, planted.LAST_SEGMENT)
        run("prove", *FOLDED, "--claims", "network", "--counterexamples", ".")
    code, out, _ = run("verify", "--design", "1.design.json", "--vectors", "1.json", "--no-ports")
    assert code == 0
    assert "0 differ" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--claims", "all"), f"a claim must be one of {', '.join(GROUPS)}, got 'all'"),
        (("--claims", "units,"), f"a claim must be one of {', '.join(GROUPS)}, got ''"),
        (("--weights", "mine"), "the weights must be all or design, got 'mine'"),
        (
            ("--learning-rate", "0.1"),
            "a learning rate and a rounding of updates must be for the claim training, got "
            "units, network, streams",
        ),
        (
            ("--claims", "training", "--learning-rate", "0"),
            "the learning rate must become a code above 0 of fxp-u16/16, got 0: the smallest is "
            "1.52588e-05",
        ),
        (("--claims", "training", "--update-rounding", "UP"), None),
        (("--claims", "training", "--curve", "step"), None),
        (("--pe", "0"), None),
        (("--design", "none.json"), None),
        (("-o", "nowhere/proof.txt"), None),
    ],
)
def test_bad_input(run, words, message):
    code, out, err = run("prove", *words)
    assert code == 2
    assert out == ""
    assert err.startswith("bittrue: ")
    assert err.count("\n") == 1
    assert message is None or err == f"bittrue: {message}\n"


def test_a_design_that_says_how_it_learns_is_taken_as_it_is(run, monkeypatch):
    design = learning(drawn_design(0, (2, 1)), 0.25, rounding=Rounding.RND_ZERO)
    design.save("taught.json")
    asked = ("prove", "--design", "taught.json", "--claims", "training")
    code, out, _ = run(*asked, "--json")
    assert code == 0
    [claim] = json.loads(out)["claims"]
    assert "2 steps of 2-1, PE [1], SIMD [1], updates RND_ZERO, all inputs" in claim["claim"]
    assert json.loads(out)["design"] == design.digest
    code, _, err = run(*asked, "--learning-rate", "0.1")
    assert code == 2
    assert err == (
        "bittrue: a design that says how it learns must be taken as it is, got a learning rate or "
        "a rounding of updates beside it\n"
    )


def test_without_the_solver(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "bitwuzla", None)
    code, out, err = run("prove")
    assert (code, out) == (3, "")
    assert err == (
        "bittrue: bitwuzla must be installed for proofs, got none: pip install 'bittrue[prove]'\n"
    )


def test_an_interrupt_leaves_with_130(run, monkeypatch):
    def interrupted(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "claims_of", interrupted)
    code, _, _ = run("prove", "--claims", "network")
    assert code == 130


def test_formats_too_wide_are_refused(run):
    code, _, err = run("prove", "--format", "fxp-s40/20")
    assert code == 2
    assert "63 bits" in err


def test_what_is_undecided_is_no_success(run, monkeypatch):
    monkeypatch.setattr(trial, "Solver", lambda: Timid())
    code, out, _ = run("prove", "--claims", "network", *FOLDED)
    assert code == 1
    assert "unknown: network 3-3-3" in out, out


class Timid:
    """A solver that never answers in time."""

    asked = 0

    def differ(self, a, b, *, within=None):
        raise TimeoutError


def test_help_names_the_claims(run):
    code, out, _ = run("prove", "--help")
    assert code == 0
    for word in (*GROUPS, "--weights", "--counterexamples", "--junit-xml"):
        assert word in out
