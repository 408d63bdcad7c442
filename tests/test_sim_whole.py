"""A whole test set: every word compared, and a fault is found wherever it is."""

from dataclasses import replace

import numpy as np
import pytest
from designs import drawn_design

from bittrue.hdl.timing import network as network_latency
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import decode
from bittrue.model.golden import GoldenNetwork
from bittrue.model.quantize import quantize
from bittrue.sim import whole
from bittrue.sim.record import Session
from bittrue.sim.whole import verify_whole

GOLDEN = GoldenNetwork(5, 4, 3, 0.1, rng=4)
INPUTS = np.random.default_rng(7).random((12, 5))
LABELS = GOLDEN.predict(INPUTS).argmax(axis=1)


def verified(design=None, **options):
    design = design or quantize(GOLDEN, format="fxp-s16/12", curve="fit", segments=32)
    return verify_whole(design, GOLDEN, INPUTS, LABELS, engine="amaranth", jobs=1, **options)


def test_all_that_is_measured():
    result = verified(pe=2)
    assert result.passed and result.compared == 12 * (3 * 7 + 3) + 8
    assert result.timing.initiation_interval == result.machine.initiation_interval == 10
    assert result.timing.latency == network_latency(result.machine)
    assert result.accuracy("golden") == 1.0
    assert result.agreement == result.accuracy("fixed") == result.accuracy("rtl")
    assert (result.rtl == result.fixed).all()
    assert result.confusion("golden").sum() == 12 == np.trace(result.confusion("golden"))
    assert result.errors.sqnr > 50
    assert set(result.seconds) == {"golden", "fixed", "rtl"}


def test_stalls_change_no_cycle_that_is_reported():
    assert verified(stalls=0.4).timing == verified().timing


def test_progress_counts_all_blocks(monkeypatch):
    monkeypatch.setattr(whole, "BLOCK_WORDS", 5 * 3 * 7)
    seen = []
    result = verified(progress=lambda done, total: seen.append((done, total)))
    assert result.passed and result.compared == 12 * (3 * 7 + 3) + 3 * 8
    assert seen == [(n, 12) for n in range(1, 13)]


def test_a_changed_word_is_found(monkeypatch):
    """One bit of one word of one stage of one sample in the second block."""
    monkeypatch.setattr(whole, "BLOCK_WORDS", 5 * 3 * 7)
    honest = whole.simulate
    calls = []

    def tampered(machine, sessions, **options):
        [run] = honest(machine, sessions, **options)
        calls.append(sessions)
        if len(calls) == 2:
            words = run.words.copy()
            words[13, 5] ^= 4
            run = replace(run, words=words)
        return [run]

    monkeypatch.setattr(whole, "simulate", tampered)
    result = verified()
    assert not result.passed and result.differing == 1
    first = result.first_divergence
    assert (first.kind, first.session, first.bits) == ("mismatch", 1, (2,))


def test_other_weights_are_found(monkeypatch):
    honest = whole.simulate
    other = drawn_design(9, (5, 4, 3), "fxp-s16/12").weights

    def loaded(machine, sessions, **options):
        return honest(machine, [Session(other, session.codes) for session in sessions], **options)

    monkeypatch.setattr(whole, "simulate", loaded)
    result = verified()
    assert not result.passed and result.differing > 100
    assert result.accuracy("fixed") == result.agreement


def test_disagreements_are_listed():
    """In few bits some answers change, and are named."""
    result = verified(quantize(GOLDEN, format="fxp-s5/1", curve="step"))
    assert result.passed
    unlike = np.flatnonzero(GOLDEN.predict(INPUTS).argmax(axis=1) != result.fixed.argmax(axis=1))
    assert result.disagreements == unlike.tolist() != []
    assert result.agreement == pytest.approx(1 - len(unlike) / 12)


def test_without_a_golden_model():
    design = quantize(GOLDEN, format="fxp-s8/4")
    result = verify_whole(design, None, INPUTS, LABELS, engine="amaranth", jobs=1)
    assert result.passed and result.errors is None and result.disagreements == []
    codes = np.ldexp(result.fixed, design.shape.output.format.frac).astype(np.int64)
    assert (decode(codes, design.shape.output.format) == result.fixed).all()


@pytest.mark.parametrize(
    ("inputs", "labels", "message"),
    [
        (INPUTS[:0], LABELS[:0], "^a test set must have at least 1 sample, got none$"),
        (INPUTS, LABELS[:3], "^labels must be 12 numbers from 0 to 2, got 3 from "),
        (INPUTS, LABELS + 1, "^labels must be 12 numbers from 0 to 2, got 12 from "),
        (INPUTS, LABELS - 9, "^labels must be 12 numbers from 0 to 2, got 12 from "),
    ],
)
def test_bad_input(inputs, labels, message):
    design = quantize(GOLDEN, format="fxp-s8/4")
    with pytest.raises(BittrueError, match=message):
        verify_whole(design, GOLDEN, inputs, labels, engine="amaranth")


@pytest.mark.needs("cc")
def test_cycles_are_those_of_one_sample_where_many_go_side_by_side():
    """The lanes engine, with fewer samples than lanes and with stalls, tells the same cycles."""
    design = quantize(GOLDEN, format="fxp-s8/4")
    for stalls in (0.0, 0.3):
        options = {"engine": "lanes", "jobs": 1, "stalls": stalls}
        result = verify_whole(design, GOLDEN, INPUTS, LABELS, **options)
        assert result.passed
        assert result.timing.initiation_interval == result.machine.initiation_interval
        assert result.timing.latency == network_latency(result.machine)
