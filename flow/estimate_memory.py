"""What memories, and all that loads them, are made of."""

from bittrue.hdl import timing
from bittrue.hdl.address import INPUT_BITS as REQUEST_BITS
from bittrue.hdl.curve_rows import trailing_zeros
from bittrue.hdl.machine import Folding
from bittrue.model.shape import Layer

from .estimate_parts import Parts, gate

BANK_WORDS, BANK_BITS = 16, 4
"""Of a memory made of look-up tables."""

BLOCK_BITS = 16 * 1024
BLOCK_COST = 128
"""What Yosys takes a block memory for, where 1 is a bit of each word of a bank."""

BANKS_CHOSEN = (0, 0, 1, 2, 4, 3, 10, 6, 6, 13, 13, 15, 16, 16, 18, 23, 22)
"""Look-up tables that choose a bit of so many banks, as Yosys finds them; beyond, 3 for 2 banks."""


def add_memory(parts: Parts, words: int, lanes: int, lane_bits: int, *, masked: bool) -> bool:
    """Count a memory with one read and one write port; tell whether it is a block memory.

    Parameters
    ----------
    parts : Parts
        Where it is counted.
    words : int
        Its depth.
    lanes, lane_bits : int
        Lanes of a word, and their width.
    masked : bool
        Whether lanes are written one by one.
    """
    if words == 1:
        parts.put("single word ff", lanes * lane_bits)
        return True
    writers, bits = (lanes, lane_bits) if masked else (1, lanes * lane_bits)
    padded = -(-bits // BANK_BITS) * BANK_BITS * writers
    banks = -(-words // BANK_WORDS)
    distributed = float(padded * banks)
    if banks > 1:
        # what chooses words, and where they are written, counts half
        distributed += ((banks - 1) * writers * bits + banks * writers) / 2
    blocks = _blocks(words, writers, bits)
    if distributed >= BLOCK_COST * blocks:
        parts.put("bram", blocks)
        return True
    parts.put("lutram", padded // BANK_BITS * banks * 4)
    chosen = BANKS_CHOSEN[banks] if banks < len(BANKS_CHOSEN) else 1.5 * banks
    parts.put("bank choice", chosen * writers * bits)
    if banks > 1:
        parts.put("bank select", banks * writers)
    return False


def _blocks(words: int, writers: int, bits: int) -> int:
    """Return how many block memories hold a memory."""
    wide = -(-bits // 9) * 9 * writers
    for width, depth in ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384)):
        if words <= depth:
            return -(-wide // width)
    return -(-wide * words // BLOCK_BITS)


def add_weights(parts: Parts, layer: Layer, folding: Folding, data_width: int) -> None:
    """Count the weight memory of a layer, as in `bittrue.hdl.weights`."""
    lanes, width = folding.pe * folding.simd, layer.weight.format.width
    groups = [(lanes, width, folding.initiation_interval)]
    if layer.bias is not None:
        groups.append((folding.pe, layer.bias.format.width, folding.neuron_folds))
    for count, bits, words in groups:
        block = add_memory(parts, words, count, bits, masked=True)
        parts.put("memory ff", count * bits * (1 if block else 2))
        parts.put("row choice", (words - 1).bit_length())
        parts.put("lane writes", count)
        parts.put("read lane ff", timing.WEIGHTS * count)
    _gather(parts, [bits for count, bits, _ in groups for _ in range(count)])
    _address(parts, layer, folding)
    parts.put("answer ff", timing.load(layer, folding) - timing.load_address(folding))


def _gather(parts: Parts, widths: list[int]) -> None:
    """Count how the read word is found among all."""
    stage = 0
    while stage == 0 or len(widths) > 1:
        size = timing.GATHERED
        groups = [widths[n : n + size] for n in range(0, len(widths), size)]
        for group in groups:
            inputs = len(group) * (1 if stage else 2)
            parts.put("gathered", gate(inputs) * max(group))
            parts.put("gather ff", max(group))
        widths = [max(group) for group in groups]
        stage += 1


def _address(parts: Parts, layer: Layer, folding: Folding) -> None:
    """Count what turns requests into rows and lanes, as in `bittrue.hdl.address`."""
    stages = timing.load_address(folding)
    held = 0
    for size, lanes in ((folding.outputs, folding.pe), (folding.inputs, folding.simd)):
        # low bits that are 0 in the size are not compared
        compared = REQUEST_BITS - trailing_zeros([size])
        parts.put("request carry", compared // 2)
        bits = (size - 1).bit_length()
        held += max(bits, 1)
        for bit in timing.quotient_bits(size, lanes):
            parts.adder("division", bits)
            parts.put("division choice", bits)
            bits = min(bits, ((lanes << bit) - 1).bit_length())
        parts.put("lane decode", lanes)
    parts.put("lane decode", folding.pe * folding.simd)
    row = (folding.initiation_interval - 1).bit_length()
    for _ in timing.row_terms(folding):
        parts.adder("row", row)
    # the last step holds lanes instead of indices
    parts.put("address ff", (stages - 1) * (3 + held) + 1)
    parts.put("address ff", row + (folding.neuron_folds - 1).bit_length())
    parts.put("address ff", folding.pe * (folding.simd + (layer.bias is not None)))
