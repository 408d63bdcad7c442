"""A layer and a sample: from its start, in time that is not stretched, to its words and back.

`handshake` says what this is good for.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random

from amaranth.lib.wiring import Component

from bittrue.hdl.layer import Layer
from bittrue.hdl.machine import Folding
from bittrue.hdl.timing import LayerTiming
from bittrue.model.shape import Layer as LayerShape

from .equal import Pair, Status
from .spec import NeuronCodes, Specification
from .terms import Term, Terms
from .trial import Expected, Proof, Trial, prove
from .weight_terms import codes_for, neuron_codes

ISSUE = ("address", "row", "fold")
"""Registers of a layer that walk through a sample."""


def prove_start(
    number: int,
    layer: LayerShape,
    folding: Folding,
    data_width: int,
    *,
    waves: Path | None = None,
) -> Proof:
    """Decide `start_trial`; what only a sample behind the reset would show is shown by one."""
    proof = prove(start_trial(number, layer, folding, data_width), waves=waves)
    if proof.status is not Status.REFUTED or proof.replay is not None:
        return proof
    trial = layer_trial(number, layer, folding, data_width)
    shown = prove(replace(trial, claim=proof.claim, reset=True, period=1), waves=waves)
    return shown if shown.replay is not None else replace(proof, status=Status.UNKNOWN)


def start_trial(number: int, layer: LayerShape, folding: Folding, data_width: int) -> Trial:
    """Claim that a reset brings a layer to the start of a sample, with nothing on its way."""
    terms = Terms()
    claim = f"layer {number} is empty and at the start of a sample behind a reset"
    trial = Trial(claim, lambda _: Layer(layer, folding, data_width), terms, reset=True)
    trial.traffic = partial(_traffic, layer, folding)
    trial.cleared, trial.back = ISSUE, 1
    trial.stimulus = [
        {
            "available": terms.const(0, 1),
            "inputs": terms.var(f"inputs {n}", layer.input.format.width * folding.simd),
            "o__ready": terms.var(f"ready {n}", 1),
        }
        for n in range(1 + LayerTiming.of(layer, folding).output)
    ]
    for cycle in range(len(trial.stimulus)):
        _expect_start(trial, folding, cycle)
        trial.expected.append(_nothing(terms, cycle))
    return trial


def prove_idle(
    number: int,
    layer: LayerShape,
    folding: Folding,
    data_width: int,
    *,
    waves: Path | None = None,
) -> Proof:
    """Decide `idle_trial`."""
    return prove(idle_trial(number, layer, folding, data_width), waves=waves)


def idle_trial(number: int, layer: LayerShape, folding: Folding, data_width: int) -> Trial:
    """Claim that a layer at the start of a sample stays there while none waits, adding nothing."""
    terms = Terms()
    claim = f"layer {number} waits at the start of a sample until there is one"
    trial = Trial(claim, lambda _: Layer(layer, folding, data_width), terms)
    trial.traffic, trial.period = partial(_traffic, layer, folding), folding.initiation_interval
    trial.cleared, trial.back = ISSUE, 1
    inputs = layer.input.format.width * folding.simd
    output = LayerTiming.of(layer, folding).output
    for cycle in range(1 + output):
        available = terms.var(f"available {cycle}", 1) if cycle else terms.const(0, 1)
        step = {"available": available, "inputs": terms.var(f"inputs {cycle}", inputs)}
        trial.stimulus.append({**step, "o__ready": terms.const(1, 1)})
    _expect_start(trial, folding, 0)
    trial.expected.append(_nothing(terms, output))
    return trial


def _traffic(layer: LayerShape, folding: Folding, chance: Random) -> dict[str, int]:
    """Return drawn inputs of one cycle in which a sample is worked on."""
    inputs = chance.getrandbits(layer.input.format.width * folding.simd)
    return {"available": 1, "inputs": inputs, "o__ready": 1}


def _nothing(terms: Terms, cycle: int) -> Expected:
    return Expected(f"valid in cycle {cycle}", cycle, "o__valid", 0, terms.const(0, 1))


def _expect_start(trial: Trial, folding: Folding, cycle: int) -> None:
    """Expect the first address, and nothing released."""
    width = max(folding.input_folds - 1, 1).bit_length()
    for port, bits in (("address", width), ("release", 1)):
        zero = trial.terms.const(0, bits)
        trial.expected.append(Expected(f"{port} in cycle {cycle}", cycle, port, 0, zero))


def prove_layer(
    number: int,
    layer: LayerShape,
    folding: Folding,
    data_width: int,
    *,
    waves: Path | None = None,
) -> Proof:
    """Decide `layer_trial`; what only the sample behind would show is shown by two of them."""
    proof = prove(layer_trial(number, layer, folding, data_width), waves=waves)
    if proof.status is Status.REFUTED and proof.replay is None:
        shown = prove(layer_trial(number, layer, folding, data_width, samples=2), waves=waves)
        return shown if shown.replay is not None else replace(proof, status=Status.UNKNOWN)
    return proof


def layer_trial(
    number: int, layer: LayerShape, folding: Folding, data_width: int, *, samples: int = 1
) -> Trial:
    """Claim that a sample gives its own words, whatever came before it and whatever follows.

    The registers that walk through a sample are then back at its start, so that one is enough.
    """
    terms = Terms()
    claim = f"layer {number}: a sample gives its words, whatever is before and behind it"
    codes = neuron_codes(terms, "memory", layer, folding)

    def build(values: Mapping[str, int]) -> Component:
        weights, biases = codes_for(layer, codes, values)
        return Layer(layer, folding, data_width, weights=weights, biases=biases)

    trial = Trial(claim, build, terms, cleared=ISSUE)
    trial.traffic, trial.period = partial(_traffic, layer, folding), folding.initiation_interval
    beats, interval = folding.input_folds, folding.initiation_interval
    trial.back = interval
    format, one = layer.input.format, terms.const(1, 1)
    inputs = [
        [terms.var(f"sample {s}, input {n}", format.width) for n in range(layer.inputs)]
        for s in range(samples)
    ]
    end = samples * interval
    for cycle in range(end + LayerTiming.of(layer, folding).output):
        step = {"o__ready": one, "available": one}
        step["inputs"] = terms.var(f"inputs {cycle}", format.width * folding.simd)
        if cycle >= end:
            step["available"] = terms.var(f"available {cycle}", 1)
        if 0 < cycle <= end:
            sample, issue = divmod(cycle - 1, interval)
            step["inputs"] = _beat(terms, inputs[sample], issue % beats, folding)
        trial.stimulus.append(step)
        if cycle < end:
            width = max(beats - 1, 1).bit_length()
            address = terms.const(cycle % beats, width)
            released = terms.const(cycle % interval == interval - 1, 1)
            trial.expected += [
                Expected(f"address in cycle {cycle}", cycle, "address", 0, address),
                Expected(f"release in cycle {cycle}", cycle, "release", 0, released),
            ]
    for sample, given in enumerate(inputs):
        _expect_words(trial, (layer, folding), sample, given, codes)
    return trial


def _beat(terms: Terms, inputs: list[Term], beat: int, folding: Folding) -> Term:
    """Return a beat of inputs; what stands in padding lanes is any word."""
    width = inputs[0].width
    real = inputs[beat * folding.simd : (beat + 1) * folding.simd]
    padding = [terms.var(f"padding {n}", width) for n in range(folding.simd - len(real))]
    return terms.concat([*real, *padding])


def _expect_words(
    trial: Trial,
    part: tuple[LayerShape, Folding],
    sample: int,
    inputs: list[Term],
    codes: list[NeuronCodes],
) -> None:
    """Expect a sample's beats at the promised cycles, and none between them."""
    (layer, folding), terms = part, trial.terms
    spec, at = Specification(terms), LayerTiming.of(layer, folding)
    made = [spec.neuron(layer, inputs, *codes[n]) for n in range(layer.outputs)]
    for neuron, (accumulator, preactivation, _) in enumerate(made):
        trial.inner += [
            Pair(f"sample {sample}, neuron {neuron}, accumulator", accumulator),
            Pair(f"sample {sample}, neuron {neuron}, pre-activation", preactivation.code),
        ]
    width = layer.output.format.width
    for issue in range(folding.initiation_interval):
        cycle = sample * folding.initiation_interval + issue + at.output
        fold, beat = divmod(issue, folding.input_folds)
        valid = terms.const(beat == folding.input_folds - 1, 1)
        trial.expected.append(Expected(f"valid in cycle {cycle}", cycle, "o__valid", 0, valid))
        if not valid.constant:
            continue
        last = terms.const(fold == folding.neuron_folds - 1, 1)
        place, of = width * folding.pe, f"sample {sample}, beat {fold}"
        trial.expected.append(Expected(f"{of}, last", cycle, "o__payload", place, last))
        for lane in range(folding.pe):
            neuron = fold * folding.pe + lane
            real = neuron < layer.outputs
            word = made[neuron][2].code if real else terms.const(0, width)
            name = f"sample {sample}, neuron {neuron}, output" if real else f"{of}, padding {lane}"
            trial.expected.append(Expected(name, cycle, "o__payload", lane * width, word))
