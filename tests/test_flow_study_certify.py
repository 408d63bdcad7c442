"""``bittrue study --certify``: what is proven, beside what is measured, in every report."""

import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest
import typer

from bittrue.flow import study_certify
from bittrue.flow.data import load, split
from bittrue.flow.study import study
from bittrue.model.certify import certify
from bittrue.model.golden import GoldenNetwork
from bittrue.model.golden_file import save_golden
from bittrue.model.quantize import quantize
from bittrue.model.training import Samples, train_epochs

WORDS = ("net.npz", "--data", "digits", "--samples", "60", "--curves", "exact", "--certify")


@pytest.fixture
def ask(capsys, tmp_path, monkeypatch):
    """Return a call of the command, in a folder with a network: standard output."""
    monkeypatch.chdir(tmp_path)
    golden = GoldenNetwork(64, (16,), 10, 0.2, 3)
    learnt = split(load("digits"))[0]
    samples = Samples(learnt.inputs[:300], learnt.targets(10)[:300], learnt.labels[:300])
    train_epochs(golden, samples, epochs=6, rng=1)
    save_golden(golden, "net.npz", {})
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(study)

    def call(*words, code=0):
        assert (app(args=list(words), standalone_mode=False) or 0) == code
        return capsys.readouterr().out

    return call


def test_shares_and_bounds_are_shown_and_drawn(ask, tmp_path):
    widths = ("--widths", "6,8,10")
    out = ask(*WORDS, *widths, "-o", "study.svg")
    assert "answers certified to be the golden model's, share of samples" in out
    assert "what no output is further from the golden model's" in out
    assert (
        len(re.findall(r"│ +\d+ │ +\S+ │ +\S+ │ +\S+ │ +\d+, \d+ │ +\d+, \d+ │ +never", out)) == 3
    )
    tree = json.loads(ask(*WORDS, *widths, "--json"))
    assert tree["config"]["certify"] is True
    [line] = tree["certificates"]
    rows = line["widths"]
    assert [row["width"] for row in rows] == [6, 8, 10]
    for row in rows:
        assert row["measured"] <= row["bound_alike"] <= row["bound"]
        assert row["alike"] <= row["given"] <= row["agreement"]
        assert row["alike"] + row["refuted"] <= 1 and row["contradicted"] == 0
        assert row["no_overflow"] is True
        for sums in row["accumulators"]:
            assert sums["bits_needed"] <= sums["bits_given"]
    assert rows[0]["bound_alike"] > 4 * rows[1]["bound_alike"] / 2
    assert rows[2]["alike"] > rows[0]["alike"]
    found = tree["points"][1]["found"]
    assert found["certificate"]["measured"] == found["errors"]["maximum"]
    assert (
        found["certificate"]["layers"][0]["bits_needed"]
        == rows[1]["accumulators"][0]["bits_needed"]
    )
    page = ElementTree.fromstring((tmp_path / "study.svg").read_bytes())
    texts = {node.text for node in page.iter() if node.text}
    assert {"certified as given", "refuted", "bound, all inputs"} <= texts
    assert "answers certified: exact, RND_CONV, SAT" in texts


def test_nothing_is_proven_unless_asked(ask):
    tree = json.loads(ask(*WORDS[:-1], "--widths", "8", "--json"))
    assert tree["certificates"] is None and tree["points"][0]["found"]["certificate"] is None


def test_a_certificate_may_be_asked_for_in_a_file(ask, tmp_path):
    (tmp_path / "some.toml").write_text('certify = true\nwidths = [8]\ndata = "digits"\n')
    tree = json.loads(ask("net.npz", "--config", "some.toml", "--samples", "9", "--json"))
    assert tree["certificates"][0]["widths"][0]["width"] == 8


def test_why_nothing_is_proven_is_said(ask, monkeypatch):
    golden = GoldenNetwork(64, (4,), 10, 0.1, 3, activation=["exp", "sigmoid"])
    golden.weights = [100 * np.abs(golden.weights[0]), golden.weights[1]]
    types = {"format": "fxp-s16/4", "weight_type": "fxp-s20/4"}
    found = study_certify.certified(
        golden, quantize(golden, curve="step", **types), load("digits").inputs[:2]
    )
    assert found.reason.startswith("bounds must be finite, got some in layer 0 that")
    assert found.to_json()["bound"] is None and found.to_json()["reason"] == found.reason
    monkeypatch.setattr("bittrue.flow.study_points.certified", lambda *_: found)
    out = ask(*WORDS, "--widths", "8", "-o", "study.svg")
    assert f"not certified: {found.reason}" in out


def test_what_is_contradicted_is_an_error(ask, monkeypatch):
    def disagreeing(golden, design, inputs):
        found = certify(golden, design, inputs)
        return type(found)(**{**vars(found), "agrees": np.zeros_like(found.agrees)})

    monkeypatch.setattr(study_certify, "certify", disagreeing)
    tree = json.loads(ask(*WORDS, "--widths", "10", "--json", code=1))
    assert tree["certificates"][0]["widths"][0]["contradicted"] > 50
