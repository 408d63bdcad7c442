"""The regression's scripts: sessions as they are streamed, and all that ports do beside that."""

from collections.abc import Callable, Mapping, Sequence
from random import Random

import numpy as np

from bittrue.hdl.loader import load_layout
from bittrue.hdl.machine import Machine
from bittrue.hdl.network import data_width_of
from bittrue.model.design import Weights
from bittrue.model.types import Format

from .cycles import Shown
from .record import Session
from .script import Script, ScriptWriter
from .stimulus import input_beats, load_requests
from .words import Chunks

PATIENCE = 1000
"""Cycles within which something must happen that a script waits for."""


class Player(ScriptWriter):
    """Writes what a careful user of the ports does: waits for ``ready``, holds, loads, drains."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.hold = 0
        self.before: Weights | None = None
        self.chance = Random(0)
        self.stalls = self.sink_stalls = 0.0

    def pace(self, source: float, sink: float) -> None:
        """Let cycles pass at the source and at the sink with these probabilities."""
        self.stalls, self.sink_stalls = source, sink

    def wait(self, port: str, **driven: int) -> None:
        """Drive the same until a port is up, in that cycle too."""
        for _ in range(PATIENCE):
            if self.go(**driven)[port][0]:
                return
        raise RuntimeError(f"{port} must come up within {PATIENCE} cycles")

    def go(self, **driven: int) -> Shown:
        """Drive a cycle, ready for outputs unless it is a stall."""
        taking = {"o__ready": self._now(self.sink_stalls), "hold": self.hold}
        return self.cycle(**{**taking, **driven})

    def _now(self, stalls: float) -> int:
        return int(stalls == 0 or self.chance.random() >= stalls)

    def quiet(self) -> None:
        """Hold until the network is idle."""
        self.hold = 1
        self.wait("idle")

    def load(self, weights: Weights) -> None:
        """Write the weights that are not there already."""
        for request in _words(load_requests(self.machine, weights, self.before)):
            self.wait("load__ready", load__valid=1, load__payload=request)
        self.before = weights

    def read(self, request: int) -> None:
        """Read from the load port."""
        self.wait("load__ready", load__valid=1, load__payload=request)
        self.wait_read()

    def wait_read(self) -> None:
        """Wait until what is read is taken."""
        for _ in range(PATIENCE):
            ready = self._now(self.sink_stalls)
            if self.go(loaded__ready=ready)["loaded__valid"][0] and ready:
                return
        raise RuntimeError(f"a read must be answered within {PATIENCE} cycles")

    def feed(self, beats: Sequence[int]) -> None:
        """Stream beats."""
        for beat in beats:
            while not self._now(self.stalls):
                self.go()
            self.wait("i__ready", i__valid=1, i__payload=beat)

    @property
    def addresses(self) -> int:
        """How many addresses of counts there are, counts or none behind them."""
        return 1 << dict(self.inputs).get("count_address", 0)

    def look(self) -> None:
        """Read all counts, each twice: one that changes by itself must not pass for one that is."""
        for address in range(self.addresses):
            self.go(count_address=address)
            self.go(count_address=address)
        self.go()

    def counts(self) -> None:
        """Read all counts, and clear them."""
        self.look()
        self.go(count_clear=1)
        self.go()


def _words(chunks: Chunks) -> list[int]:
    return [sum(int(chunk) << 64 * n for n, chunk in enumerate(row)) for row in chunks.tolist()]


def session_on(player: Player, session: Session) -> None:
    """Load weights, stream samples, drain, read and clear the counts."""
    player.quiet()
    player.load(session.weights)
    player.hold = 0
    player.feed(_words(input_beats(player.machine, session.codes)))
    player.quiet()
    player.counts()


def regression(sessions: Mapping[str, Session], machine: Machine, *, seed: int = 0) -> Script:
    """Return the script of the default regression: sessions, then everything beside them.

    Parameters
    ----------
    sessions : mapping from str to Session
        Vectors by name.
    machine : Machine
        What is driven.
    seed : int
        Of what is drawn.
    """
    player = Player(machine)
    player.section("power-up")
    _power_up(player)
    for name, session in sessions.items():
        player.section(name)
        session_on(player, session)
    for name, scenario in SCENARIOS.items():
        player.section(name)
        player.chance = Random(f"{seed} {name}")
        scenario(player)
        player.pace(0.0, 0.0)
    return player.script()


def _power_up(player: Player) -> None:
    """Look before anything is driven, then find all weights zero."""
    player.hold = 0
    for _ in range(3):
        player.go()
    player.quiet()
    for request in _places(player.machine):
        player.read(request)


def _request(machine: Machine, **fields: int) -> int:
    layout = dict(load_layout(data_width_of(machine)))
    return sum(value << layout[name].offset for name, value in fields.items())


def _places(machine: Machine) -> list[int]:
    """Return a read of each weight and bias."""
    return [
        _request(machine, layer=number, neuron=neuron, input=column, bias=bias)
        for number, layer in enumerate(machine.shape.layers)
        for bias in range(1 + (layer.bias is not None))
        for neuron in range(layer.outputs)
        for column in range(1 if bias else layer.inputs)
    ]


def _outside(machine: Machine) -> list[int]:
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


def _drawn_weights(player: Player) -> Weights:
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


def _drawn_beats(player: Player, samples: int) -> list[int]:
    """Return beats of drawn samples, lanes of any scale."""
    folding = player.machine.foldings[0]
    beats = []
    for number in range(samples * folding.input_folds):
        last = number % folding.input_folds == folding.input_folds - 1
        beats.append(_drawn_beat(player, last=last))
    return beats


def _drawn_beat(player: Player, *, last: bool) -> int:
    """Return one beat."""
    (layer, folding) = player.machine.parts[0]
    width, beat = layer.input.format.width, int(last)
    for _ in range(folding.simd):
        beat = beat << width | _drawn_bits(player.chance, width)
    return beat


def _drawn_bits(chance: Random, width: int) -> int:
    """Return the bits of a drawn code of any scale, as two's complement has them."""
    return chance.randrange(-1 << width - 1, 1 << width - 1) >> chance.randrange(width) & (
        (1 << width) - 1
    )


