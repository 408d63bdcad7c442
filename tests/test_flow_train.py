"""Trained, quantized, asked and verified on the command line, on a data set that is small."""

import csv
import json
import re

import numpy as np
import pytest

from bittrue.model.design import Design
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import decode
from bittrue.model.golden_file import load_golden

SAMPLES, INPUTS, CLASSES = 80, 6, 3


@pytest.fixture
def small(tmp_path):
    """Return the name of a data set of three easy classes."""
    rng = np.random.default_rng(2)
    labels = np.arange(SAMPLES) % CLASSES
    inputs = np.clip(
        np.eye(CLASSES).repeat(2, axis=1)[labels] * 0.6 + rng.random((SAMPLES, 6)) / 3, 0, 1
    )
    np.savez(tmp_path / "small.npz", inputs=inputs, labels=labels)
    return "small.npz"


@pytest.fixture
def network(small, run):
    """Return the name of a network trained on it, and the command line."""
    code, _, err = run("train", small, "--layers", "6,4,3", "--epochs", "20", "-o", "net.npz")
    assert (code, err) == (0, "bittrue: wrote net.npz\n")
    return "net.npz"


def test_training_shows_epochs_and_says_what_was_reached(small, run):
    code, out, _ = run("train", small, "--layers", "6,4,3", "--epochs", "3")
    assert code == 0
    assert re.search(r"│ +3 │ +0\.\d+ │ +\d\.\d+ │", out)
    assert re.search(r"6-4-3 on small.*, seed 0: \d\.\d{4} of 20 held-out samples right", out)
    assert load_golden("small-6-4-3.npz")[0].sizes == (6, 4, 3)


def test_training_as_json(small, run):
    words = ("--layers", "6,5,4,3", "--activation", "relu,tanh,sigmoid", "--biases", "--batch", "7")
    more = ("--rule", "gradient", "--patience", "1", "--epochs", "900", "--learning-rate", "3")
    code, out, _ = run("train", small, *words, *more, "--seed", "3", "-o", "net.npz", "--json")
    tree = json.loads(out)
    golden, training = load_golden("net.npz")
    assert code == 0 and len(tree["history"]) < 900
    assert golden.biases is not None and golden.rule == "gradient"
    assert [known.name for known in golden.activations] == ["relu", "tanh", "sigmoid"]
    assert training["accuracy"] == tree["accuracy"]
    assert (tree["seed"], tree["held_out"], tree["layers"]) == (3, 20, [6, 5, 4, 3])


