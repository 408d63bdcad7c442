"""Claims about the hardware, for all inputs at once, each against the word-level specification."""

from collections.abc import Mapping, Sequence
from functools import partial
from random import Random

import numpy as np
from amaranth.lib.wiring import Component

from bittrue.hdl import timing
from bittrue.hdl.curve import Curve as CurveComponent
from bittrue.hdl.machine import Machine
from bittrue.hdl.network import Network
from bittrue.hdl.neuron import Neuron
from bittrue.hdl.requantize import Requantize
from bittrue.model.curves import Curve
from bittrue.model.shape import Layer, Weights
from bittrue.model.types import Codes, FixedType, Format

from .equal import Pair
from .record import Session
from .spec import NeuronCodes, Requantized, Specification, Word
from .terms import Term, Terms
from .trial import Expected, Trial
from .weight_terms import codes_for, constant_codes, neuron_codes

FIRST = 1
"""Cycle of a network's first beat: in the one before, behind the reset, it gets ready."""

BACK_TO_BACK = 2
"""Words, or samples, one behind the other: what one leaves behind must not touch the next."""


STALLED = 2
"""Cycles of a component alone for each with its enable."""


def requantize_trial(source: Format, target: FixedType) -> Trial:
    """Claim that `hdl.requantize` is the contract's, losses included, for every code."""
    terms = Terms()
    trial = Trial(f"requantize {source} to {target}", lambda _: Requantize(source, target), terms)
    spec = Specification(terms)
    codes = [terms.var(f"code {n}", source.width) for n in range(BACK_TO_BACK)]
    _enable(trial, len(codes) + timing.REQUANTIZE)
    _stream(trial, "i", codes)
    for n, code in enumerate(codes):
        made = spec.requantize(spec.number(code, source), target)
        _expect_stage(trial, f"code {n}", STALLED * (n + timing.REQUANTIZE), made)
    return trial


def curve_trial(curve: Curve) -> Trial:
    """Claim that `hdl.curve` is the contract's, losses included, for every code."""
    terms = Terms()
    latency = timing.curve(curve)
    claim = f"curve {curve.name}, {curve.input} to {curve.output}"
    trial = Trial(claim, lambda _: CurveComponent(curve), terms)
    spec = Specification(terms)
    codes = [terms.var(f"code {n}", curve.input.width) for n in range(BACK_TO_BACK)]
    _enable(trial, len(codes) + latency)
    _stream(trial, "i", codes)
    for n, code in enumerate(codes):
        _expect_stage(trial, f"code {n}", STALLED * (n + latency), spec.curve(code, curve))
    return trial


