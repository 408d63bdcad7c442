"""Words on wires: lanes packed into beats, and beats taken apart into rows of a `Run`."""

from collections.abc import Iterable, Sequence

import numpy as np

from bittrue.hdl.layer import STAGES
from bittrue.hdl.machine import Folding, Machine
from bittrue.hdl.watch import SAMPLE_BITS, trace_layout
from bittrue.model.formats import Codes, Format

Stage = tuple[int, str, Format, Folding]


def pack(codes: Iterable[int], width: int) -> int:
    """Return codes side by side in one word, the first lowest, as two's complement."""
    word = 0
    for lane, code in enumerate(codes):
        word |= (code & (1 << width) - 1) << lane * width
    return word


def unpack(word: int, count: int, format: Format) -> list[int]:
    """Return the first ``count`` codes of a word, lane 0 first."""
    width = format.width
    lanes = [word >> lane * width & (1 << width) - 1 for lane in range(count)]
    return [code - (1 << width) if code > format.max_code else code for code in lanes]


def stage_words(
    stages: Sequence[Stage], strobes: Sequence[list[tuple[int, int]]], samples_before: int
) -> Codes:
    """Return what trace ports showed as rows of ``Run.words``, by cycle.

    Parameters
    ----------
    stages : sequence
        Layer number, stage, format and folding of each port.
    strobes : sequence of list
        For each port, the cycle and the port's bits of each strobe.
    samples_before : int
        Samples that the machine has taken in earlier sessions.
    """
    rows: list[list[int]] = []
    for (layer, name, format, folding), shown in zip(stages, strobes, strict=True):
        layout = dict(trace_layout(format, folding))
        expected = samples_before
        for cycle, bits in shown:
            fields = {
                key: bits >> field.offset & (1 << field.width) - 1 for key, field in layout.items()
            }
            # the port counts mod 2**16: take the sample nearest to the one before
            half = 1 << SAMPLE_BITS - 1
            expected += (fields["sample"] - expected + half) % (1 << SAMPLE_BITS) - half
            for lane, code in enumerate(unpack(fields["words"], folding.pe, format)):
                if fields["mask"] >> lane & 1:
                    sample, neuron = expected - samples_before, fields["neuron"] + lane
                    rows.append([cycle, layer, STAGES.index(name), sample, neuron, code])
    table = np.array(rows, dtype=np.int64).reshape(-1, 6)
    return table[np.argsort(table[:, 0], kind="stable")]


def output_words(machine: Machine, beats: Sequence[tuple[int, int]]) -> Codes:
    """Return the beats of the output stream as rows of ``Run.outputs``.

    Lanes of padding are left out where they are zero; others show as neurons too many.
    """
    format, folding = machine.shape.output.format, machine.foldings[-1]
    rows: list[list[int]] = []
    sample = fold = 0
    for cycle, bits in beats:
        for lane, code in enumerate(unpack(bits, folding.pe, format)):
            neuron = fold * folding.pe + lane
            if neuron < folding.outputs or code:
                rows.append([cycle, sample, neuron, code])
        last = bits >> format.width * folding.pe
        sample, fold = (sample + 1, 0) if last else (sample, fold + 1)
    return np.array(rows, dtype=np.int64).reshape(-1, 4)
