import copy
import json
import re

import numpy as np
import pytest
from designs import drawn_design

from bittrue.model.design import Design, Weights
from bittrue.model.exceptions import BittrueError

DESIGN = drawn_design(1, (3, 2, 2), bias=True)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "design.json"
    DESIGN.save(path)
    return path


def leaves(tree, path=()):
    """Yield the place of every leaf of a JSON tree."""
    if isinstance(tree, dict | list):
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        for key, value in items:
            yield from leaves(value, (*path, key))
    else:
        yield path


def replaced(tree, path, value):
    tree = copy.deepcopy(tree)
    node = tree
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return tree


def test_a_saved_design_is_the_same_design(saved):
    loaded = Design.load(saved)
    assert loaded == DESIGN and loaded.digest == DESIGN.digest and hash(loaded) == hash(DESIGN)
    again = saved.with_name("again.json")
    loaded.save(again)
    assert again.read_bytes() == saved.read_bytes()
    tree = json.loads(saved.read_text())
    assert (tree["schema"], tree["version"]) == ("bittrue.design", 1)
    assert tree["shape"]["training"] is None


def test_arrays_are_read_only_copies():
    mine = np.zeros((2, 3), dtype=np.int64)
    weights = Weights([mine])
    mine[0, 0] = 5
    assert weights.weights[0][0, 0] == 0
    with pytest.raises(ValueError):
        weights.weights[0][0, 0] = 1


@pytest.mark.parametrize("wrong", [10**30, -(10**30), 1.5, "fxp-s9000/1", None, [], {}, True])
def test_every_field_is_checked(saved, wrong):
    """Whatever stands in the place of any field is refused, in one sentence that names it."""
    tree = json.loads(saved.read_text())
    for path in leaves(tree):
        node = tree
        for key in path:
            node = node[key]
        if node == wrong and type(node) is type(wrong):
            continue
        saved.write_text(json.dumps(replaced(tree, path, wrong)))
        with pytest.raises(BittrueError) as caught:
            Design.load(saved)
        message = str(caught.value)
        assert "\n" not in message and str(saved) in message, path


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(saved, share):
    text = saved.read_text().rstrip()
    saved.write_text(text[: int(len(text) * share)])
    with pytest.raises(BittrueError, match=rf"^{re.escape(str(saved))} must be a whole JSON file"):
        Design.load(saved)


@pytest.mark.parametrize("version", [0, 2, "1"])
def test_another_version_is_refused(saved, version):
    tree = json.loads(saved.read_text())
    saved.write_text(json.dumps({**tree, "version": version}))
    place = re.escape(f"{saved}.version must be 1, got ")
    with pytest.raises(BittrueError, match=f"^{place}"):
        Design.load(saved)


def test_a_changed_code_is_noticed(saved):
    tree = json.loads(saved.read_text())
    tree["weights"][0]["weights"][0][0] ^= 1
    saved.write_text(json.dumps(tree))
    with pytest.raises(
        BittrueError, match=r"^.*\.digest must be .*: the file was changed by hand$"
    ):
        Design.load(saved)


@pytest.mark.parametrize("change", ["drop", "add"])
def test_fields_are_neither_left_out_nor_added(saved, change):
    tree = json.loads(saved.read_text())
    for place in ((), ("shape",), ("shape", "layers", 0), ("shape", "layers", 0, "curve")):
        spoilt = copy.deepcopy(tree)
        node = spoilt
        for key in place:
            node = node[key]
        if change == "drop":
            node.pop(next(iter(node)))
        else:
            node["more"] = 1
        saved.write_text(json.dumps(spoilt))
        with pytest.raises(BittrueError):
            Design.load(saved)


def test_nothing_is_left_half_written(tmp_path, monkeypatch):
    path = tmp_path / "design.json"
    DESIGN.save(path)
    before = path.read_bytes()

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", broken)
    with pytest.raises((OSError, BittrueError)):
        drawn_design(2, (3, 2, 2)).save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["design.json"]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            Weights([np.zeros((2, 3), int)]),
            "weights must be given for 2 layers, got 1",
        ),
        (
            Weights([np.zeros((2, 2), int), np.zeros((2, 2), int)], [np.zeros(2, int)] * 2),
            "weights[0] must have shape (2, 3), got (2, 2)",
        ),
        (
            Weights([np.full((2, 3), 128), np.zeros((2, 2), int)], [np.zeros(2, int)] * 2),
            "weights[0] must be codes -128 to 127 (fxp-s8/4), got 128 at [0, 0]",
        ),
        (
            Weights([np.zeros((2, 3), int), np.zeros((2, 2), int)]),
            "weights[0].biases must be some, got none",
        ),
    ],
)
def test_weights_that_do_not_go_with_the_shape(weights, message):
    with pytest.raises(BittrueError, match=f"^{re.escape(message)}$"):
        Design(DESIGN.shape, weights)
