"""Weights as terms: the words of weight memories, taken apart into neurons."""

from collections.abc import Mapping, Sequence

import numpy as np

from bittrue.hdl.machine import Folding
from bittrue.model.shape import Layer
from bittrue.model.types import Codes, Format

from .spec import NeuronCodes
from .term_values import value_of
from .terms import Term, Terms, signed


def neuron_codes(terms: Terms, memory: str, layer: Layer, folding: Folding) -> list[NeuronCodes]:
    """Return each neuron's weights and bias as a layer's memories hold them, whatever it is.

    Parameters
    ----------
    terms : Terms
        Where terms are made.
    memory : str
        Instance of the `WeightMemory`.
    layer, folding : Layer, Folding
        How its rows are made.
    """
    width = layer.weight.format.width
    lanes = folding.pe * folding.simd
    rows = [
        terms.var(f"{memory}.weight[{row}]", width * lanes)
        for row in range(folding.initiation_interval)
    ]
    return [
        NeuronCodes(
            [
                terms.slice(rows[row], lane * width, width)
                for row, lane in (_place(folding, neuron, n) for n in range(layer.inputs))
            ],
            _bias(terms, memory, layer, folding, neuron),
        )
        for neuron in range(layer.outputs)
    ]


def _place(folding: Folding, neuron: int, input: int) -> tuple[int, int]:
    """Return row and lane of a weight."""
    fold, unit = divmod(neuron, folding.pe)
    beat, place = divmod(input, folding.simd)
    return fold * folding.input_folds + beat, unit * folding.simd + place


def _bias(terms: Terms, memory: str, layer: Layer, folding: Folding, neuron: int) -> Term | None:
    if layer.bias is None:
        return None
    width = layer.bias.format.width
    fold, unit = divmod(neuron, folding.pe)
    row = terms.var(f"{memory}.bias[{fold}]", width * folding.pe)
    return terms.slice(row, unit * width, width)


def constant_codes(
    terms: Terms, layer: Layer, weights: Codes, biases: Codes | None
) -> list[NeuronCodes]:
    """Return each neuron's weights and bias as constants."""
    bias = layer.bias
    return [
        NeuronCodes(
            [terms.const(code, layer.weight.format.width) for code in row],
            None
            if bias is None or biases is None
            else terms.const(int(biases[neuron]), bias.format.width),
        )
        for neuron, row in enumerate(weights.tolist())
    ]


def codes_for(
    layer: Layer, neurons: Sequence[NeuronCodes], values: Mapping[str, int]
) -> tuple[Codes, Codes | None]:
    """Return a layer's weights and biases for values of the variables, 0 where not given."""
    weights = np.array(
        [[_code(w, layer.weight.format, values) for w in neuron.weights] for neuron in neurons]
    )
    if layer.bias is None:
        return weights, None
    format = layer.bias.format
    biases = [_code(n.bias, format, values) for n in neurons if n.bias is not None]
    return weights, np.array(biases)


def _code(term: Term, format: Format, values: Mapping[str, int]) -> int:
    word = value_of(term, values)
    return signed(word, term.width) if format.signed else word