def _read_back(player: Player) -> None:
    """Write drawn codes, try to write where nothing is, and read everything, stalled."""
    machine = player.machine
    layout = dict(load_layout(data_width_of(machine)))
    player.quiet()
    for stalls in (0.0, 0.4):
        player.pace(stalls, stalls)
        player.load(_drawn_weights(player))
        for request in _outside(machine):
            data = player.chance.getrandbits(layout["data"].width) << layout["data"].offset
            player.wait("load__ready", load__valid=1, load__payload=request | 1 | data)
        for request in [*_places(machine), *_outside(machine)]:
            player.read(request)


def _stalled(player: Player) -> None:
    """Stream under stalls at both ends, rare and frequent."""
    for source, sink in PACES:
        player.pace(0.0, 0.0)
        player.quiet()
        player.load(_drawn_weights(player))
        player.hold = 0
        player.pace(source, sink)
        player.feed(_drawn_beats(player, STALLED))
        player.quiet()
        player.counts()


def _gaps(player: Player) -> None:
    """Let samples come in steps of all lengths, while the sink lets each beat wait.

    Then words stand behind a beat that waits, in one stage of the pipeline after the other.
    """
    folding = player.machine.foldings[-1]
    shortest = folding.initiation_interval + WAITS * folding.neuron_folds
    for period in range(shortest, shortest + GAPS):
        player.quiet()
        player.load(_drawn_weights(player))
        player.hold = 0
        beats: list[int] = []
        waited = 0
        for cycle in range(STEPS * period):
            if cycle % period == 0:
                beats += _drawn_beats(player, 1)
            driven = {"i__valid": 1, "i__payload": beats[0]} if beats else {}
            shown = player.go(o__ready=int(waited >= WAITS), **driven)
            beats = beats[1:] if shown["i__ready"][0] else beats
            waited = waited + 1 if shown["o__valid"][0] and waited < WAITS else 0
        player.feed(beats)
    player.quiet()
    player.counts()


