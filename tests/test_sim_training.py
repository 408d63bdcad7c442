"""Steps of a network that learns: proven as it is, refuted and replayed with a planted fault."""

from itertools import product

import planted
import pytest
from designs import drawn_design

from bittrue.hdl import timing
from bittrue.hdl.machine import Machine
from bittrue.model.config import Config
from bittrue.model.exceptions import BittrueError
from bittrue.model.learner import learning
from bittrue.model.learning import RULES, STOCHASTIC
from bittrue.model.modes import Rounding
from bittrue.model.quantize import quantize
from bittrue.sim import spec_training
from bittrue.sim.claims import claims_of
from bittrue.sim.equal import Outcome, Status
from bittrue.sim.lessons import Lesson, compare_lessons, expect, teach
from bittrue.sim.spec_training import TrainingSpecification
from bittrue.sim.testbench import train_333
from bittrue.sim.training import training_trial
from bittrue.sim.trial import prove, replayed

ROUNDINGS = [Rounding.TRN, Rounding.RND, Rounding.RND_CONV, STOCHASTIC]


def taught(
    format="fxp-s8/4", *, sizes=(3, 3, 3), bias=False, rate=0.25, rounding=STOCHASTIC,
    rule="book", curve="plan",
):  # fmt: skip
    design = drawn_design(1, sizes, format, bias=bias, curve=curve)
    return learning(design, rate, rule=rule, rounding=rounding)


def machine_of(design, pe=1, simd=1):
    return Machine(design.shape, pe, simd, trainer=True)


def proven(trial):
    proof = prove(trial)
    assert proof.status is Status.PROVEN, proof
    assert proof.different is proof.replay is None
    return proof


@pytest.mark.parametrize("rounding", [Rounding.RND_CONV, STOCHASTIC])
def test_two_steps_of_3_3_3(rounding):
    """8 bits: all inputs, targets, weights, biases and states, reset from any state."""
    trial = training_trial(machine_of(taught(bias=True, rounding=rounding, rate=0.3), 2, 3))
    assert proven(trial).words > 600


@pytest.mark.long
@pytest.mark.parametrize("format", ["fxp-s8/4", "fxp-s12/8", "fxp-s16/12"])
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("rule", RULES)
def test_formats_roundings_and_rules(format, rounding, rule):
    proven(training_trial(machine_of(taught(format, rounding=rounding, rule=rule, rate=0.3))))


@pytest.mark.long
@pytest.mark.parametrize(("pe", "simd"), [*product((1, 2, 3), repeat=2)])
def test_every_folding(pe, simd):
    proven(training_trial(machine_of(taught(bias=True), pe, simd)))


@pytest.mark.long
@pytest.mark.parametrize("curve", ["plan-tanh", "alaw", "relu"])
def test_other_curves_and_derivatives(curve):
    proven(training_trial(machine_of(taught(curve=curve, rounding=Rounding.RND), 3, 1)))


@pytest.mark.long
def test_signals_without_a_sign():
    formats = Config.of(
        input_type="fxp-u8/7", output_type="fxp-u8/7",
        weight_type="fxp-s8/4", preactivation_type="fxp-s8/4",
    )  # fmt: skip
    design = learning(quantize(train_333(seed=1), formats), 0.25, rounding=Rounding.RND_CONV)
    proven(training_trial(machine_of(design)))


@pytest.mark.long
def test_8_8_4_learns():
    proven(training_trial(machine_of(taught(sizes=(8, 8, 4), bias=True), 4, 4)))


@pytest.mark.long
def test_the_given_weights():
    design = taught(bias=True)
    trial = training_trial(machine_of(design), design.weights)
    assert trial.claim.endswith("all inputs and targets, the given weights")
    proven(trial)


def refuted(monkeypatch, fault):
    planted.plant(monkeypatch, fault)
    chance = fault.module is planted.lfsr
    design = taught(rounding=STOCHASTIC if chance else Rounding.RND_CONV)
    proof = prove(training_trial(machine_of(design, 2, 1)))
    assert proof.status is Status.REFUTED, proof
    assert proof.replay is not None
    assert proof.replay.expected != proof.replay.actual
    return design, proof


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, id=fault.name, marks=[pytest.mark.long] if number else [])
        for number, fault in enumerate(planted.TRAINING)
    ],
)
def test_a_planted_fault_is_refuted_and_replayed(monkeypatch, fault):
    refuted(monkeypatch, fault)


@pytest.mark.long
def test_a_counterexample_is_a_lesson(monkeypatch):
    """Weights, inputs and targets that another engine can be given: they show the fault there."""
    [fault] = [f for f in planted.TRAINING if f.name.startswith("the largest error")]
    with monkeypatch.context() as patch:
        design, proof = refuted(patch, fault)
        session = proof.session
        failing = type(design)(design.shape, session.weights)
        lessons = [Lesson(session.codes, session.targets, session.codes[:, 0] * 0 + 1)]
        machine, expected = machine_of(design, 2, 1), expect(failing, lessons)
        actual = teach(machine, session.weights, lessons)
        assert compare_lessons(machine, lessons, expected, actual).differing
    right = teach(machine, session.weights, lessons)
    assert compare_lessons(machine, lessons, expected, right).differing == 0


@pytest.mark.long
def test_what_is_right_is_never_shown_wrong():
    """No traffic before the reset changes a weight."""
    machine = machine_of(taught(bias=True), 2, 3)
    trial = training_trial(machine)
    assert trial.past == timing.network(machine)
    assert replayed(trial, Outcome(values={}), None)[0] is None


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "value"), [("TAPS", (16, 15, 13, 5)), ("STEPS", 17), ("CHANCE_BITS", 14)]
)
def test_an_unfaithful_specification_is_not_proven(monkeypatch, name, value):
    monkeypatch.setattr(spec_training, name, value)
    assert prove(training_trial(machine_of(taught(), 3, 3))).status is Status.REFUTED


@pytest.mark.long
def test_the_order_of_layers_is_seen(monkeypatch):
    """Hidden errors by new weights in place of old ones, in the specification."""
    right = TrainingSpecification._errors_before

    def wrong(self, number, layer, weights, carried, words):
        turned = [weights[1], weights[0], *weights[2:]]
        return right(self, number, layer, turned, carried, words)

    monkeypatch.setattr(TrainingSpecification, "_errors_before", wrong)
    assert prove(training_trial(machine_of(taught(), 3, 3))).status is Status.REFUTED


def test_five_faults_or_more():
    names = [fault.name for fault in planted.TRAINING]
    assert len(set(names)) == len(names) >= 5


def test_what_is_too_large_is_refused():
    message = r"^a network that learns must have at most 500 products to be proven, got 768$"
    design = learning(drawn_design(0, (16, 24, 16)), 0.25)
    with pytest.raises(BittrueError, match=message):
        claims_of(Machine(design.shape), ["training"])


def test_a_shape_must_say_how_it_learns():
    with pytest.raises(BittrueError, match="must have a shape that says how it learns"):
        claims_of(Machine(drawn_design(0, (2, 2)).shape), ["training"])
