"""Files that were written once, one of each version, are read by every version after it.

`tests/schemas/` keeps them: a new version adds a file, and never changes one.
"""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

from bittrue.model import design, golden_file
from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError
from bittrue.model.fixed import FixedNetwork
from bittrue.model.golden_file import load_golden

KEPT = Path(__file__).parent / "schemas"
DESIGNS = {
    "design-1.json": (
        "57d72e59a536be7edc02e520a1408f04c78e8b3519e9bcd205e2dae5e1037102",
        [1, 2, 3],
        [14, 1],
    ),
    "design-1-learning.json": (
        "b0766488a6f8e7488fe5878bf624c507d69e24d86441646bd7f0b0e874852173",
        [1, 2],
        [36, 34],
    ),
}
"""Digest, input codes and output codes of each, as they were when it was written."""


@pytest.mark.parametrize("name", DESIGNS)
def test_designs_of_every_version_are_read(name, tmp_path):
    digest, codes, answers = DESIGNS[name]
    kept = Design.load(KEPT / name)
    assert FixedNetwork(kept).predict([codes])[0].tolist() == answers
    kept.save(tmp_path / "again.json")
    assert Design.load(tmp_path / "again.json") == kept
    assert kept.digest == digest
    assert (kept.shape.learning is not None) == ("learning" in name)


def test_golden_networks_of_every_version_are_read():
    kept, told = load_golden(KEPT / "golden-1.npz")
    assert told == {"seed": 1}
    assert kept.sizes == (3, 4, 2)
    answers = [0.413971647078292, 0.3779524477548604]
    assert kept.query([1, 2, 3]).tolist() == pytest.approx(answers, rel=1e-14)


@pytest.mark.parametrize(("kind", "version"), [("design", design), ("golden", golden_file)])
def test_a_file_is_kept_for_each_version(kind, version):
    kept = {re.match(rf"{kind}-(\d+)", path.name)[1] for path in KEPT.glob(f"{kind}-*")}
    assert kept == {str(number + 1) for number in range(version.VERSION)}


def test_a_newer_design_is_refused_by_both_versions(tmp_path):
    newer = design.VERSION + 1
    tree = json.loads((KEPT / "design-1.json").read_text())
    file = tmp_path / "newer.json"
    # whatever else it may hold
    file.write_text(json.dumps({**tree, "version": newer, "graph": []}))
    message = re.escape(f"{file}.version must be {design.VERSION}, got {newer}")
    with pytest.raises(BittrueError, match=f"^{message}$"):
        Design.load(file)


def test_a_newer_golden_network_is_refused_by_both_versions(tmp_path):
    arrays = dict(np.load(KEPT / "golden-1.npz", allow_pickle=False))
    newer = golden_file.VERSION + 1
    about = {**json.loads(arrays["about"].tobytes()), "version": newer}
    page = io.BytesIO()
    np.savez(page, **{**arrays, "about": np.frombuffer(json.dumps(about).encode(), np.uint8)})
    file = tmp_path / "newer.npz"
    file.write_bytes(page.getvalue())
    message = re.escape(f"{file}: version must be {golden_file.VERSION}, got {newer}")
    with pytest.raises(BittrueError, match=f"^{message}$"):
        load_golden(file)
