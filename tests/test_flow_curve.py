"""``bittrue curve``: its table, its JSON and its picture."""

import json
from xml.etree import ElementTree

import pytest

FIT = ("curve", "--curve", "fit", "--input-format", "fxp-s16/12", "--output-format", "fxp-u16/15")


@pytest.mark.parametrize(("segments", "bound"), [(16, 3.6e-4), (64, 4.0e-5)])
def test_json(run, segments, bound):
    code, out, err = run(*FIT, "--segments", str(segments), "--json")
    tree = json.loads(out)
    assert (code, err, tree["schema"]) == (0, "", "bittrue.curve/1")
    assert tree["max_abs_error"] < bound
    assert tree["mean_abs_error"] < tree["max_abs_error"]
    assert tree["max_error_lsb"] == pytest.approx(tree["max_abs_error"] * 2**15)
    assert (tree["input_format"], tree["output_format"]) == ("fxp-s16/12", "fxp-u16/15")
    assert tree["monotone"] in (True, False)
    assert tree["mirrored"] is True
    assert tree["rows"] <= segments
    assert tree["segments"][0]["start"] == 0
    assert set(tree["segments"][0]) == {"start", "slope", "intercept"}
    assert tree["slope_format"].startswith("fxp-")


def test_table(run):
    code, out, _ = run("curve")
    assert code == 0
    assert "0.018941" in out
    assert "monotone: no, it steps down at" in out
    assert "mirrored: yes" in out


def test_function_range_and_tolerance(run):
    words = ("--function", "exp", "--range", "-4", "1", "--tolerance", "0.01", "--json")
    code, out, _ = run("curve", "--curve", "fit", "--output-format", "fxp-s16/12", *words)
    tree = json.loads(out)
    assert (code, tree["function"]) == (0, "exp")
    assert tree["max_abs_error"] <= 0.01


def test_picture(run, tmp_path):
    for name in ("one.svg", "two.svg"):
        assert run(*FIT, "--segments", "8", "-o", name)[0] == 0
    one, two = ((tmp_path / name).read_bytes() for name in ("one.svg", "two.svg"))
    assert one == two
    assert ElementTree.fromstring(one).tag.endswith("svg")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-o", "curve.png"), "the picture must be an .svg file, got curve.png"),
        (("--input-format", "fxp-s70/2"), "width"),
        (("--input-format", "fxp-s30/12"), "24 bits"),
        (("--output-format", "fxp-u2/0"), "no code for 0.5"),
        (("--segments", "4"), "curve plan takes no segments, got 4"),
        (("--function", "tanh"), "curve plan takes no function, got 'tanh'"),
        (("--rounding", "UP"), "TRN"),
        (("--curve", "fit", "--range", "2", "1"), "the range must go up, got 2 to 1"),
        (("--curve", "fit", "--tolerance", "1e-9"), "bittrue: "),
    ],
)
def test_bad_input(run, tmp_path, words, message):
    code, out, err = run("curve", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("bittrue: ") and message in err
    assert list(tmp_path.iterdir()) == []
