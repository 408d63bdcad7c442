"""Proofs about streams: under any stalls nothing is lost, doubled or put in another order.

A network is a chain, and so is its proof. What stands between layers, buffers and converters, is
followed through all states that it can reach (`explore`). A layer is proven in three steps:

1. stalls only stretch its time (`standstill`);
2. a reset brings it to the start of a sample, and where none waits it stays there (`sample`);
3. from there, in time that is not stretched, a sample gives just the words of the contract, at the
   promised distance, whatever came before it and whatever comes behind, and brings the layer back
   to the start.

By induction over samples and cycles this holds for runs of any length.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from amaranth.lib.wiring import Component

from bittrue.hdl.buffer import SampleBuffer, WidthConverter
from bittrue.hdl.machine import Folding, Machine
from bittrue.hdl.network import data_width_of
from bittrue.model.shape import Layer as LayerShape

from .bench import Stimulus
from .contracts import BufferContract, ConverterContract
from .equal import Status
from .explore import Contract, explore
from .sample import prove_idle, prove_layer, prove_start
from .standstill import prove_standstill
from .symbolic import SymbolicNetlist, netlist_of
from .terms import Terms
from .trial import Proof, replayed_moves

Step = tuple[str, Callable[[Path | None], list[Proof]]]
"""What a step proves, in short, and what is done, given a folder for waveforms or None."""


def stream_steps(machine: Machine, number: int) -> Iterator[Step]:
    """Return the proofs about a layer's stream: what stands before it, and the layer.

    Parameters
    ----------
    machine : Machine
        What is built.
    number : int
        Of the layer.
    """
    layer, folding = machine.parts[number]
    part, width = (number, layer, folding), data_width_of(machine)
    if number and machine.foldings[number - 1].pe != folding.simd:
        lanes = machine.foldings[number - 1].pe, folding.simd
        yield _step("converter", number, partial(prove_converter, number, layer, *lanes))
    yield _step("buffer", number, partial(prove_buffer, *part))
    yield _step("stalls", number, partial(prove_standstill, *part, width))
    yield _step("start", number, partial(prove_start, *part, width))
    yield _step("idle", number, partial(prove_idle, *part, width))
    yield _step("layer", number, partial(prove_layer, *part, width))


def _step(name: str, number: int, proof: Callable[..., Proof]) -> Step:
    def step(folder: Path | None) -> list[Proof]:
        return [proof(waves=None if folder is None else folder / f"{name}-{number}.vcd")]

    return f"{name} {number}", step


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
