"""``bittrue import``: what it shows, checks and saves, and what the other commands make of it."""

import json
from pathlib import Path

import numpy as np
import pytest

from bittrue.flow.cli import main
from bittrue.flow.import_command import held_against
from bittrue.flow.importers import read_model
from bittrue.hdl.machine import Machine
from bittrue.model.design import Design
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import encode
from bittrue.model.golden_file import load_golden
from bittrue.model.quantize import quantize
from bittrue.sim.engines import simulate
from bittrue.sim.record import Session

FIXTURES = Path(__file__).parent / "fixtures"
NETWORKS = {
    "keras-sequential.keras": None,
    "keras-functional.keras": None,
    "sklearn-classifier.onnx": None,
    "sklearn-regressor.onnx": None,
    "torch-mlp.safetensors": ["tanh", "tanh", "sigmoid"],
}


def ran(capsys, *words):
    """Return exit code and both outputs of a command."""
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    told = capsys.readouterr()
    return left.value.code, told.out, told.err


@pytest.mark.parametrize("name", NETWORKS)
def test_answers_are_the_exporters(name):
    found = read_model(FIXTURES / name, NETWORKS[name])
    checked = held_against(found, FIXTURES / f"{name.partition('.')[0]}.npz")
    assert (checked.samples, checked.different) == (100, 0)
    assert checked.largest < 1e-6


@pytest.mark.parametrize("name", NETWORKS)
def test_gates_give_the_same_words(name):
    golden = read_model(FIXTURES / name, NETWORKS[name]).golden
    design = quantize(golden, format="fxp-s12/6")
    inputs = np.load(FIXTURES / f"{name.partition('.')[0]}.npz")["inputs"].reshape(100, -1)[:3]
    type = design.shape.input
    codes = encode(inputs.astype(np.float64), type.format, type.rounding, type.overflow)
    [run] = simulate(Machine(design.shape), [Session(design.weights, codes)])
    _, samples, neurons, words = run.outputs.T
    expected = FixedNetwork(design).predict(codes)
    assert words.size == expected.size
    assert (words == expected[samples, neurons]).all()


def test_it_says_what_it_did(capsys, tmp_path):
    code, told, log = ran(
        capsys, "import", FIXTURES / "keras-sequential.keras", "-o", tmp_path / "a.npz",
        "--check", FIXTURES / "keras-sequential.npz",
    )  # fmt: skip
    assert code == 0
    assert 'BatchNormalization "batch_normalization" was folded into Dense "dense_1"' in told
    assert "softmax behind the last layer was left out" in told
    assert "keras-sequential.keras: a network in floats, 12-8-6-3" in told
    assert "100 samples compared with the golden model, 0 differ" in told
    assert log == f"bittrue: wrote {tmp_path / 'a.npz'}\n"
    golden, training = load_golden(tmp_path / "a.npz")
    whole = read_model(FIXTURES / "keras-sequential.keras").golden
    assert all(map(np.array_equal, golden.weights, whole.weights))
    assert training == {"imported": "keras-sequential.keras", "tail": "softmax"}


def test_as_json(capsys):
    words = ("--activation", "tanh,tanh,sigmoid", "--check", FIXTURES / "torch-mlp.npz", "--json")
    code, told, _ = ran(capsys, "import", FIXTURES / "torch-mlp.safetensors", *words)
    tree = json.loads(told)
    assert (code, tree["sizes"]) == (0, [5, 8, 6, 2])
    assert tree["activations"] == ["tanh", "tanh", "sigmoid"]
    assert (tree["check"]["samples"], tree["check"]["different"]) == (100, 0)


def test_a_wrong_answer_is_seen(capsys, tmp_path):
    with np.load(FIXTURES / "keras-functional.npz") as kept:
        inputs, outputs = kept["inputs"], kept["outputs"].copy()
    outputs[7, 1] += 1e-5
    np.savez(tmp_path / "answers.npz", inputs=inputs, outputs=outputs)
    code, told, _ = ran(
        capsys, "import", FIXTURES / "keras-functional.keras", "-o", tmp_path / "a.npz",
        "--check", tmp_path / "answers.npz",
    )  # fmt: skip
    assert code == 1
    assert "100 samples compared with the golden model, 1 differ" in told
    assert not (tmp_path / "a.npz").exists()


def test_formats_of_a_file_become_a_design(capsys, tmp_path):
    words = ("--check", FIXTURES / "brevitas-sigmoid.npz", "-o", tmp_path / "a.json")
    code, told, _ = ran(capsys, "import", FIXTURES / "brevitas-sigmoid.onnx", *words)
    assert code == 0
    assert "200 samples compared with the fixed model, 0 differ" in told
    whole = read_model(FIXTURES / "brevitas-sigmoid.onnx").design
    assert Design.load(tmp_path / "a.json").digest == whole.digest


def test_other_commands_take_the_result(capsys, tmp_path):
    """Imported and saved, or named as it is: quantized to the same design, and verified."""
    ran(capsys, "import", FIXTURES / "keras-functional.keras", "-o", tmp_path / "a.npz")
    digests = []
    for file in (tmp_path / "a.npz", FIXTURES / "keras-functional.keras"):
        code, told, _ = ran(capsys, "quantize", file, "--format", "fxp-s8/5", "--json")
        assert code == 0
        digests.append(json.loads(told)["design"])
    assert digests[0] == digests[1]
    words = ("--network", FIXTURES / "keras-functional.keras", "--format", "fxp-s8/5")
    code, told, _ = ran(capsys, "synth", "--estimate", *words)
    assert code == 0
    assert "6-7-5-2" in told


@pytest.mark.long
def test_verify_takes_a_network_of_others(capsys):
    words = ("--format", "fxp-s8/5", "--queries", "2", "--no-ports", "--engine", "amaranth")
    code, told, _ = ran(capsys, "verify", "--network", FIXTURES / "keras-functional.keras", *words)
    assert code == 0
    assert "words compared stage by stage, 0 differ" in told


BAD = [
    (("import", FIXTURES / "torch-mlp.safetensors"),
     "bittrue: torch-mlp.safetensors must come with activations, as it says none itself, got none"),
    (("import", FIXTURES / "keras-functional.keras", "-o", "a.json"),
     "bittrue: keras-functional.keras must say formats to become a design, got floats: write"),
    (("import", FIXTURES / "keras-functional.keras", "--check", FIXTURES / "keras-sequential.npz"),
     "bittrue: keras-sequential.npz must hold 6 inputs a sample and as many outputs as inputs"),
    (("import", "model.pkl"), "bittrue: a network must be a file that runs nothing when it is"),
    (("import", "model.h5"), "bittrue: a network must be a file .onnx, .keras, .safetensors, .npz"),
    (("import", "none.keras"), "bittrue: none.keras must be a readable file, got No such file"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "message"), BAD)
def test_bad_input(capsys, monkeypatch, tmp_path, words, message):
    monkeypatch.chdir(tmp_path)
    code, told, log = ran(capsys, *words)
    assert (code, told) == (2, "")
    assert log.startswith(message)
    assert log.count("\n") == 1
