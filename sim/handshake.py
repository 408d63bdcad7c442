"""Proofs about streams: under any stalls nothing is lost, doubled or put in another order.

A network is a chain, and so is its proof. What stands between layers, buffers and converters, is
followed through all states that it can reach (`explore`). A layer is proven in three steps:

1. stopped, it stands still, whatever its state: so stalls only stretch its time;
2. where no sample waits, it stays at the start of one;
3. from there, in time that is not stretched, a sample gives just the words of the contract, at the
   promised distance, whatever came before it and whatever comes behind, and brings the layer back
   to the start.

By induction over samples and cycles this holds for runs of any length.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from amaranth.lib.wiring import Component

from bittrue.hdl.buffer import SampleBuffer, WidthConverter
from bittrue.hdl.layer import STAGES, Layer
from bittrue.hdl.machine import Folding, Machine
from bittrue.hdl.network import data_width_of
from bittrue.hdl.timing import LayerTiming
from bittrue.model.shape import Layer as LayerShape

from .contracts import BufferContract, ConverterContract
from .equal import Pair, Status
from .explore import Contract, explore
from .spec import NeuronCodes, Specification
from .symbolic import SymbolicNetlist, netlist_of
from .term_values import variables
from .terms import Term, Terms
from .trial import Expected, Proof, Stimulus, Trial, prove, replayed_moves
from .weight_terms import codes_for, neuron_codes

ISSUE = ("address", "row", "fold")
"""Registers of a layer that walk through a sample."""


def prove_streams(machine: Machine, *, folder: Path | None = None) -> Iterable[Proof]:
    """Yield the proofs that make up that of a whole machine's streams.

    Parameters
    ----------
    machine : Machine
        What is built.
    folder : Path, optional
        Where waveforms of replays go.
    """
    for number, (layer, folding) in enumerate(machine.parts):

        def waves(name: str, number: int = number) -> Path | None:
            return None if folder is None else folder / f"{name}-{number}.vcd"

        yield prove_buffer(number, layer, folding, waves=waves("buffer"))
        width = data_width_of(machine)
        yield prove_standstill(number, layer, folding, width)
        yield prove(start_trial(number, layer, folding, width), waves=waves("start"))
        yield prove(layer_trial(number, layer, folding, width), waves=waves("layer"))
        if number and machine.foldings[number - 1].pe != folding.simd:
            lanes = machine.foldings[number - 1].pe, folding.simd
            yield prove_converter(number, layer, *lanes, waves=waves("converter"))


def prove_buffer(
    number: int, layer: LayerShape, folding: Folding, *, waves: Path | None = None
) -> Proof:
    """Decide whether the buffer before a layer keeps samples whole and in order."""
    format = layer.input.format
    terms = Terms()
    contract = BufferContract(terms, format.width * folding.simd, folding.input_folds)
    return _explored(
        f"buffer {number}, {folding.input_folds} beats of {folding.simd}",
        lambda: SampleBuffer(format, folding.simd, folding.input_folds),
        terms,
        contract,
        waves,
    )


def prove_converter(
    number: int, layer: LayerShape, lanes_in: int, lanes_out: int, *, waves: Path | None = None
) -> Proof:
    """Decide whether the converter before a layer keeps lanes in order and samples apart."""
    format = layer.input.format
    terms = Terms()
    return _explored(
        f"converter {number}, {lanes_in} to {lanes_out} lanes",
        lambda: WidthConverter(format, lanes_in, lanes_out, layer.inputs),
        terms,
        ConverterContract(terms, format.width, lanes_in, lanes_out, layer.inputs),
        waves,
    )


def _explored(
    claim: str,
    build: Callable[[], Component],
    terms: Terms,
    contract: Contract,
    waves: Path | None,
) -> Proof:
    start = time.perf_counter()
    found = explore(SymbolicNetlist(netlist_of(build()), terms), contract)
    broken = found.broken
    replay, stimulus = None, Stimulus()
    if broken is not None:
        replay, stimulus = replayed_moves(build(), terms, contract, broken.moves, waves)
    return Proof(
        f"{claim}: {found.states} states",
        Status.PROVEN if broken is None else Status.REFUTED,
        time.perf_counter() - start,
        different=None if broken is None else broken.message,
        replay=replay,
        stimulus=stimulus,
    )


def prove_standstill(number: int, layer: LayerShape, folding: Folding, data_width: int) -> Proof:
    """Decide whether a layer that must wait stands still, whatever its state."""
    start = time.perf_counter()
    claim = f"layer {number} stands still while its output waits"
    terms = Terms()
    module = netlist_of(Layer(layer, folding, data_width))
    netlist = SymbolicNetlist(module, terms)
    before = dict(netlist.state)
    inputs = _any_inputs(netlist, module, "moving")
    reach = _reach(netlist, inputs)
    netlist.state = _waiting(netlist, before)
    before, rows = dict(netlist.state), {k: list(v) for k, v in netlist.memory.items()}
    outputs = netlist.step({**inputs, "o__ready": terms.const(0, 1)})
    moved = [
        netlist.names[word][0]
        for word, held in before.items()
        if word in reach and netlist.state[word] is not held
    ]
    moved += [name for name, held in rows.items() if netlist.memory[name] != held]
    moved += [port for port in ("en", "release") if outputs[port].constant != 0]
    moved += [stage for stage in STAGES if terms.slice(outputs[stage], 0, 1).constant != 0]
    shown = variables([outputs["o__payload"], outputs["o__valid"]])
    moved += [f"o by {term.value}" for term in shown if term not in _registers(before)]
    status = Status.REFUTED if moved else Status.PROVEN
    return Proof(
        claim,
        status,
        time.perf_counter() - start,
        words=len(reach),
        different=", ".join(moved) or None,
    )


def _registers(state: Mapping[int, Term]) -> set[Term]:
    return set(variables(state.values()))


def _any_inputs(netlist: SymbolicNetlist, module: Mapping[str, Any], name: str) -> dict[str, Term]:
    """Return variables for all inputs; the load port does not own the memory."""
    terms = netlist.terms
    inputs = {
        port: terms.var(f"{name} {port}", len(about["bits"]))
        for port, about in module["ports"].items()
        if about["direction"] == "input" and port not in ("clk", "rst")
    }
    return {**inputs, "loading": terms.const(0, 1)}


def _reach(netlist: SymbolicNetlist, inputs: Mapping[str, Term]) -> set[int]:
    """Return the registers that outputs depend on, in however many cycles."""
    owners = {held: word for word, held in netlist.state.items()}
    outputs = netlist.step(inputs)
    after = dict(netlist.state)
    shown = [outputs[name] for name in ("o__payload", "o__valid", "address", "release", *STAGES)]
    found: set[int] = set()
    waiting = [owners[term] for term in variables(shown) if term in owners]
    while waiting:
        word = waiting.pop()
        if word not in found:
            found.add(word)
            waiting += [owners[term] for term in variables([after[word]]) if term in owners]
    return found


def _waiting(netlist: SymbolicNetlist, state: Mapping[int, Term]) -> dict[int, Term]:
    """Return a state in which an output beat is there."""
    terms = netlist.terms
    netlist.state = dict(state)
    valid = netlist.step({})["o__valid"]
    held = valid.args[0] if valid.op == "slice" else valid
    low = int(valid.value) if valid.op == "slice" else 0
    parts = [
        terms.slice(held, 0, low) if low else terms.const(0, 0),
        terms.const(1, 1),
        terms.slice(held, low + 1, held.width - low - 1)
        if held.width > low + 1
        else terms.const(0, 0),
    ]
    return {word: terms.concat(parts) if term is held else term for word, term in state.items()}


def start_trial(number: int, layer: LayerShape, folding: Folding, data_width: int) -> Trial:
    """Claim that a reset brings a layer to the start of a sample, where it stays without one."""
    terms = Terms()
    claim = f"layer {number} is at the start of a sample behind a reset, and stays there"
    trial = Trial(claim, lambda _: Layer(layer, folding, data_width), terms, reset=True)
    inputs = terms.var("inputs", layer.input.format.width * folding.simd)
    trial.stimulus = [
        {"available": terms.const(0, 1), "inputs": inputs, "o__ready": terms.var(f"ready {n}", 1)}
        for n in range(1 + LayerTiming.of(layer, folding).output)
    ]
    width = max(folding.input_folds - 1, 1).bit_length()
    for cycle in range(len(trial.stimulus)):
        for port, bits in (("address", width), ("release", 1), ("o__valid", 1)):
            zero = terms.const(0, bits)
            trial.expected.append(Expected(f"{port} in cycle {cycle}", cycle, port, 0, zero))
    return trial


def layer_trial(number: int, layer: LayerShape, folding: Folding, data_width: int) -> Trial:
    """Claim that a sample gives its own words, whatever came before it and whatever follows."""
    terms = Terms()
    claim = f"layer {number}: a sample gives its words, whatever is before and behind it"
    codes = neuron_codes(terms, "memory", layer, folding)

    def build(values: Mapping[str, int]) -> Component:
        weights, biases = codes_for(layer, codes, values)
        return Layer(layer, folding, data_width, weights=weights, biases=biases)

    trial = Trial(claim, build, terms, cleared=ISSUE)
    at = LayerTiming.of(layer, folding)
    beats, interval = folding.input_folds, folding.initiation_interval
    inputs = [terms.var(f"input {n}", layer.input.format.width) for n in range(layer.inputs)]
    lanes = [_beat(terms, inputs, beat, folding) for beat in range(beats)]
    one = terms.const(1, 1)
    for cycle in range(interval + at.output):
        step = {"o__ready": one, "available": one}
        if cycle >= interval:
            step["available"] = terms.var(f"available {cycle}", 1)
        if 0 < cycle <= interval:
            step["inputs"] = lanes[(cycle - 1) % beats]
        else:
            step["inputs"] = terms.var(f"inputs {cycle}", lanes[0].width)
        trial.stimulus.append(step)
        if cycle < interval:
            width = max(beats - 1, 1).bit_length()
            address = terms.const(cycle % beats, width)
            released = terms.const(cycle == interval - 1, 1)
            trial.expected += [
                Expected(f"address in cycle {cycle}", cycle, "address", 0, address),
                Expected(f"release in cycle {cycle}", cycle, "release", 0, released),
            ]
    _expect_words(trial, layer, folding, inputs, codes)
    return trial


def _beat(terms: Terms, inputs: list[Term], beat: int, folding: Folding) -> Term:
    """Return a beat of inputs; what stands in padding lanes is any word."""
    width = inputs[0].width
    real = inputs[beat * folding.simd : (beat + 1) * folding.simd]
    padding = [terms.var(f"padding {n}", width) for n in range(folding.simd - len(real))]
    return terms.concat([*real, *padding])


def _expect_words(
    trial: Trial,
    layer: LayerShape,
    folding: Folding,
    inputs: list[Term],
    codes: list[NeuronCodes],
) -> None:
    """Expect a sample's beats at the promised cycles, and none between them."""
    terms, spec, at = trial.terms, Specification(trial.terms), LayerTiming.of(layer, folding)
    made = [spec.neuron(layer, inputs, *codes[n]) for n in range(layer.outputs)]
    for neuron, (accumulator, preactivation, _) in enumerate(made):
        trial.inner += [
            Pair(f"neuron {neuron}, accumulator", accumulator),
            Pair(f"neuron {neuron}, pre-activation", preactivation.code),
        ]
    width = layer.output.format.width
    for issue in range(folding.initiation_interval):
        cycle = issue + at.output
        fold, beat = divmod(issue, folding.input_folds)
        valid = terms.const(beat == folding.input_folds - 1, 1)
        trial.expected.append(Expected(f"valid in cycle {cycle}", cycle, "o__valid", 0, valid))
        if not valid.constant:
            continue
        last = terms.const(fold == folding.neuron_folds - 1, 1)
        place = width * folding.pe
        trial.expected.append(Expected(f"last of beat {fold}", cycle, "o__payload", place, last))
        for lane in range(folding.pe):
            neuron = fold * folding.pe + lane
            real = neuron < layer.outputs
            word = made[neuron][2].code if real else terms.const(0, width)
            name = f"neuron {neuron}, output" if real else f"padding lane {lane}"
            trial.expected.append(Expected(name, cycle, "o__payload", lane * width, word))
