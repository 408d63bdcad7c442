import re
from dataclasses import replace

import numpy as np
import pytest
from designs import drawn_design, drawn_session

from bittrue.hdl.machine import Machine
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import Loss
from bittrue.sim.compare import Comparison, compare
from bittrue.sim.engines import simulate

DESIGN = drawn_design(1, (3, 4, 2), "fxp-s12/8")
SESSION = drawn_session(2, DESIGN, 5)
(RUN,) = simulate(Machine(DESIGN.shape, 2, 2, "full", trace=True), [SESSION])
WORDS = 5 * (3 * 4 + 3 * 2) + 5 * 2 + 8


def row_of(layer, stage, sample, neuron):
    """Return where a stage word stands."""
    return np.flatnonzero((RUN.words[:, 1:5] == (layer, stage, sample, neuron)).all(axis=1))[0]


def test_all_equal():
    assert compare(DESIGN, SESSION, RUN) == Comparison(compared=WORDS)


@pytest.mark.parametrize("stage", ["accumulator", "preactivation", "output"])
def test_one_bit_is_found_and_told(stage):
    number = ("accumulator", "preactivation", "output").index(stage)
    words = RUN.words.copy()
    row = row_of(1, number, 3, 1)
    words[row, 5] ^= 0b100
    verdict = compare(DESIGN, SESSION, replace(RUN, words=words))
    assert (verdict.compared, verdict.differing, verdict.missing, verdict.extra) == (WORDS, 1, 0, 0)
    first = verdict.first
    assert (first.kind, first.layer, first.stage, first.sample, first.neuron) == (
        "mismatch",
        1,
        stage,
        3,
        1,
    )
    assert first.bits == (2,)
    trace = FixedNetwork(DESIGN).trace(SESSION.codes)
    expected = int(getattr(trace[1], stage)[3, 1])
    assert (first.expected, first.actual) == (expected, expected ^ 4)
    assert first.inputs == tuple(trace[0].output[3].tolist())
    assert first.cycle == words[row, 0]
    width = first.format.width
    shown = f"{expected & (1 << width) - 1:0{-(-width // 4)}x}"
    assert re.search(rf"sample 3, layer 1, neuron 1, {stage}: expected 0x{shown} \(", str(first))
    assert first.to_json()["expected"]["hex"] == shown


def test_causes_come_before_effects():
    words = RUN.words.copy()
    for stage in (2, 1, 0):
        words[row_of(0, stage, 2, 3), 5] ^= 1
    words[row_of(0, 0, 4, 0), 5] ^= 1
    verdict = compare(DESIGN, SESSION, replace(RUN, words=words))
    assert verdict.differing == 4
    stages = [(d.sample, d.stage) for d in verdict.divergences]
    assert stages == [
        (2, "accumulator"),
        (2, "preactivation"),
        (2, "output"),
        (4, "accumulator"),
    ]


def test_missing_and_extra_words():
    dropped = np.delete(RUN.words, row_of(0, 1, 0, 2), axis=0)
    verdict = compare(DESIGN, SESSION, replace(RUN, words=dropped))
    assert (verdict.differing, verdict.missing, verdict.first.kind) == (1, 1, "missing")
    assert (verdict.first.actual, verdict.first.neuron) == (None, 2)

    again = np.vstack([RUN.words, RUN.words[[row_of(0, 1, 0, 2)]]])
    verdict = compare(DESIGN, SESSION, replace(RUN, words=again))
    assert (verdict.differing, verdict.extra, verdict.first.kind) == (1, 1, "extra")

    beyond = RUN.outputs.copy()
    beyond[0, 2] = 7
    verdict = compare(DESIGN, SESSION, replace(RUN, outputs=beyond))
    assert (verdict.missing, verdict.extra, verdict.differing) == (1, 1, 2)


def test_swapped_samples_differ():
    outputs = RUN.outputs.copy()
    outputs[:, 1] = np.where(outputs[:, 1] < 2, 1 - outputs[:, 1], outputs[:, 1])
    verdict = compare(DESIGN, SESSION, replace(RUN, outputs=outputs))
    expected = FixedNetwork(DESIGN).predict(SESSION.codes)
    assert verdict.differing == 2 * int((expected[0] != expected[1]).sum()) > 0


def test_counters_are_words_too():
    counts = (RUN.counts[0], (Loss(0, 9), RUN.counts[1][1]))
    verdict = compare(DESIGN, SESSION, replace(RUN, counts=counts))
    assert verdict.differing in (1, 2)
    assert (verdict.first.kind, verdict.first.layer) == ("counter", 1)


def test_nothing_seen_is_all_missing():
    empty = replace(RUN, words=RUN.words[:0], outputs=RUN.outputs[:0], counts=None, stalled_at=99)
    verdict = compare(DESIGN, SESSION, empty)
    assert verdict.missing == verdict.differing == verdict.compared == WORDS - 8
    assert verdict.stalled_at == 99


def test_a_framing_error_differs():
    verdict = compare(DESIGN, SESSION, replace(RUN, framing_error=True))
    assert (verdict.differing, verdict.first.kind) == (1, "framing")
