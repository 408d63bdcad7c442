"""What bits, modes and curves cost a network, measured, drawn and written."""

import csv
import io
import json
import os
import re
from xml.etree import ElementTree

import numpy as np
import pytest
import typer

from bittrue.flow import study_run
from bittrue.flow.data import load, split
from bittrue.flow.study import study
from bittrue.flow.study_choices import Making, choices_of
from bittrue.flow.study_points import Subject, measured_point
from bittrue.flow.study_summary import mean_of, per_bit, seeds_text, summary
from bittrue.model.budget import SOURCES
from bittrue.model.exceptions import BittrueError
from bittrue.model.golden import GoldenNetwork
from bittrue.model.golden_file import save_golden

DATA = ("--data", "digits")


@pytest.fixture
def ask(capsys, tmp_path, monkeypatch):
    """Return a call of the command, in an empty folder: standard output."""
    monkeypatch.chdir(tmp_path)
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(study)

    def call(*words):
        app(args=list(words), standalone_mode=False)
        return capsys.readouterr().out

    return call


def drawn(activation="sigmoid"):
    return GoldenNetwork(64, (12,), 10, 0.1, 3, activation=activation)


def subject(golden):
    training, asked = split(load("digits"))
    return Subject(None, golden, training.inputs, asked)


@pytest.fixture
def network(tmp_path):
    golden = drawn()
    # pre-activations reach as far as those of a trained network
    golden.weights = [4 * array for array in golden.weights]
    save_golden(golden, tmp_path / "net.npz", {})
    return "net.npz"


def test_tables_for_people(network, ask):
    out = ask(network, *DATA, "--widths", "6,8", "--roundings", "TRN,RND", "--samples", "50")
    assert re.search(r"64-12-10 on 50 held-out samples of digits: golden accuracy 0\.\d{4}", out)
    for title in (
        "fixed against golden model",
        "fit, TRN, SAT: layer by layer at 8 bits, in LSB",
        "rounding of pre-activations at 8 bits, in LSB",
        "error budget of fit, TRN, SAT: mean square error of each source alone, share of all",
    ):
        assert title in out
    assert re.search(r"fit, RND, SAT: \d\.\d\d dB a bit, 6\.02 in theory", out)
    assert re.search(r"TRN │ +0 │ +\d+ │ -0\.\d+ │ -0\.49", out)


def test_one_json_object(network, ask):
    tree = json.loads(ask(network, *DATA, "--widths", "3,10", "--curves", "plan,exact", "--json"))
    coarse, fine, *_ = tree["points"]
    assert tree["schema"] == "bittrue.study/1" and tree["published"] is None
    assert coarse["found"] is None and "too coarse for plan" in coarse["reason"]
    assert tree["config"]["curves"] == ["plan", "exact"] and tree["reference"] is None
    assert set(fine["found"]["budget"]["alone"]) == set(SOURCES)
    assert [(row["layer"], row["stage"]) for row in fine["found"]["layers"]] == [
        (layer, stage) for layer in (0, 1) for stage in ("pre-activation", "output")
    ]
    assert [line["line"] for line in tree["summary"]] == [
        "plan, RND_CONV, SAT",
        "exact, RND_CONV, SAT",
    ]
    assert tree["summary"][0]["db_per_bit"] is None


def test_a_plot_that_is_the_same_every_time(network, ask, tmp_path):
    words = (network, *DATA, "--widths", "8,10", "--segments", "9", "--roundings")
    ask(*words, "TRN,RND", "-o", "a.svg")
    ask(*words, "TRN,RND", "-o", "b.svg")
    page = (tmp_path / "a.svg").read_bytes()
    assert page == (tmp_path / "b.svg").read_bytes()
    assert ask(*words, "all", "--samples", "9", "--overflows", "all", "-o", "many.svg")
    texts = [node.text for node in ElementTree.fromstring(page).iter() if node.text]
    assert "output rounding alone: LSB²/12, 6.02 dB a bit" in texts
    assert {"layer 1, pre-activation", "sum of their powers", "curve"} <= set(texts)


