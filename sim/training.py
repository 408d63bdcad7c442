"""Claims about a machine that learns: its steps, for all inputs, targets and weights at once."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from random import Random
from typing import NamedTuple

from amaranth.lib.wiring import Component

from bittrue.hdl import timing
from bittrue.hdl.derivative import output_ends, slope_format
from bittrue.hdl.loader import load_layout
from bittrue.hdl.machine import Machine
from bittrue.hdl.network import Network, data_width_of, has_chance
from bittrue.hdl.trainer import target_lanes
from bittrue.model.lfsr import BITS
from bittrue.model.modes import Rounding
from bittrue.model.shape import Weights

from .equal import Pair
from .prove import (
    BACK_TO_BACK,
    FIRST,
    codes_named,
    input_name,
    network_codes,
    weights_for,
    word_name,
)
from .record import TaughtSession
from .spec import NeuronCodes, Word
from .spec_training import TrainingSpecification
from .term_values import value_of
from .terms import Term, Terms
from .trial import Expected, Trial

REGISTER = "trainer.register.held"
"""The register that is drawn from, in the netlist."""

IDLE = 2
"""Cycles from `hold` to `idle`, of a machine that has drained."""

LOADER = 2
"""Cycles that the load port adds to those in which a read is found."""

CHANCE = 1
"""Cycles in which the shift register is found."""

Neurons = Sequence[Sequence[NeuronCodes]]
"""Weights and biases, layer by layer."""


class _Lesson(NamedTuple):
    """What is given for one step, from which cycle on, and the words of it."""

    start: int
    inputs: Sequence[Term]
    targets: Sequence[Term]
    words: Sequence[Word]


class _Read(NamedTuple):
    """A read of the load port: its request, how long it takes, and what must be found."""

    name: str
    fields: Mapping[str, int]
    latency: int
    word: Term
    signed: bool


def training_trial(
    machine: Machine, weights: Weights | None = None, *, steps: int = BACK_TO_BACK
) -> Trial:
    """Claim that a machine with a trainer, reset from any state, learns as the contract says.

    Samples that are learned from follow each other as soon as they are taken. Outputs must be the
    contract's in the promised cycles, `ready` down for as long as a step lasts and up behind it;
    then all weights and biases, and the shift register, are read by the load port.

    Parameters
    ----------
    machine : Machine
        With a trainer.
    weights : Weights, optional
        What its memories hold, and the shift register; where not given, the claim is for all
        weights and all states at once.
    steps : int
        Steps one behind the other.
    """
    terms, chance = Terms(), has_chance(machine)
    codes, state = network_codes(terms, machine, weights), None
    if chance:
        # the register never holds 0
        state = terms.var("shift register", BITS)
        state = terms.ite(terms.any(state), state, terms.const(1, BITS))
        if weights is not None and weights.state is not None:
            state = terms.const(weights.state, BITS)
    build = partial(_built, machine, codes, state)
    trial = Trial(_claim(machine, weights, steps), build, terms, reset=True)
    if weights is not None:
        trial.powered_up = [
            f"layer_{number}.memory.{kind}"
            for number in range(len(machine.parts))
            for kind in ("weight", "bias")
        ]
    trial.traffic, trial.past = partial(_traffic, machine), timing.network(machine)
    trial.session = partial(_session, machine, codes, state, steps)
    trial.held = {} if state is None else {REGISTER: state}
    spec, lessons = TrainingSpecification(terms), list[_Lesson]()
    for number in range(steps):
        inputs, targets = _sample(terms, machine, number)
        made = spec.step(machine.shape, inputs, targets, codes, state)
        start = FIRST + number * timing.step(machine)
        lessons.append(_Lesson(start, inputs, targets, made.words))
        # each draw is a parity of the state's bits, and is compared as such wherever it is used
        words = [word for word in made.words if word.stage != "draw"]
        trial.inner += [_inner(machine, number, word) for word in words]
        codes, state = made.weights, made.state
    end = FIRST + steps * timing.step(machine)
    _drive(trial, machine, lessons, end)
    _expect_outputs(trial, machine, lessons, end)
    _read_all(trial, machine, end, [*_reads(machine, codes, state)])
    return trial


def _claim(machine: Machine, weights: Weights | None, steps: int) -> str:
    sizes = "-".join(map(str, machine.shape.sizes))
    lanes, learning = machine.to_json(), machine.shape.learning
    rounding = learning.rounding if learning is not None else None
    mode = rounding.name if isinstance(rounding, Rounding) else rounding
    return (
        f"{steps} steps of {sizes}, PE {lanes['pe']}, SIMD {lanes['simd']}, updates {mode}, all "
        f"inputs and targets, {'all' if weights is None else 'the given'} weights"
    )


def _built(
    machine: Machine, codes: Neurons, state: Term | None, values: Mapping[str, int]
) -> Component:
    return Network(machine, _weights(machine, codes, state, values))


def _weights(
    machine: Machine, codes: Neurons, state: Term | None, values: Mapping[str, int]
) -> Weights:
    found = weights_for(machine, codes, values)
    register = None if state is None else value_of(state, values)
    return Weights(found.weights, found.biases, register)


def _session(
    machine: Machine,
    codes: Neurons,
    state: Term | None,
    steps: int,
    values: Mapping[str, int],
) -> TaughtSession:
    """Return weights, samples and targets that variables' values stand for."""
    shape = machine.shape
    inputs = [[input_name(s, n) for n in range(shape.sizes[0])] for s in range(steps)]
    targets = [[_target(s, n) for n in range(shape.sizes[-1])] for s in range(steps)]
    return TaughtSession(
        _weights(machine, codes, state, values),
        codes_named(inputs, shape.input.format, values),
        codes_named(targets, shape.output.format, values),
    )