def _filled(player: Player) -> None:
    """Let samples come in steps of all lengths until all stands still, then go on bit by bit.

    Then layers stand still for a cycle or two, with bubbles of all lengths between samples.
    """
    interval = max(folding.initiation_interval for folding in player.machine.foldings)
    for period in range(interval, interval + GAPS):
        player.quiet()
        player.load(_drawn_weights(player))
        player.hold = 0
        beats: list[int] = []
        for cycle in range(FILLED * period):
            if cycle % period == 0:
                beats += _drawn_beats(player, 1)
            driven = {"i__valid": 1, "i__payload": beats[0]} if beats else {}
            full = cycle < FILLED // 2 * period
            ready = int(not full and player.chance.random() < 0.5)
            if player.go(o__ready=ready, **driven)["i__ready"][0]:
                beats = beats[1:]
        player.feed(beats)
    player.quiet()
    player.counts()


def _near_ends(player: Player) -> None:
    """Let counts and sample numbers go on from drawn values, and from just before their ends."""
    registers = player.model.registers()
    widest = max(registers.values(), default=0)
    for turn in range(widest + NEAR_ENDS):
        player.quiet()
        if turn % 4 == 0:
            player.load(_losing_weights(player))
        values = {}
        for name, width in registers.items():
            most = (1 << width) - 1
            # all ones but one: what is added must get as far as that, and no further
            values[name] = most ^ 1 << turn % width
            if turn >= widest:
                past = turn - widest
                values[name] = most - past if past < AT_END else player.chance.getrandbits(width)
        player.deposit(values)
        player.look()
        player.hold = 0
        # the second shows the number that the first leaves behind
        player.feed([*_drawn_beats(player, 3), *_largest_beats(player)])
        player.quiet()
        player.look()
        if turn % 4 == 3:
            player.counts()
            player.look()


def _losing_weights(player: Player) -> Weights:
    """Return weights with which every layer has an inexact word, and one that overflows.

    That it overflows takes large inputs. The first neuron of a layer has the largest weights there
    are; the last the smallest, so that its output is in the middle; the others are drawn.
    """
    drawn, weights = _drawn_weights(player), []
    for layer, given in zip(player.machine.shape.layers, drawn.weights, strict=True):
        rows = given.copy()
        rows[-1], rows[0] = 1, layer.weight.format.max_code
        weights.append(rows)
    return Weights(weights, drawn.biases)


def _largest_beats(player: Player) -> list[int]:
    """Return beats of a sample of the largest codes."""
    (layer, folding) = player.machine.parts[0]
    width, beats = layer.input.format.width, folding.input_folds
    lanes = sum(layer.input.format.max_code << width * lane for lane in range(folding.simd))
    return [lanes | int(beat == beats - 1) << width * folding.simd for beat in range(beats)]