@pytest.mark.filterwarnings("error")
def test_outputs_that_are_all_zero_have_no_signal(ask, tmp_path):
    golden = drawn("relu")
    golden.weights = [np.abs(golden.weights[0]), -np.abs(golden.weights[1])]
    save_golden(golden, tmp_path / "dead.npz", {})
    tree = json.loads(ask("dead.npz", *DATA, "--widths", "8,10", "--json", "-o", "dead.svg"))
    found = tree["points"][0]["found"]
    assert found["errors"]["sqnr"] is None and found["errors"]["maximum"] == 0
    assert tree["summary"][0]["db_per_bit"] is None


def lost(*_):
    """Stand for a process that is killed."""
    os._exit(1)


def test_a_process_that_is_lost_is_named(monkeypatch, ask):
    monkeypatch.setattr(study_run, "_one_seed", lost)
    with pytest.raises(BittrueError, match=r"^processes must return what they measured, got 0 of"):
        ask(*DATA, "--train", "64,10", "--seeds", "2", "-j", "2")


def test_pre_activations_may_have_a_width_of_their_own(network, ask):
    words = (network, *DATA, "--samples", "50", "--json", "--curves", "exact", "--widths")
    narrow = json.loads(ask(*words, "6"))["points"][0]["found"]
    wide = json.loads(ask(*words, "6", "--preactivation-width", "18"))["points"][0]["found"]
    too_wide = json.loads(ask(*words, "6,21", "--preactivation-width", "9"))["points"]
    assert [row["format"][:7] for row in wide["layers"]] == ["fxp-s18", "fxp-u6/"] * 2
    assert [row["format"][:7] for row in narrow["layers"]] == ["fxp-s6/", "fxp-u6/"] * 2
    assert wide["errors"]["sqnr"] > narrow["errors"]["sqnr"] + 2
    assert all(point["found"] for point in too_wide)


def test_exact_curves_of_wide_pre_activations_are_refused(network, ask):
    words = (network, *DATA, "--curves", "exact", "--widths", "6", "--preactivation-width", "21")
    with pytest.raises(BittrueError, match=r"an exact curve must have an input of at most 20 bits"):
        ask(*words)


def test_choices_from_a_file_and_over_it(network, ask, tmp_path):
    (tmp_path / "some.toml").write_text(
        'data = "digits"\ntrain = [64, 10]\nseeds = 3\nwidths = [4, 7]\ncurves = ["plan", "fit"]\n'
    )
    words = ("--config", "some.toml", "--curves", "fit", "--samples", "20", "--json")
    tree = json.loads(ask(network, *words))
    assert tree["layers"] == [64, 12, 10] and tree["seeds"] == [None]
    assert [point["width"] for point in tree["points"]] == [4, 7]
    assert {point["curve"] for point in tree["points"]} == {"fit"}
    taught = json.loads(ask(*words, "--epochs", "1", "--seeds", "1"))
    assert taught["layers"] == [64, 10] and taught["seeds"] == [0]


def test_a_key_that_is_no_setting_is_named_with_its_file(ask, tmp_path):
    (tmp_path / "some.toml").write_text("width = 8\n")
    with pytest.raises(BittrueError, match=r"^some.toml: a key must be one of data, .*'width'$"):
        ask("--config", "some.toml")
    (tmp_path / "some.toml").write_text('widths = "8"\n')
    with pytest.raises(BittrueError, match=r"^some.toml: widths must be a list of integers as in"):
        ask("--config", "some.toml")


def test_a_row_a_point_as_csv(network, ask, tmp_path):
    ask(network, *DATA, "--widths", "4,8", "--curves", "plan", "-o", "found.csv")
    coarse, fine = csv.DictReader(io.StringIO((tmp_path / "found.csv").read_text()))
    assert coarse["reason"] and not coarse["sqnr"]
    assert not fine["reason"] and float(fine["sqnr"]) > 20


