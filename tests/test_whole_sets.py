"""Real data: trained as well as it should be, and every word of whole test sets compared."""

import json

import numpy as np
import pytest

from bittrue.sim.engines import ENGINES

ACCURACY = {"digits": ("64,32,10", 0.965, 450), "mnist": ("784,200,10", 0.93, 1000)}


@pytest.fixture
def trained(run):
    """Return a call that trains a network and returns its accuracy."""

    def call(data, seed=0, *words):
        code, out, _ = run(
            *("train", data, "--layers", ACCURACY[data][0], "--seed", str(seed)),
            *("-o", f"{data}.npz", "--json", *words),
        )
        assert code == 0
        return json.loads(out)["accuracy"]

    return call


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("data", ACCURACY)
def test_five_seeds_reach_the_accuracy(data, trained):
    assert np.mean([trained(data, seed) for seed in range(5)]) >= ACCURACY[data][1]


def verified(run, data, *words):
    code, out, _ = run("verify", "--network", f"{data}.npz", "--data", data, "--json", *words)
    return code, json.loads(out)


@pytest.mark.needs("cc")
def test_all_held_out_digits(trained, run):
    trained("digits", 0, "--epochs", "10")
    code, tree = verified(run, "digits", "--width", "8", "--pe", "8", "--engine", "lanes")
    assert (code, tree["differing"], tree["compared"]) == (0, 0, 450 * (3 * 42 + 10) + 8)
    assert abs(tree["accuracy"]["fixed"] - tree["accuracy"]["golden"]) <= 0.005
    assert tree["accuracy"]["rtl"] == tree["accuracy"]["fixed"]


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.needs("cc")
@pytest.mark.parametrize(("data", "pe"), [("digits", "8"), ("mnist", "16")])
@pytest.mark.parametrize("width", ["8", "16"])
def test_whole_sets_at_8_and_16_bits(data, pe, width, trained, run):
    """Equal words; accuracy within half a point at 8 bits, equal answers but for few at 16."""
    trained(data, 0)
    words = ("--width", width, "--pe", pe, "--curve", "fit", "--segments", "32")
    code, tree = verified(run, data, *words)
    samples, hidden = ACCURACY[data][2], int(ACCURACY[data][0].split(",")[1])
    assert (code, tree["differing"]) == (0, 0)
    assert tree["compared"] == samples * (3 * (hidden + 10) + 10) + 8
    if width == "8":
        assert abs(tree["accuracy"]["fixed"] - tree["accuracy"]["golden"]) <= 0.005
    else:
        assert len(tree["disagreements"]) <= samples // 500


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.needs("cc", "c++", "iverilog")
def test_the_same_digits_on_every_engine(trained, run):
    trained("digits", 0, "--epochs", "5")
    for engine in ENGINES:
        samples = "40" if engine == "amaranth" else "450"
        words = ("--width", "8", "--pe", "8", "--engine", engine, "--samples", samples)
        code, tree = verified(run, "digits", *words)
        assert (code, tree["differing"], tree["engine"]) == (0, 0, engine)
        assert tree["initiation_interval"] == 256