def _pressed(player: Player) -> None:
    """Offer all the time while the sink waits, for long; then take all that has gathered."""
    player.hold = 0
    beats = _drawn_beats(player, 40)
    beat = beats.pop(0)
    for cycle in range(PRESSED):
        waiting = cycle % (PRESSED // 2) < PRESSED // 3
        shown = player.go(i__valid=1, i__payload=beat, o__ready=int(not waiting))
        if shown["i__ready"][0]:
            beats = beats or _drawn_beats(player, 40)
            beat = beats.pop(0)
    player.wait("i__ready", i__valid=1, i__payload=beat)
    for beat in beats:
        player.feed([beat])
    player.quiet()


def _misframed(player: Player) -> None:
    """End samples too early and too late, and go on behind them."""
    folding = player.machine.foldings[0]
    for cut in (*range(1, folding.input_folds), folding.input_folds + 1, folding.input_folds + 2):
        player.hold = 0
        player.feed(_drawn_beats(player, 1))
        player.feed([_drawn_beat(player, last=n == cut - 1) for n in range(cut)])
        player.feed(_drawn_beats(player, 2))
        player.quiet()
        player.go(rst=1)
        player.hold = 0
        player.feed(_drawn_beats(player, 1))
        player.quiet()


def _reset(player: Player) -> None:
    """Reset in mid-flight, at many places, and see that weights stay and nothing else does."""
    for after in range(1, RESETS):
        player.hold = 0
        player.pace(0.2, 0.2)
        beats = _drawn_beats(player, 6)
        for _ in range(3 * after):
            shown = player.go(i__valid=1, i__payload=beats[0])
            if shown["i__ready"][0]:
                beats = [*beats[1:], beats[0]]
        player.go(rst=1)
        player.feed(_drawn_beats(player, 2))
        player.quiet()
        player.look()
    player.pace(0.0, 0.0)
    for request in (places := _places(player.machine))[0], places[-1]:
        for after in range(ANSWERED):
            player.wait("load__ready", load__valid=1, load__payload=request)
            for _ in range(after):
                player.go()
            player.go(rst=1)
            for _ in range(ANSWERED):
                player.go(loaded__ready=1)
            player.read(request)


def _anything(player: Player) -> None:
    """Drive drawn bits at all ports, for whatever comes of it, now often and now rarely."""
    machine, chance = player.machine, player.chance
    folding = machine.foldings[0]
    places = _places(machine) + _outside(machine)
    layout = dict(load_layout(data_width_of(machine)))
    beat, phase, often = 0, 0, {}
    for cycle in range(ANYTHING):
        if cycle % 64 == 0:
            phase = chance.choice([0, 0, 0, 1])
            often = {name: chance.choice(habits) for name, habits in HABITS.items()}
        last = beat == folding.input_folds - 1 if chance.random() < 0.98 else chance.random() < 0.5
        drawn = {name: int(chance.random() < rate) for name, rate in often.items()}
        data = _drawn_bits(chance, layout["data"].width) << layout["data"].offset
        shown = player.cycle(
            **drawn,
            i__payload=_drawn_beat(player, last=last),
            hold=phase if chance.random() < 0.97 else 1 - phase,
            load__payload=chance.choice(places) | chance.getrandbits(1) | data,
            count_address=chance.randrange(player.addresses),
            count_clear=int(chance.random() < 0.05),
            rst=int(chance.random() < 0.004),
        )
        if drawn["i__valid"] and shown["i__ready"][0]:
            beat = 0 if last else (beat + 1) % folding.input_folds
    player.before = None


HABITS = {
    "i__valid": (0.9, 0.5, 0.2),
    "o__ready": (0.8, 0.5, 0.1),
    "load__valid": (0.7, 0.3, 0.02, 0.0),
    "loaded__ready": (0.8, 0.5, 0.1),
}
"""How often what is valid or ready in `_anything`."""

PACES = (
    *((0.2, 0.2), (0.6, 0.6), (0.0, 0.9), (0.2, 0.4), (0.0, 0.8)),
    *((0.7, 0.3), (0.8, 0.5), (0.8, 0.8), (0.75, 0.6), (0.0, 0.5)),
)
STALLED = 24
WAITS, STEPS = 2, 6
GAPS = 14
FILLED = 16
NEAR_ENDS = 8
AT_END = 5
PRESSED = 300
RESETS, ANSWERED = 14, 12
ANYTHING = 6000

SCENARIOS: dict[str, Callable[[Player], None]] = {
    "read-back": _read_back,
    "stalls": _stalled,
    "gaps": _gaps,
    "filling": _filled,
    "near ends": _near_ends,
    "back-pressure": _pressed,
    "framing": _misframed,
    "reset": _reset,
    "anything": _anything,
}
"""What is driven beside sessions, by name."""
