"""What the regression's scenarios send: drawn weights and beats, and requests of every place."""

from random import Random

import numpy as np

from bittrue.hdl.loader import load_layout
from bittrue.hdl.machine import Machine
from bittrue.hdl.network import data_width_of
from bittrue.model.design import Weights
from bittrue.model.types import Format

from .player import Player


def _request(machine: Machine, **fields: int) -> int:
    layout = dict(load_layout(data_width_of(machine)))
    return sum(value << layout[name].offset for name, value in fields.items())


def places(machine: Machine) -> list[int]:
    """Return a read of each weight and bias."""
    return [
        _request(machine, layer=number, neuron=neuron, input=column, bias=bias)
        for number, layer in enumerate(machine.shape.layers)
        for bias in range(1 + (layer.bias is not None))
        for neuron in range(layer.outputs)
        for column in range(1 if bias else layer.inputs)
    ]


def outside(machine: Machine) -> list[int]:
    """Return reads of places that are not there: the nearest, and one for each address bit."""
    layout = dict(load_layout(data_width_of(machine)))
    found = []
    for number, layer in enumerate(machine.shape.layers):
        for name, size in (("neuron", layer.outputs), ("input", layer.inputs)):
            width = layout[name].width
            beyond = {size, *(1 << bit for bit in range(width) if 1 << bit >= size)}
            found += [_request(machine, layer=number, **{name: n}) for n in sorted(beyond)]
        if layer.bias is None:
            found.append(_request(machine, layer=number, bias=1))
        else:
            found.append(_request(machine, layer=number, bias=1, neuron=layer.outputs))
    layers, bits = len(machine.shape.layers), range(layout["layer"].width)
    near = {number ^ 1 << bit for number in range(layers) for bit in bits}
    return found + [_request(machine, layer=n) for n in sorted({layers, *near}) if n >= layers]


def drawn_weights(player: Player) -> Weights:
    """Return weights of which each code is drawn, the extreme ones often, neurons of any scale.

    With codes from the whole range alone nearly every curve saturates, and the layers behind it see
    nothing but its ends.
    """
    layers, chance = player.machine.shape.layers, player.chance

    def code(format: Format, scale: int) -> int:
        low, high = format.min_code, format.max_code
        return chance.choice([low, high, *(chance.randint(low, high),) * 4]) >> scale

    weights, biases = [], []
    for layer in layers:
        scales = [chance.randrange(layer.weight.format.width) for _ in range(layer.outputs)]
        rows = [[code(layer.weight.format, scale) for _ in range(layer.inputs)] for scale in scales]
        weights.append(np.array(rows))
        drawn = [code(layer.bias.format, scale) for scale in scales] if layer.bias else None
        biases.append(None if drawn is None else np.array(drawn))
    return Weights(weights, biases)


def drawn_beats(player: Player, samples: int) -> list[int]:
    """Return beats of drawn samples, lanes of any scale."""
    folding = player.machine.foldings[0]
    beats = []
    for number in range(samples * folding.input_folds):
        last = number % folding.input_folds == folding.input_folds - 1
        beats.append(drawn_beat(player, last=last))
    return beats


def drawn_beat(player: Player, *, last: bool) -> int:
    """Return one beat."""
    (layer, folding) = player.machine.parts[0]
    width, beat = layer.input.format.width, int(last)
    for _ in range(folding.simd):
        beat = beat << width | drawn_bits(player.chance, width)
    return beat


def drawn_bits(chance: Random, width: int) -> int:
    """Return the bits of a drawn code of any scale, as two's complement has them."""
    return chance.randrange(-1 << width - 1, 1 << width - 1) >> chance.randrange(width) & (
        (1 << width) - 1
    )


def losing_weights(player: Player) -> Weights:
    """Return weights with which every layer has an inexact word, and one that overflows.

    That it overflows takes large inputs. The first neuron of a layer has the largest weights there
    are; the last the smallest, so that its output is in the middle; the others are drawn.
    """
    drawn, weights = drawn_weights(player), []
    for layer, given in zip(player.machine.shape.layers, drawn.weights, strict=True):
        rows = given.copy()
        rows[-1], rows[0] = 1, layer.weight.format.max_code
        weights.append(rows)
    return Weights(weights, drawn.biases)


def largest_beats(player: Player) -> list[int]:
    """Return beats of a sample of the largest codes."""
    (layer, folding) = player.machine.parts[0]
    width, beats = layer.input.format.width, folding.input_folds
    lanes = sum(layer.input.format.max_code << width * lane for lane in range(folding.simd))
    return [lanes | int(beat == beats - 1) << width * folding.simd for beat in range(beats)]