def test_seeds_are_trained_and_spread_is_said(ask, tmp_path):
    words = ("--train", "64,5,10", "--seeds", "2", "--epochs", "1", "--widths", "8,12")
    out = ask(*DATA, *words, "--json", "-j", "1", "-o", "found.json")
    assert out == ask(*DATA, *words, "--json", "-j", "2")
    tree = json.loads(out)
    assert out == (tmp_path / "found.json").read_text()
    assert tree["seeds"] == [0, 1] and len(tree["points"]) == 4
    [line] = tree["summary"]
    assert line["widths"][0]["sqnr"]["standard_error"] > 0
    assert tree["golden_accuracy"][0] != tree["golden_accuracy"][1]


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_a_bit_is_worth_six_decibels(activation):
    asked = subject(drawn(activation))
    points = [
        measured_point(asked, choice, Making())
        for choice in choices_of(range(8, 15), ["RND_CONV"], ["SAT"], ["exact"])
    ]
    assert per_bit(summary(points)) == pytest.approx(6.02, abs=0.3)


def test_exact_curves_give_the_nearest_code():
    asked = subject(drawn())
    [choice] = choices_of([12], ["TRN"], ["SAT"], ["exact"])
    found = measured_point(asked, choice, Making(), budgeted=True).measured
    lsb = found.stages[-1].format.lsb
    assert found.stages[-1].format.frac == 12
    assert found.budget.alone["curve"].maximum < 3 * lsb


def test_modes_follow_their_theory():
    asked = subject(drawn())
    for choice in choices_of([9], [*["TRN", "TRN_ZERO", "RND", "RND_CONV"]], ["SAT"], ["fit"]):
        point = measured_point(asked, choice, Making(segments=32))
        for mode in point.measured.modes:
            assert mode.measured == pytest.approx(mode.theory, abs=0.03)


def test_means_and_seeds_in_words():
    assert mean_of([1.0, 3.0]) == (2.0, 1.0)
    assert np.isnan(mean_of([1.0]).error)
    assert seeds_text([4, 5, 6]) == "4 to 6"
    assert seeds_text([4, 6, 5]) == "4, 6, 5" and seeds_text([7]) == "7"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "a network or --train must be given, got neither"),
        (("net.npz", "--preactivation-width", "1"), "the command line: preactivation_width must"),
        (("net.npz", "--seeds", "2"), "seeds must come with --train, got a network that was"),
        (
            ("net.npz", "--train", "64,10"),
            "a network or --train must be given, got both: a file and 64,10",
        ),
        (("--train", "64"), "train must be at least two sizes as in 64,32,10, got \\[64\\]"),
        (("--train", "64,10", "--seeds", "0"), "seeds must be at least 1, got 0"),
        (("--train", "63,10"), "digits must have 63 inputs a sample like the network, got 64"),
        (("--train", "64,10", "--part", "x"), "the part must be one of .*, got 'x'"),
        (("net.npz", "--widths", "8,x"), "widths must be integers as in 8,10,12, got '8,x'"),
        (("net.npz", "--widths", "1"), "widths must be 2 to 63 bits, got 1"),
        (("net.npz", "--widths", "8,8"), "widths must be at least one, each once, got 2 of them"),
        (("net.npz", "--curves", "plam"), "the curve must be one of .*, exact, got 'plam'"),
        (("net.npz", "--roundings", "UP"), "rounding mode must be one of .*, got 'UP'"),
        (("net.npz", "--method", "luck"), "the method must be one of .*, got 'luck'"),
        (("net.npz", "-o", "x.png"), "--output must end in .svg or .json or .csv, got x.png"),
        (
            ("net.npz", "--widths", "3", "--curves", "plan"),
            "a study must have a point that can be made, got .* is too coarse for plan",
        ),
    ],
)
def test_bad_input_is_refused(words, message, network, ask):
    with pytest.raises(BittrueError, match=f"^{message}"):
        ask(*words, *DATA)