def _target(sample: int, number: int) -> str:
    return f"sample {sample}, target {number}"


def _sample(terms: Terms, machine: Machine, sample: int) -> tuple[list[Term], list[Term]]:
    """Return any inputs and targets."""
    shape = machine.shape
    inputs, targets = shape.input.format.width, shape.output.format.width
    return (
        [terms.var(input_name(sample, n), inputs) for n in range(shape.sizes[0])],
        [terms.var(_target(sample, n), targets) for n in range(shape.sizes[-1])],
    )


def _inner(machine: Machine, sample: int, word: Word) -> Pair:
    """Return a word that is looked for; of some it is known where they lie."""
    pair, learning = Pair(word_name(sample, word), word.code), machine.shape.learning
    layer = machine.shape.layers[word.layer]
    if word.stage == "output":
        pair.ends = output_ends(layer.curve)
    if word.stage == "derivative" and learning is not None:
        derivative = learning.layers[word.layer].derivative
        format = slope_format(layer.curve, derivative)
        pair.ends = format.min_code, format.max_code
    return pair


def _drive(trial: Trial, machine: Machine, lessons: Sequence[_Lesson], end: int) -> None:
    """Give samples and targets as soon as they are taken; what is not valid is any word."""
    terms, folding = trial.terms, machine.foldings[0]
    no, yes = terms.const(0, 1), terms.const(1, 1)
    width, targets = machine.shape.input.format.width, target_lanes(machine)
    of_target = machine.shape.output.format.width
    bits = width * folding.simd + 2 + of_target * targets
    trial.stimulus = [
        {"o__ready": yes, "i__payload": terms.var(f"no payload {cycle}", bits)}
        for cycle in range(end)
    ]
    ready = set(range(FIRST, end + 1))
    for number, lesson in enumerate(lessons):
        for beat in range(folding.input_folds):
            cycle, at_end = lesson.start + beat, beat == folding.input_folds - 1
            lanes = lesson.inputs[beat * folding.simd : (beat + 1) * folding.simd]
            wanted = lesson.targets[beat * targets : (beat + 1) * targets]
            # of the beats of a sample only the last says whether it is learned from
            train = yes if at_end else terms.var(f"no train {cycle}", 1)
            parts = [
                *lanes,
                terms.var(f"padding {cycle}", width * (folding.simd - len(lanes))),
                terms.const(at_end, 1),
                train,
                *wanted,
                terms.var(f"no target {cycle}", of_target * (targets - len(wanted))),
            ]
            trial.stimulus[cycle] |= {"i__valid": yes, "i__payload": terms.concat(parts)}
        begun = lesson.start + folding.input_folds
        ready -= set(range(begun, lesson.start + timing.step(machine)))
        trial.expected += [
            Expected(
                f"step {number}, ready in cycle {cycle}",
                cycle,
                "i__ready",
                0,
                yes if cycle in ready else no,
            )
            for cycle in range(lesson.start, lesson.start + timing.step(machine))
        ]


