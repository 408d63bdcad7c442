"""Words on wires: codes packed into ports, and ports taken apart into rows of a `Run`.

Ports may be wider than 64 bits: what they show is an array of uint64 *chunks*, the low one first,
a row for each time.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from bittrue.hdl.layer import STAGES
from bittrue.hdl.machine import Folding, Machine
from bittrue.hdl.watch import SAMPLE_BITS, trace_layout
from bittrue.model.formats import Codes, Format

Stage = tuple[int, str, Format, Folding]
Chunks = npt.NDArray[np.uint64]
Shown = tuple[Codes, Chunks]
"""What a port showed: cycles, shape (n,), and bits, shape (n, chunks)."""

CHUNK = 64


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


def chunks_of(width: int) -> int:
    """Return how many chunks hold so many bits."""
    return -(-width // CHUNK)


def place(chunks: Chunks, offset: int, width: int, values: npt.ArrayLike) -> None:
    """Put values, as two's complement of at most 64 bits, into zero bits of chunks.

    Parameters
    ----------
    chunks : ndarray of uint64, shape (n, chunks)
        What they are put into.
    offset, width : int
        Which bits.
    values : array of int64, shape (n,) or ()
        What is put there.
    """
    bits = np.asarray(values, dtype=np.int64).astype(np.uint64) & _mask(width)
    first, shift = divmod(offset, CHUNK)
    chunks[:, first] |= bits << np.uint64(shift)
    if shift + width > CHUNK:
        chunks[:, first + 1] |= bits >> np.uint64(CHUNK - shift)


def field(chunks: Chunks, offset: int, width: int) -> Chunks:
    """Return bits of chunks, at most 64 of them, shape (n,)."""
    first, shift = divmod(offset, CHUNK)
    bits = chunks[:, first] >> np.uint64(shift)
    if shift + width > CHUNK:
        bits = bits | chunks[:, first + 1] << np.uint64(CHUNK - shift)
    return bits & _mask(width)


def lanes(chunks: Chunks, offset: int, count: int, format: Format) -> Codes:
    """Return codes that stand side by side in chunks, lane 0 first, shape (n, count)."""
    width = format.width
    fields = [field(chunks, offset + lane * width, width) for lane in range(count)]
    codes = np.stack(fields, axis=1).astype(np.int64)
    spare = CHUNK - width
    return codes << spare >> spare if format.signed else codes


def shown(rows: Sequence[tuple[int, int]], width: int) -> Shown:
    """Return cycles and bits, given one by one, of a port of so many bits."""
    size = chunks_of(width) * CHUNK // 8
    data = b"".join(bits.to_bytes(size, "little") for _, bits in rows)
    cycles = np.array([cycle for cycle, _ in rows], dtype=np.int64)
    return cycles, np.frombuffer(data, dtype="<u8").reshape(len(rows), -1 if rows else 1)


def _mask(width: int) -> np.uint64:
    return np.uint64((1 << width) - 1)


def stage_words(stages: Sequence[Stage], strobes: Sequence[Shown], samples_before: int) -> Codes:
    """Return what trace ports showed as rows of ``Run.words``, by cycle.

    Parameters
    ----------
    stages : sequence
        Layer number, stage, format and folding of each port.
    strobes : sequence of (cycles, chunks)
        For each port, the cycle and the port's bits of each strobe.
    samples_before : int
        Samples that the machine has taken in earlier sessions.
    """
    tables = [
        _port_words(stage, cycles, bits, samples_before)
        for stage, (cycles, bits) in zip(stages, strobes, strict=True)
    ]
    table = np.concatenate([np.empty((0, 6), dtype=np.int64), *tables])
    return table[np.argsort(table[:, 0], kind="stable")]


def _port_words(stage: Stage, cycles: Codes, bits: Chunks, samples_before: int) -> Codes:
    """Return what one trace port showed, a row for each real lane."""
    number, name, format, folding = stage
    if not len(cycles):
        return np.empty((0, 6), dtype=np.int64)
    layout = dict(trace_layout(format, folding))
    counted, neuron = (
        field(bits, layout[key].offset, layout[key].width).astype(np.int64)
        for key in ("sample", "neuron")
    )
    # the port counts mod 2**16: each sample is the nearest to the one before
    half = 1 << SAMPLE_BITS - 1
    steps = np.diff(counted, prepend=samples_before)
    samples = np.cumsum((steps + half) % (2 * half) - half)
    mask = [field(bits, layout["mask"].offset + lane, 1) for lane in range(folding.pe)]
    strobe, lane = np.nonzero(np.stack(mask, axis=1))
    codes = lanes(bits, layout["words"].offset, folding.pe, format)
    table = np.empty((len(strobe), 6), dtype=np.int64)
    table[:, 0] = cycles[strobe]
    table[:, 1], table[:, 2] = number, STAGES.index(name)
    table[:, 3] = samples[strobe]
    table[:, 4] = neuron[strobe] + lane
    table[:, 5] = codes[strobe, lane]
    return table


def output_words(machine: Machine, beats: Shown) -> Codes:
    """Return the beats of the output stream as rows of ``Run.outputs``.

    Lanes of padding are left out where they are zero; others show as neurons too many.

    Parameters
    ----------
    machine : Machine
        Whose beats they are.
    beats : (cycles, chunks)
        Cycle and payload of each.
    """
    cycles, bits = beats
    format, folding = machine.shape.output.format, machine.foldings[-1]
    if not len(cycles):
        return np.empty((0, 4), dtype=np.int64)
    last = field(bits, format.width * folding.pe, 1).astype(np.int64)
    samples = np.cumsum(last) - last
    number = np.arange(len(cycles))
    # a beat's fold: how far it is from the first beat after the last `last`
    fold = number - np.maximum.accumulate(np.where(np.roll(last, 1) | (number == 0), number, 0))
    neurons = fold[:, None] * folding.pe + np.arange(folding.pe)
    codes = lanes(bits, 0, folding.pe, format)
    beat, lane = np.nonzero((neurons < folding.outputs) | (codes != 0))
    columns = [cycles[beat], samples[beat], neurons[beat, lane], codes[beat, lane]]
    return np.stack(columns, axis=1)