def neuron_trial(layer: Layer, simd: int) -> Trial:
    """Claim that a neuron is the contract's at each stage, for all inputs, weights and biases."""
    terms = Terms()
    latency = timing.mac(simd) + timing.REQUANTIZE + timing.curve(layer.curve)
    claim = f"neuron of {layer.inputs} inputs, {layer.weight.format}, SIMD {simd}"
    trial = Trial(claim, lambda _: Neuron(layer, simd), terms)
    trial.traffic = partial(_operands, layer, simd)
    spec = Specification(terms)
    beats = -(-layer.inputs // simd)
    _enable(trial, beats + latency)
    inputs = [terms.var(f"input {n}", layer.input.format.width) for n in range(layer.inputs)]
    weights = [terms.var(f"weight {n}", layer.weight.format.width) for n in range(layer.inputs)]
    for beat, step in enumerate(trial.stimulus[: STALLED * beats : STALLED]):
        step["first"] = terms.const(beat == 0, 1)
        for port, codes in (("inputs", inputs), ("weights", weights)):
            step[port] = _lanes(terms, codes[beat * simd : (beat + 1) * simd], simd)
    bias = None
    if layer.bias is not None:
        bias = terms.var("bias", layer.bias.format.width)
        trial.stimulus[STALLED * timing.bias_delay(simd)]["bias"] = bias
    accumulator, preactivation, output = spec.neuron(layer, inputs, weights, bias)
    trial.inner = [
        Pair("accumulator", accumulator),
        Pair("pre-activation", preactivation.code),
    ]
    end = STALLED * (beats - 1 + latency)
    _expect_stage(trial, "output", end, output, port="output", losses="output_")
    return trial


def _operands(layer: Layer, simd: int, chance: Random) -> dict[str, int]:
    """Return drawn inputs of a neuron in one cycle."""
    drawn = {
        "en": 1,
        "first": chance.getrandbits(1),
        "inputs": chance.getrandbits(simd * layer.input.format.width),
        "weights": chance.getrandbits(simd * layer.weight.format.width),
    }
    if layer.bias is not None:
        drawn["bias"] = chance.getrandbits(layer.bias.format.width)
    return drawn


def network_trial(
    machine: Machine, weights: Weights | None = None, *, samples: int = BACK_TO_BACK
) -> Trial:
    """Claim that a whole network, reset from any state, is the contract's for all inputs.

    Parameters
    ----------
    machine : Machine
        The network.
    weights : Weights, optional
        What its memories hold; where not given, the claim is for all weights at once.
    samples : int
        Samples one behind the other.
    """
    terms = Terms()
    sizes = "-".join(map(str, machine.shape.sizes))
    lanes = machine.to_json()
    claim = (
        f"network {sizes}, PE {lanes['pe']}, SIMD {lanes['simd']}, all inputs, "
        f"{'all' if weights is None else 'the given'} weights"
    )
    codes = network_codes(terms, machine, weights)

    def build(values: Mapping[str, int]) -> Component:
        return Network(machine, weights_for(machine, codes, values))

    trial = Trial(claim, build, terms, reset=True)
    if weights is not None:
        trial.powered_up = [
            f"layer_{number}.memory.{kind}"
            for number in range(len(machine.parts))
            for kind in ("weight", "bias")
        ]
    trial.traffic = partial(_traffic, machine)
    trial.session = partial(_session, machine, codes, samples)
    inputs = [
        [
            terms.var(input_name(sample, n), machine.shape.input.format.width)
            for n in range(machine.shape.sizes[0])
        ]
        for sample in range(samples)
    ]
    _drive(trial, machine, inputs)
    spec = Specification(terms)
    words = [spec.network(machine.shape, values, codes) for values in inputs]
    for sample, found in enumerate(words):
        trial.inner += [Pair(word_name(sample, word), word.code) for word in found]
    _expect_outputs(trial, machine, words)
    return trial


def weights_for(
    machine: Machine, codes: Sequence[Sequence[NeuronCodes]], values: Mapping[str, int]
) -> Weights:
    """Return weights for values of the variables."""
    parts = zip(machine.shape.layers, codes, strict=True)
    pairs = [codes_for(layer, neurons, values) for layer, neurons in parts]
    return Weights([w for w, _ in pairs], [b for _, b in pairs])


def _session(
    machine: Machine,
    codes: Sequence[Sequence[NeuronCodes]],
    samples: int,
    values: Mapping[str, int],
) -> Session:
    """Return weights and samples that variables' values stand for."""
    format, size = machine.shape.input.format, machine.shape.sizes[0]
    names = [[input_name(sample, n) for n in range(size)] for sample in range(samples)]
    return Session(weights_for(machine, codes, values), codes_named(names, format, values))


def codes_named(names: Sequence[Sequence[str]], format: Format, values: Mapping[str, int]) -> Codes:
    """Return the codes that variables stand for, 0 where not given."""
    words = np.array([[values.get(name, 0) for name in row] for row in names])
    if format.signed:
        words = np.where(words > format.max_code, words - (1 << format.width), words)
    return words


def input_name(sample: int, number: int) -> str:
    """Return the name of the variable of an input."""
    return f"sample {sample}, input {number}"


def network_codes(
    terms: Terms, machine: Machine, weights: Weights | None
) -> list[list[NeuronCodes]]:
    """Return each layer's neurons: what the memories hold, or the given weights."""
    if weights is None:
        return [
            neuron_codes(terms, f"layer_{number}.memory", *part)
            for number, part in enumerate(machine.parts)
        ]
    given = zip(machine.shape.layers, weights.weights, weights.biases, strict=True)
    return [constant_codes(terms, *layer) for layer in given]


def _enable(trial: Trial, cycles: int) -> None:
    """Put a cycle without the enable, in which nothing may move, behind each with it."""
    bits = [trial.terms.const(bit, 1) for bit in (1, 0)]
    trial.stimulus = [{"en": bits[n % STALLED]} for n in range(STALLED * cycles)]


def _stream(trial: Trial, port: str, codes: Sequence[Term]) -> None:
    """Give a word in each enabled cycle, and another in each that is not."""
    for n, code in enumerate(codes):
        trial.stimulus[STALLED * n][port] = code
        trial.stimulus[STALLED * n + 1][port] = trial.terms.var(f"not code {n}", code.width)


def _expect_stage(
    trial: Trial, name: str, cycle: int, made: Requantized, *, port: str = "o", losses: str = ""
) -> None:
    """Expect a requantized word and its losses."""
    expected = {
        name: (port, made.code),
        f"{name}, inexact": (f"{losses}inexact", made.inexact),
        f"{name}, overflowed": (f"{losses}overflowed", made.overflowed),
    }
    trial.expected += [Expected(what, cycle, at, 0, word) for what, (at, word) in expected.items()]


def _lanes(terms: Terms, codes: Sequence[Term], lanes: int) -> Term:
    """Return codes side by side, filled up with zeros."""
    width = codes[0].width
    return terms.concat([*codes, terms.const(0, width * (lanes - len(codes)))])


def word_name(sample: int, word: Word) -> str:
    """Return the name of a word of a sample."""
    return f"sample {sample}, layer {word.layer}, neuron {word.neuron}, {word.stage}"


def _drive(trial: Trial, machine: Machine, samples: Sequence[Sequence[Term]]) -> None:
    """Give samples one behind the other, and take what comes; what is not valid is any word."""
    terms, folding = trial.terms, machine.foldings[0]
    interval, yes = machine.initiation_interval, terms.const(1, 1)
    cycles = FIRST + timing.network(machine) + len(samples) * interval
    width = machine.shape.input.format.width
    for cycle in range(cycles):
        payload = terms.var(f"no payload {cycle}", width * folding.simd + 1)
        trial.stimulus.append({"o__ready": yes, "i__payload": payload})
    for number, codes in enumerate(samples):
        starts = range(0, folding.inputs, folding.simd)
        for cycle, start in enumerate(starts, FIRST + number * interval):
            last = terms.const(start == starts[-1], 1)
            lanes = codes[start : start + folding.simd]
            padding = terms.var(f"padding {cycle}", width * (folding.simd - len(lanes)))
            payload = terms.concat([*lanes, padding, last])
            trial.stimulus[cycle] |= {"i__valid": yes, "i__payload": payload}
            name = f"sample {number}, ready for inputs {start}"
            trial.expected.append(Expected(name, cycle, "i__ready", 0, yes))


def _expect_outputs(trial: Trial, machine: Machine, samples: Sequence[Sequence[Word]]) -> None:
    """Expect output beats when the timing promises them, and none beside them."""
    terms, (layer, folding) = trial.terms, machine.parts[-1]
    width = layer.output.format.width
    due: dict[int, tuple[int, int]] = {}
    for sample in range(len(samples)):
        end = FIRST + sample * machine.initiation_interval + timing.network(machine)
        for fold in range(folding.neuron_folds):
            behind = folding.neuron_folds - 1 - fold
            due[end - behind * folding.input_folds] = sample, fold
    for cycle in range(FIRST, len(trial.stimulus)):
        valid = terms.const(cycle in due, 1)
        trial.expected.append(Expected(f"valid in cycle {cycle}", cycle, "o__valid", 0, valid))
    for cycle, (sample, fold) in due.items():
        last = terms.const(fold == folding.neuron_folds - 1, 1)
        at = f"sample {sample}, beat {fold}"
        trial.expected.append(
            Expected(f"{at}, last", cycle, "o__payload", width * folding.pe, last)
        )
        outputs = [word for word in samples[sample] if word.layer == len(machine.parts) - 1]
        outputs = [word for word in outputs if word.stage == "output"]
        for lane in range(folding.pe):
            neuron = fold * folding.pe + lane
            real = neuron < layer.outputs
            word = outputs[neuron].code if real else terms.const(0, width)
            name = word_name(sample, outputs[neuron]) if real else f"{at}, padding lane {lane}"
            trial.expected.append(Expected(name, cycle, "o__payload", lane * width, word))


def _traffic(machine: Machine, chance: Random) -> dict[str, int]:
    """Return drawn inputs of one cycle."""
    folding = machine.foldings[0]
    width = machine.shape.input.format.width * folding.simd
    last = int(chance.random() < 1 / folding.input_folds)
    return {
        "i__valid": 1,
        "i__payload": chance.getrandbits(width) | last << width,
        "o__ready": int(chance.random() < 0.8),
    }
