"""Three models taught side by side on the command line: what is shown, compared and refused."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from planted import OffAtStep57

from bittrue.flow.lessons import BENCH_SAMPLE, Course, golden_of
from bittrue.flow.train_report import verdict
from bittrue.hdl import timing
from bittrue.hdl.machine import Machine
from bittrue.model.design import Design
from bittrue.model.fixed import FixedNetwork
from bittrue.model.golden_file import load_golden
from bittrue.sim.lessons import LessonComparison

pytest_plugins = ["builds"]

ROOT = Path(__file__).parents[1]
NARROW = ("--width", "8", "--curve", "plan")
RTL = ("train", "--model", "rtl", "--engine", "amaranth", *NARROW)


@pytest.fixture
def small(tmp_path):
    """Return the name of a data set of three easy classes."""
    labels = np.arange(40) % 3
    noise = np.random.default_rng(2).random((40, 3)) / 3
    np.savez(tmp_path / "small.npz", inputs=np.eye(3)[labels] * 0.6 + noise, labels=labels)
    return "small.npz"


def test_the_test_bench_in_gates_is_shown_beside_both_models(run, tmp_path):
    words = ("--steps", "6", "--stalls", "0.3", "--pe", "3", "--simd", "1,2")
    code, out, err = run(
        *RTL, *words, "--plot", "a.svg", "-o", "learned.json", "--junit-xml", "a.xml"
    )
    assert code == 0
    assert "3-3-3 on the 3-3-3 test bench, 6 steps, seed 0" in out
    assert "RTL in amaranth: layer 0 with PE 3, SIMD 1, layer 1 with PE 3, SIMD 2" in out
    assert len(re.findall(r"│ \d\.\d{4} 1\.0000 \d\.\d{4} │(?: [ \d.]+ Oops! │){3}", out)) == 10
    words = 6 * (2 * 9 + 1) + 6 * 3 + (2 * 9 + 1) + 10 * 3
    last = out.splitlines()[-1]
    assert last == f"{words} words compared (all weights after every step, all outputs), 0 differ"
    assert err == "bittrue: wrote learned.json\nbittrue: wrote a.svg\n"
    figure = ElementTree.parse(tmp_path / "a.svg")
    assert figure.getroot().tag.endswith("svg")
    learned = Design.load("learned.json")
    suite = ElementTree.parse("a.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("1", "0")
    assert suite.find("testcase").get("name") == "all words of 6 steps"
    machine = Machine(learned.shape, 3, (1, 2), trainer=True)
    assert f"RTL: {timing.step(machine)} cycles a step" in out


def test_equal_training_is_drawn_alike(run, tmp_path):
    drawn = []
    for seed in ("4", "4", "5"):
        assert run("train", "--model", "fixed", *NARROW, "--seed", seed, "--plot", "a.svg")[0] == 0
        drawn.append((tmp_path / "a.svg").read_bytes())
    assert drawn[0] == drawn[1] != drawn[2]


def test_the_first_weight_that_differs_is_named_with_its_step(run, monkeypatch):
    monkeypatch.setattr("bittrue.hdl.trainer.LayerTrainer", OffAtStep57)
    code, out, _ = run(*RTL, "--steps", "58", "--json")
    tree = json.loads(out)
    assert code == 1
    assert tree["verdict"]["passed"] is False and tree["verdict"]["differing"] > 0
    fixed, rtl = (np.array(tree["models"][name]["weights"]) for name in ("fixed", "RTL"))
    assert (fixed[:57] == rtl[:57]).all()
    row = 9 + OffAtStep57.ROW
    right, wrong = fixed[57, row], rtl[57, row]
    assert wrong - right == 2**-4
    words = [f"0x{int(value * 16) & 255:02x} ({value:.10g})" for value in (right, wrong)]
    assert tree["verdict"]["first"] == (
        f"step 57, weight of layer 1, neuron 2, input 1: expected {words[0]}, actual {words[1]}"
    )


def test_a_difference_is_told_and_the_exit_code_is_1(run, monkeypatch):
    monkeypatch.setattr(OffAtStep57, "STEP", 2)
    monkeypatch.setattr("bittrue.hdl.trainer.LayerTrainer", OffAtStep57)
    code, out, _ = run(*RTL, "--steps", "4", "--junit-xml", "a.xml")
    assert code == 1
    failure = ElementTree.parse("a.xml").getroot().find("testcase/failure")
    assert failure.text.startswith("step 2, weight of layer 1, neuron 2, input 1: expected 0x")
    lines = out.splitlines()
    assert re.match(
        r"step 2, weight of layer 1, neuron 2, input 1: expected 0x.* actual 0x", lines[-2]
    )
    assert re.match(
        r"FAIL: \d+ words compared \(all weights after every step, all outputs\), [1-9]\d* differ$",
        lines[-1],
    )


def test_what_was_learned_is_saved_with_the_state_of_chance(run):
    """The saved design goes on as one that was never stopped."""
    words = ("train", "--model", "fixed", "--lfsr-seed", "77", "--seed", "3", *NARROW)
    for steps in ("30", "50"):
        assert run(*words, "--steps", steps, "-o", f"{steps}.json")[0] == 0
    first = FixedNetwork(Design.load("30.json"))
    for _ in range(20):
        first.train(*BENCH_SAMPLE)
    assert first.design.weights == Design.load("50.json").weights
    assert first.design.weights.state not in (77, None)


def test_golden_learns_the_test_bench_as_the_book_does(run):
    code, out, _ = run("train", "--seed", "5", "-o", "golden.npz", "--json")
    tree = json.loads(out)
    golden, _ = golden_of(Course("3-3-3", (3, 3, 3), 0.3), 5)
    for _ in range(100):
        golden.train(*BENCH_SAMPLE)
    assert code == 0 and list(tree["models"]) == ["golden"]
    answers = [golden.query(query).tolist() for query in tree["queries"]]
    assert np.allclose(tree["models"]["golden"]["answers"], answers, rtol=1e-14)
    saved, _ = load_golden("golden.npz")
    assert all((a == b).all() for a, b in zip(saved.weights, golden.weights, strict=True))


def test_the_committed_page_is_what_is_learned(run):
    """Outputs, queries and marks of the fixed model, as `docs/training-3-3-3.txt` has them."""
    page = (ROOT / "docs" / "training-3-3-3.txt").read_text()
    code, out, _ = run("train", "--model", "fixed")
    assert code == 0
    rows = [line.split("│")[1:4] for line in page.splitlines() if line.startswith("│")]
    shown = [line.split("│")[1:4] for line in out.splitlines() if line.startswith("│")]
    assert len(shown) > 20
    for row, (label, *cells) in zip(shown, rows, strict=True):
        assert [cell.strip() for cell in row] == [label.strip(), *(cell.strip() for cell in cells)]
    verdict = re.search(r"^(\d+) words compared .* 0 differ$", page, re.M)
    assert int(verdict[1]) == 100 * (18 + 1 + 3) + (18 + 1) + 10 * 3


def test_a_data_set_is_learned_in_gates(small, run, tmp_path):
    words = ("--layers", "3,4,3", "--steps", "20", "--every", "7", "--plot", "a.svg")
    code, out, _ = run(*RTL, "--data", small, *words)
    assert code == 0
    readings, count = 3, 2 * 12 + 1
    compared = (readings + 1) * count + (20 + 10) * 3
    verdict = f"{compared} words compared (all weights after every 7 steps, all outputs), 0 differ"
    assert out.splitlines()[-1] == verdict
    assert "accuracy on 10 held-out samples" in out
    before, after = (re.search(rf"│ +{name} (.*)", out)[1] for name in ("before", "after"))
    assert len(re.findall(r"\d\.\d{4}", before)) == len(re.findall(r"\d\.\d{4}", after)) == 3
    code, out, _ = run(
        "train", small, "--model", "fixed", *NARROW, *words[:2], "--epochs", "9", "--json"
    )
    tree = json.loads(out)
    assert code == 0 and tree["steps"] == 9 * 30
    assert tree["accuracy"]["fixed"] > tree["accuracy_before"]["fixed"]


@pytest.mark.parametrize("option", ["--update-rounding=RND_CONV", "--rule=gradient", "--biases"])
def test_ways_to_learn_are_those_of_the_hardware_too(option, run):
    code, out, _ = run(*RTL, option, "--steps", "3", "--learning-rate", "0.25")
    assert code == 0 and out.endswith(", 0 differ\n")


def test_a_verdict_that_fails_says_so_first():
    line = verdict(LessonComparison(10, 2, None), 5)
    assert (
        line == "FAIL: 10 words compared (all weights after every 5 steps, all outputs), 2 differ"
    )


def test_a_missing_compiler(run, monkeypatch, tmp_path, empty_cache):
    """It is said which one; unless it was asked for, Amaranth simulates."""
    monkeypatch.setenv("CXX", "no-such-compiler")
    words = ("train", "--model", "rtl", *NARROW, "--steps", "2")
    code, out, err = run(*words, "--engine", "cxxrtl", "-o", "a.json")
    assert (code, out) == (3, "") and not (tmp_path / "a.json").exists()
    missing = err.strip()
    code, out, err = run(*words)
    assert code == 0 and "RTL in amaranth" in out
    assert (
        err == f"{missing.replace('bittrue: ', 'bittrue: note: ')}; Amaranth's simulator is used\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--model", "gates"), "the model must be one of golden, fixed, rtl, got 'gates'"),
        (
            ("--model", "rtl", "--learning-rate", "1e-9"),
            "the learning rate must become a code above 0 of fxp-u16/16, got 1e-09: the smallest "
            "is 1.52588e-05",
        ),
        (
            ("--model", "rtl", "--lfsr-seed", "0"),
            "the state of the shift register must be 1 to 65535, got 0: from 0 it never moves",
        ),
        (
            ("--model", "fixed", "--activation", "step"),
            "a curve that is trained must have a slope, got step: take plan or fit",
        ),
        (
            ("--model", "rtl", "--activation", "relu", "--output-type", "fxp-u8/8"),
            "targets must be 0 to 0.996094, the range of fxp-u8/8, got 1",
        ),
        (
            ("--model", "rtl", "--format", "fxp-s40/30", "--curve", "plan"),
            "every intermediate must fit 63 bits, this one needs 81",
        ),
        (("--model", "rtl", "--update-rounding", "UP"), "rounding mode must be one of TRN, "),
        (
            ("--model", "rtl", "--engine", "icarus"),
            "engine must be one of amaranth, cxxrtl, verilator, or auto, where weights are read "
            "back, got 'icarus'",
        ),
        (("--model", "rtl", "--stalls", "1"), "stalls must be a probability from 0 to below 1, "),
        (("--model", "fixed", "--steps", "0"), "steps must be at least 1, got 0"),
        (("--model", "rtl", "--pe", "0"), "pe must be an integer of at least 1, got 0"),
        (
            ("--model", "rtl", "--layers", "4,3"),
            "layers of the test bench must have 3 inputs and 3 outputs, got 4,3",
        ),
        (
            ("--model", "fixed", "--pe", "2"),
            "--pe must come with --model rtl, got --model fixed and the test bench",
        ),
        (
            ("--width", "8"),
            "--width must come with --model fixed or rtl, got --model golden and the test bench",
        ),
        (
            ("--model", "rtl", "--batch", "2"),
            "--batch must come with --model golden and data, got --model rtl and the test bench",
        ),
        (("--epochs", "2"), "--epochs must come with data, got --model golden and the test bench"),
        (
            ("small.csv", "--data", "digits"),
            "data must be named once, got small.csv and digits",
        ),
        (
            ("--model", "fixed", "--data", "small.csv"),
            "layers must be named for small.csv, as in --layers 784,200,10",
        ),
    ],
)
def test_bad_input(words, message, run, tmp_path):
    code, out, err = run(
        "train", *words, "-o", "out.json" if "--model" in words else "out.npz", "--plot", "a.svg"
    )
    assert (code, out) == (2, "")
    assert err.startswith(f"bittrue: {message}") and len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.needs("c++")
@pytest.mark.long
@pytest.mark.parametrize("engine", ["cxxrtl", "verilator"])
@pytest.mark.usefixtures("builds")
def test_a_hundred_steps_in_each_compiled_engine(engine, run):
    words = ("train", "--model", "rtl", "--engine", engine, "--stalls", "0.3", "--pe", "3")
    code, out, _ = run(*words)
    assert code == 0 and f"RTL in {engine}" in out
    assert out.splitlines()[-1].startswith("2249 words compared") and "0 differ" in out
