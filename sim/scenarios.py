"""The regression's script: sessions as they are streamed, and all that ports do beside that."""

from collections.abc import Callable, Mapping
from random import Random

from bittrue.hdl.loader import load_layout
from bittrue.hdl.machine import Machine
from bittrue.hdl.network import data_width_of

from .draws import (
    drawn_beat,
    drawn_beats,
    drawn_bits,
    drawn_weights,
    largest_beats,
    losing_weights,
    outside,
    places,
)
from .player import Player, session_on
from .record import Session
from .script import Script


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
    for request in places(player.machine):
        player.read(request)


def _read_back(player: Player) -> None:
    """Write drawn codes, try to write where nothing is, and read everything, stalled."""
    machine = player.machine
    layout = dict(load_layout(data_width_of(machine)))
    player.quiet()
    for stalls in (0.0, 0.4):
        player.pace(stalls, stalls)
        player.load(drawn_weights(player))
        for request in outside(machine):
            data = player.chance.getrandbits(layout["data"].width) << layout["data"].offset
            player.wait("load__ready", load__valid=1, load__payload=request | 1 | data)
        for request in [*places(machine), *outside(machine)]:
            player.read(request)


def _stalled(player: Player) -> None:
    """Stream under stalls at both ends, rare and frequent."""
    for source, sink in PACES:
        player.pace(0.0, 0.0)
        player.quiet()
        player.load(drawn_weights(player))
        player.hold = 0
        player.pace(source, sink)
        player.feed(drawn_beats(player, STALLED))
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
        player.load(drawn_weights(player))
        player.hold = 0
        beats: list[int] = []
        waited = 0
        for cycle in range(STEPS * period):
            if cycle % period == 0:
                beats += drawn_beats(player, 1)
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
        player.load(drawn_weights(player))
        player.hold = 0
        beats: list[int] = []
        for cycle in range(FILLED * period):
            if cycle % period == 0:
                beats += drawn_beats(player, 1)
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
            player.load(losing_weights(player))
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
        player.feed([*drawn_beats(player, 3), *largest_beats(player)])
        player.quiet()
        player.look()
        if turn % 4 == 3:
            player.counts()
            player.look()


def _pressed(player: Player) -> None:
    """Offer all the time while the sink waits, for long; then take all that has gathered."""
    player.hold = 0
    beats = drawn_beats(player, 40)
    beat = beats.pop(0)
    for cycle in range(PRESSED):
        waiting = cycle % (PRESSED // 2) < PRESSED // 3
        shown = player.go(i__valid=1, i__payload=beat, o__ready=int(not waiting))
        if shown["i__ready"][0]:
            beats = beats or drawn_beats(player, 40)
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
        player.feed(drawn_beats(player, 1))
        player.feed([drawn_beat(player, last=n == cut - 1) for n in range(cut)])
        player.feed(drawn_beats(player, 2))
        player.quiet()
        player.go(rst=1)
        player.hold = 0
        player.feed(drawn_beats(player, 1))
        player.quiet()


def _reset(player: Player) -> None:
    """Reset in mid-flight, at many places, and see that weights stay and nothing else does."""
    for after in range(1, RESETS):
        player.hold = 0
        player.pace(0.2, 0.2)
        beats = drawn_beats(player, 6)
        for _ in range(3 * after):
            shown = player.go(i__valid=1, i__payload=beats[0])
            if shown["i__ready"][0]:
                beats = [*beats[1:], beats[0]]
        player.go(rst=1)
        player.feed(drawn_beats(player, 2))
        player.quiet()
        player.look()
    player.pace(0.0, 0.0)
    requests = places(player.machine)
    for request in (requests[0], requests[-1]):
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
    requests = places(machine) + outside(machine)
    layout = dict(load_layout(data_width_of(machine)))
    beat, phase, often = 0, 0, {}
    for cycle in range(ANYTHING):
        if cycle % 64 == 0:
            phase = chance.choice([0, 0, 0, 1])
            often = {name: chance.choice(habits) for name, habits in HABITS.items()}
        last = beat == folding.input_folds - 1 if chance.random() < 0.98 else chance.random() < 0.5
        drawn = {name: int(chance.random() < rate) for name, rate in often.items()}
        data = drawn_bits(chance, layout["data"].width) << layout["data"].offset
        shown = player.cycle(
            **drawn,
            i__payload=drawn_beat(player, last=last),
            hold=phase if chance.random() < 0.97 else 1 - phase,
            load__payload=chance.choice(requests) | chance.getrandbits(1) | data,
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