def _expect_outputs(trial: Trial, machine: Machine, lessons: Sequence[_Lesson], end: int) -> None:
    """Expect each step's outputs when the timing promises them, and none beside them."""
    terms, (layer, folding) = trial.terms, machine.parts[-1]
    width, number = layer.output.format.width, len(machine.parts) - 1
    due: dict[int, tuple[int, int]] = {}
    for step, lesson in enumerate(lessons):
        for fold in range(folding.neuron_folds):
            behind = folding.neuron_folds - 1 - fold
            cycle = lesson.start + timing.network(machine) - behind * folding.input_folds
            due[cycle] = step, fold
    for cycle in range(FIRST, end):
        valid = terms.const(cycle in due, 1)
        trial.expected.append(Expected(f"valid in cycle {cycle}", cycle, "o__valid", 0, valid))
    for cycle, (step, fold) in due.items():
        words = [w for w in lessons[step].words if (w.layer, w.stage) == (number, "output")]
        for lane, word in enumerate(words[fold * folding.pe : (fold + 1) * folding.pe]):
            name = word_name(step, word)
            trial.expected.append(Expected(name, cycle, "o__payload", lane * width, word.code))


def _reads(machine: Machine, codes: Neurons, state: Term | None) -> Iterable[_Read]:
    """Yield the reads of all weights and biases, and of the shift register."""
    for number, (layer, folding) in enumerate(machine.parts):
        latency = timing.load(layer, folding) + LOADER
        for neuron, held in enumerate(codes[number]):
            where = {"layer": number, "neuron": neuron}
            name = f"layer {number}, neuron {neuron}"
            for n, word in enumerate(held.weights):
                fields, is_signed = {**where, "input": n}, layer.weight.format.signed
                yield _Read(f"{name}, weight {n} read", fields, latency, word, is_signed)
            if layer.bias is not None and held.bias is not None:
                fields, is_signed = {**where, "bias": 1}, layer.bias.format.signed
                yield _Read(f"{name}, bias read", fields, latency, held.bias, is_signed)
    if state is not None:
        fields = {"layer": len(machine.parts)}
        yield _Read("shift register read", fields, CHANCE + LOADER, state, signed=False)


def _read_all(trial: Trial, machine: Machine, end: int, reads: Sequence[_Read]) -> None:
    """Hold the machine, and read one word after the other by the load port."""
    terms, data = trial.terms, data_width_of(machine)
    yes, layout = terms.const(1, 1), load_layout(data)
    held = {"hold": yes, "o__ready": yes, "loaded__ready": yes}
    trial.stimulus += [dict(held) for _ in range(IDLE + 1)]
    trial.expected.append(Expected("idle", end + IDLE, "idle", 0, yes))
    for read in reads:
        cycle = len(trial.stimulus)
        request = terms.const(
            sum(v << layout[n].offset for n, v in read.fields.items()), layout.size
        )
        trial.stimulus += [dict(held) for _ in range(read.latency + 1)]
        trial.stimulus[cycle] |= {"load__valid": yes, "load__payload": request}
        trial.expected.append(Expected(f"{read.name}, taken", cycle, "load__ready", 0, yes))
        answered = cycle + read.latency
        for at in range(cycle, answered + 1):
            valid = terms.const(at == answered, 1)
            trial.expected.append(
                Expected(f"{read.name}, valid in cycle {at}", at, "loaded__valid", 0, valid)
            )
        word = terms.extend(read.word, data, read.signed)
        trial.expected.append(Expected(read.name, answered, "loaded__payload", 0, word))


def _traffic(machine: Machine, chance: Random) -> dict[str, int]:
    """Return drawn inputs of one cycle, so few of which are driven that no weight is changed."""
    folding = machine.foldings[0]
    width = machine.shape.input.format.width * folding.simd
    last = int(chance.random() < 1 / folding.input_folds)
    targets = machine.shape.output.format.width * target_lanes(machine)
    payload = (
        chance.getrandbits(width) | last << width | chance.getrandbits(1 + targets) << (width + 1)
    )
    return {"i__valid": 1, "i__payload": payload, "o__ready": int(chance.random() < 0.8)}
