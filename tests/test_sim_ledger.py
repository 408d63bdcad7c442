"""What stages lose: counted alike by model and hardware, shown, and a wrong counter is found."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from designs import drawn_design, drawn_session

from bittrue.hdl import watch
from bittrue.hdl.machine import Machine
from bittrue.model.design import Design
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import Loss, Overflow, Rounding
from bittrue.sim import testbench
from bittrue.sim.compare import compare
from bittrue.sim.engines import simulate
from bittrue.sim.ledger import Ledger, Lost, lost_words, most
from bittrue.sim.record import Session

DESIGN = drawn_design(1, (3, 4, 2), "fxp-s8/4")
SESSIONS = [drawn_session(2, DESIGN, 7), drawn_session(3, DESIGN, 5)]


def ledger_of(design, sessions, **options):
    ledger = Ledger(design)
    machine = Machine(design.shape, 2, 2, options.get("counters", "full"), trace=True)
    for session, run in zip(sessions, simulate(machine, sessions), strict=True):
        ledger.add(session, run)
    return ledger


@pytest.mark.parametrize("overflow", Overflow)
def test_both_count_alike(overflow):
    design = drawn_design(4, (5, 4, 3), "fxp-s8/4", rounding=Rounding.TRN, overflow=overflow)
    sessions = [drawn_session(seed, design, 9) for seed in range(3)]
    ledger = ledger_of(design, sessions)
    entries = ledger.entries()
    assert all(entry.equal for entry in entries) and len(entries) == 8
    assert [entry.words for entry in entries] == [27 * 4] * 4 + [27 * 3] * 4
    assert sum(entry.expected for entry in entries) > 100
    assert ledger.losses[0][0] == Loss(entries[0].actual, entries[1].actual)
    assert any(entry.expected for entry in entries if entry.kind == "overflowed")


def test_the_worst_are_named():
    ledger = ledger_of(DESIGN, SESSIONS)
    codes = np.concatenate([session.codes for session in SESSIONS])
    traces = FixedNetwork(DESIGN).trace(codes)
    for entry in ledger.entries():
        stage = ("preactivation", "output").index(entry.stage)
        kind = ("inexact", "overflowed").index(entry.kind)
        flags = lost_words(DESIGN.shape.layers[entry.layer], traces[entry.layer])[stage][kind]
        assert flags.sum() == entry.expected
        for lost, words in ((entry.samples, flags.sum(axis=1)), (entry.neurons, flags.sum(axis=0))):
            assert [one.words for one in lost] == sorted(words[words > 0].tolist())[::-1][:3]
            assert all(words[one.number] == one.words for one in lost)
    assert most(np.array([0, 2, 5, 2])) == (Lost(2, 5), Lost(1, 2), Lost(3, 2))
    assert most(np.zeros(3, np.int64)) == ()


def test_other_weights_are_counted_with_their_own():
    other = drawn_design(9, (3, 4, 2), "fxp-s8/4")
    session = Session(other.weights, SESSIONS[0].codes)
    ledger = ledger_of(DESIGN, [session])
    assert all(entry.equal for entry in ledger.entries())
    lone = FixedNetwork(Design(DESIGN.shape, other.weights)).trace(session.codes)
    assert ledger.losses[0] == (lone[0].preactivation_loss, lone[0].output_loss)


def test_what_is_not_counted_is_not_equal():
    kinds = {
        entry.kind: entry for entry in ledger_of(DESIGN, SESSIONS, counters="overflow").entries()
    }
    assert kinds["inexact"].actual is None and not kinds["inexact"].equal
    assert kinds["overflowed"].equal
    entries = ledger_of(DESIGN, SESSIONS, counters="none").entries()
    assert {entry.actual for entry in entries} == {None}


@pytest.mark.parametrize(("stage", "kind"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_wrong_count_is_found_and_shown(stage, kind, monkeypatch, run):
    honest = testbench.simulate

    def tampered(machine, sessions, **options):
        runs = honest(machine, sessions, **options)
        counts = np.array(runs[0].counts) if runs[0].counts else None
        if counts is None:
            return runs
        counts[1, stage, kind] += 1
        losses = tuple((Loss(*first), Loss(*second)) for first, second in counts.tolist())
        return [replace(runs[0], counts=losses), *runs[1:]]

    monkeypatch.setattr(testbench, "simulate", tampered)
    code, out, _ = run("verify", "--format", "fxp-s8/4", "--queries", "2", "--no-ports", "--json")
    tree = json.loads(out)
    assert code == 1 and tree["differing"] == 2
    wrong = [entry for entry in tree["ledger"]["queries"] if not entry["equal"]]
    assert [(e["layer"], e["stage"], e["kind"], e["actual"] - e["expected"]) for e in wrong] == [
        (1, ("pre-activation", "output")[stage], ("inexact", "overflowed")[kind], 1)
    ]
    assert tree["first_divergence"]["kind"] == "counter"


def test_counts_that_are_not_there_are_missing(monkeypatch):
    machine = Machine(DESIGN.shape, 2, 2, "full", trace=True)
    [run] = simulate(machine, SESSIONS[:1])
    verdict = compare(DESIGN, SESSIONS[0], replace(run, counts=None))
    assert (verdict.differing, verdict.missing) == (8, 8)


class Forgetful(watch.LossCounter):
    """Counts no more than one word a beat."""

    def _accumulate(self, m, count, lost, kind):
        super()._accumulate(m, count, lost != 0, kind)


def test_hardware_that_counts_wrong_is_found(monkeypatch):
    monkeypatch.setattr("bittrue.hdl.network.LossCounter", Forgetful)
    design = drawn_design(5, (3, 6, 4), "fxp-s8/4")
    session = drawn_session(6, design, 8)
    [run] = simulate(Machine(design.shape, 3, 1, "full", trace=True), [session])
    verdict = compare(design, session, run)
    assert verdict.differing > 0 and verdict.missing == verdict.extra == 0
    assert {divergence.kind for divergence in verdict.divergences} == {"counter"}
    ledger = Ledger(design)
    ledger.add(session, run)
    assert not all(entry.equal for entry in ledger.entries())


def test_tables_for_people(run):
    code, out, _ = run("verify", "--format", "fxp-s8/4", "--queries", "3", "--no-ports")
    assert code == 0 and "ledger: words lost" in out
    rows = re.findall(
        r"│ +\d │ +(?:pre-activation|output) │ +(?:inexact|overflowed) │" + r" +(\d+) │" * 6, out
    )
    assert len(rows) == 8
    for of, model, rtl, directed, model_directed, rtl_directed in rows:
        assert model == rtl and int(model) <= int(of)
        assert model_directed == rtl_directed and int(model_directed) <= int(directed)
    assert "samples and neurons that lost most, with their words" in out
    assert re.search(r"│ +0 │ pre-activation │ +inexact │ +\d \(\d\), .*│ +\d \(\d\)", out)
