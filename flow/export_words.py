"""Words on AXI4-Stream ports as lines of hexadecimal digits."""

import numpy as np
import numpy.typing as npt

from bittrue.hdl.axis import AxisWords
from bittrue.model.design import Design
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import Codes
from bittrue.sim.stimulus import weight_fields

Bytes = npt.NDArray[np.uint8]
"""Words, shape (words, bytes), the lowest byte first."""


def stimulus_hex(words: AxisWords, codes: Codes) -> str:
    """Return samples, shape (samples, inputs), as words of the input."""
    return hex_of(_beats(codes, words.simd, words.input_bytes))


def expected_hex(words: AxisWords, design: Design, codes: Codes) -> str:
    """Return what the fixed model answers to samples, as words of the output."""
    answers = FixedNetwork(design).predict(codes)
    return hex_of(_beats(answers, words.pe, words.output_bytes))


def weights_hex(words: AxisWords, design: Design) -> str:
    """Return the requests that write all weights, layer by layer, each layer's biases last."""
    layer, neuron, column, bias, data = weight_fields(words.machine, design.weights)
    spare = 64 - words.data_width
    columns = [
        _bytes(data << spare >> spare, words.data_bytes),
        _bytes(column, 2),
        _bytes(neuron, 2),
        _bytes(layer, 1),
        _bytes(1 | bias << 1, 1),
    ]
    return hex_of(np.concatenate(columns, axis=1))


def hex_of(words: Bytes) -> str:
    """Return a line a word, the highest digit first."""
    return "".join(f"{row.tobytes().hex()}\n" for row in words[:, ::-1])


def _beats(codes: Codes, lanes: int, size: int) -> Bytes:
    """Return samples in beats, the last of each filled up with zero lanes."""
    padded = np.pad(codes, ((0, 0), (0, -codes.shape[1] % lanes)))
    return _bytes(padded.reshape(-1, lanes), size).reshape(-1, lanes * size)


def _bytes(codes: Codes, size: int) -> Bytes:
    """Return the low bytes of codes, along a last axis of their own."""
    wide = np.ascontiguousarray(codes, dtype="<i8")
    return wide[..., None].view(np.uint8)[..., :size]