def test_equal_seeds_give_equal_files(small, run, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(
            "train",
            small,
            "--layers",
            "6,3",
            "--epochs",
            "2",
            "--seed",
            str(seed),
            "-o",
            f"{name}.npz",
        )
    a, b, c = ((tmp_path / f"{name}.npz").read_bytes() for name in "abc")
    assert a == b != c


def test_quantize_shows_and_saves(network, small, run):
    words = ("--data", small, "--width", "8", "-o", "net.json")
    code, out, err = run("quantize", network, *words)
    assert (code, err) == (0, "bittrue: wrote net.json\n")
    assert re.search(r"│ +1 │ pre-activation │ +fxp-s8/\d │", out)
    assert "these weights use" in out
    design = Design.load("net.json")
    assert {layer.weight.format.width for layer in design.shape.layers} == {8}
    assert f"design {design.digest[:12]}, 6-4-3" in out


def test_quantize_as_json(network, small, run):
    methods = {}
    for method in ("observed", "l1", "worst-case"):
        words = ("--width", "10", "--method", method, "--margin", "0.1", "--json")
        code, out, _ = run("quantize", network, "--data", small, *words)
        assert code == 0
        methods[method] = json.loads(out)
    tensors = methods["observed"]["tensors"]
    assert [row["tensor"] for row in tensors if row["layer"] == 1] == [
        *("weight", "accumulator", "pre-activation", "output")
    ]
    assert all(row["bits_given"] >= 0 for row in tensors)
    assert methods["l1"]["config"]["method"] == "l1"


@pytest.mark.parametrize("model", ["golden", "fixed", "rtl"])
@pytest.mark.parametrize("suffix", ["npz", "csv", "json"])
def test_run_saves_codes_and_values(model, suffix, network, small, run):
    words = ("--data", small, "--model", model, "--width", "8", "--pe", "2", "--part", "all")
    words += ("--engine", "amaranth", "--jobs", "1")
    code, out, err = run("run", network, *words, "-o", f"out.{suffix}")
    assert code == 0 and f"wrote out.{suffix}" in err
    assert re.match(rf"{model}: \d\.\d+ of {SAMPLES} all samples of small.* right, in ", out)
    codes, values = saved(suffix)
    assert values.shape == (SAMPLES, CLASSES)
    assert (codes is None) == (model == "golden")
    if codes is not None:
        run("quantize", network, "--data", small, "--width", "8", "-o", "net.json")
        design = Design.load("net.json")
        format = design.shape.input
        inputs = np.load(small)["inputs"]
        expected = FixedNetwork(design).predict(
            np.rint(np.ldexp(inputs, format.format.frac)).astype(int)
        )
        assert (codes == expected).all()
        assert (decode(codes, design.shape.output.format) == values).all()


def saved(suffix):
    """Return codes and values of a file."""
    if suffix == "npz":
        with np.load("out.npz") as file:
            return file.get("codes"), file["values"]
    if suffix == "json":
        with open("out.json") as file:
            tree = json.load(file)
        return None if tree["codes"] is None else np.array(tree["codes"]), np.array(tree["values"])
    with open("out.csv") as file:
        rows = list(csv.DictReader(file))
    columns = [[float(row[f"value_{n}"]) for n in range(CLASSES)] for row in rows]
    codes = None
    if "code_0" in rows[0]:
        codes = np.array([[int(row[f"code_{n}"]) for n in range(CLASSES)] for row in rows])
    return codes, np.array(columns)


def test_run_takes_a_saved_design(network, small, run):
    run("quantize", network, "--data", small, "--width", "8", "-o", "net.json")
    first = run("run", network, "--data", small, "--width", "8", "--json")[1]
    second = run("run", "net.json", "--data", small, "--json")[1]
    first, second = json.loads(first), json.loads(second)
    assert first["answers"] == second["answers"] and first["design"] == second["design"]


def test_verify_compares_a_whole_set(network, small, run):
    words = ("--network", network, "--data", small, "--width", "8", "--pe", "2", "--simd", "3")
    code, out, _ = run("verify", *words, "--engine", "amaranth", "--jobs", "1", "--stalls", "0.2")
    assert code == 0
    words_a_sample = 3 * (4 + 3) + 3
    assert f"{20 * words_a_sample + 8} words compared stage by stage, 0 differ" in out
    assert "confusion, RTL" in out
    assert "golden and fixed answer alike on" in out


def test_verify_a_whole_set_as_json(network, small, run):
    words = ("--network", network, "--data", small, "--part", "training", "--samples", "9")
    more = ("--engine", "amaranth", "--jobs", "1", "--junit-xml", "junit.xml", "--json")
    code, out, _ = run("verify", *words, *more, "--save-design", "net.json")
    tree = json.loads(out)
    assert code == 0 and tree["differing"] == 0 and tree["samples"] == 9
    assert tree["compared"] == 9 * (3 * 7 + 3) + 8
    assert (tree["initiation_interval"], tree["engine"]) == (24, "amaranth")
    assert set(tree["accuracy"]) == {"golden", "fixed", "rtl"}
    assert sum(map(sum, tree["confusion"]["rtl"])) == 9
    assert tree["confusion"]["fixed"] == tree["confusion"]["rtl"]
    assert tree["agreement"] == 1 - len(tree["disagreements"]) / 9
    code, out, _ = run("verify", "--design", "net.json", "--data", small, *more)
    assert code == 0 and json.loads(out)["errors"] is None


def test_verify_a_network_without_data_asks_queries(network, run):
    code, out, _ = run("verify", "--network", network, "--queries", "3", "--format", "fxp-s8/4")
    assert code == 0 and "directed vectors visited" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("train", "{data}", "--layers", "6"),
            "layers must be sizes of at least 1 like 784,200,10, got '6'",
        ),
        (("train", "{data}", "--layers", "6,x"), "layers must be sizes of at least 1 like "),
        (("train", "{data}", "--layers", "5,3"), ""),
        (("train", "{data}", "--layers", "6,2"), ""),
        (
            ("train", "{data}", "--layers", "6,3", "--epochs", "0"),
            "epochs must be at least 1, got 0",
        ),
        (("train", "{data}", "--layers", "6,3", "--batch", "0"), "batch must be at least 1, got 0"),
        (
            ("train", "{data}", "--layers", "6,3", "--activation", "step"),
            "a layer that is trained must have an activation with a slope, got step in layer 0",
        ),
        (
            ("train", "{data}", "--layers", "6,3", "-o", "net.json"),
            "--output must end in .npz, got net.json",
        ),
        (("quantize", "{net}", "--width", "8"), "the method observed must be given data, got none"),
        (("quantize", "{net}", "--method", "l1"), "method must come with a width, got none"),
        (
            ("quantize", "{net}", "--width", "8", "--format", "fxp-s8/4", "--data", "{data}"),
            "a width or a format must be given, got both: 8, fxp-s8/4",
        ),
        (
            ("quantize", "{net}", "--width", "1"),
            "the command line: width must be 2 to 63 bits, got 1",
        ),
        (("quantize", "missing.npz"), "missing.npz must be a readable file, got "),
        (
            ("run", "{net}", "--data", "{data}", "--model", "gate"),
            "the model must be one of golden, ",
        ),
        (
            ("run", "{net}", "--data", "{data}", "--part", "most"),
            "the part must be one of training, ",
        ),
        (
            ("run", "{net}", "--data", "{data}", "--samples", "21"),
            "samples must be 1 to 20, got 21",
        ),
        (
            ("run", "{data}.txt", "--data", "{data}"),
            "a network must be an .npz file and a design a .json",
        ),
        (
            ("verify", "--data", "{data}"),
            "a data set must come with a network or a design, got neither",
        ),
        (
            ("verify", "--network", "{net}", "--data", "{data}", "--waves", "a.vcd"),
            "waves must be of queries, not of a whole data set, got a.vcd",
        ),
        (
            ("verify", "--network", "{net}", "--data", "{data}", "--queries", "3"),
            "queries must be asked without a data set, got 3 beside one",
        ),
        (
            ("verify", "--network", "{net}", "--data", "{data}", "--engine", "abacus"),
            "engine must be one of amaranth, ",
        ),
        (
            ("verify", "--network", "{net}", "--data", "{data}", "--jobs", "0"),
            "the command line: jobs must be an integer of at least 1, got 0",
        ),
        (
            ("verify", "--network", "{net}", "--curve", "plan-tanh"),
            "the curve of layer 0 must stand for sigmoid, got plan-tanh, which stands for tanh",
        ),
    ],
)
def test_bad_input(words, message, network, small, run):
    code, out, err = run(*(word.format(data=small, net=network) for word in words))
    lines = [line for line in err.splitlines() if not line.startswith("bittrue: seed")]
    assert code == 2 and out == "" and len(lines) == 1
    assert lines[0].startswith(f"bittrue: {message}")


def test_run_answers_by_the_largest_output(network, small, run):
    run("run", network, "--data", small, "--width", "8", "-o", "out.npz")
    with np.load("out.npz") as file:
        assert (file["answers"] == file["values"].argmax(axis=1)).all()
        assert (file["answers"] == file["labels"]).mean() > 0.5


def test_what_was_held_out_stays_held_out(small, run):
    """A network trained with another number held out is asked those, and no others."""
    words = ("--layers", "6,3", "--epochs", "1", "--held-out", "33", "-o", "net.npz")
    assert run("train", small, *words)[0] == 0
    _, out, _ = run("run", "net.npz", "--data", small, "--model", "golden", "--json")
    assert json.loads(out)["samples"] == 33
    words = ("--width", "8", "--engine", "amaranth", "--jobs", "1", "--json")
    _, out, _ = run("verify", "--network", "net.npz", "--data", small, *words)
    assert json.loads(out)["samples"] == 33
