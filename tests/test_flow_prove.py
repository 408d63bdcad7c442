"""The command ``bittrue prove``: verdicts, what it refuses, what a counterexample is for."""

import json
import sys
import xml.etree.ElementTree as ElementTree

import planted
import pytest

from bittrue.flow import prove as command
from bittrue.model.design import Design
from bittrue.sim import trial
from bittrue.sim.claims import GROUPS
from bittrue.sim.mutate_vectors import read_sessions

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
    again = ("verify", "--design", "found/1.design.json", "--vectors", "found/1.json", "--json")
    code, out, _ = run(*again, "--queries", "1", *FOLDED)
    assert code == 1
    assert json.loads(out)["first_divergence"] is not None


def test_the_same_vector_passes_without_the_fault(run, monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        planted.plant(patch, planted.LAST_SEGMENT)
        run("prove", *FOLDED, "--claims", "network", "--counterexamples", ".")
    code, out, _ = run("verify", "--design", "1.design.json", "--vectors", "1.json")
    assert code == 0
    assert "0 differ" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--claims", "all"), f"a claim must be one of {', '.join(GROUPS)}, got 'all'"),
        (("--claims", "units,"), f"a claim must be one of {', '.join(GROUPS)}, got ''"),
        (("--weights", "mine"), "the weights must be all or design, got 'mine'"),
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
