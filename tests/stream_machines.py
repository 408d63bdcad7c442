"""State machines that drive streams without mercy, each beside a plain reference."""

from itertools import count

import numpy as np
from designs import drawn_design
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from stepped import Sink, Source, Stepped

from bittrue.hdl import timing
from bittrue.hdl.machine import Machine
from bittrue.model.design import Design, Weights
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import Format
from bittrue.sim.words import pack, unpack

U6 = Format.parse("fxp-u6/0")
FLAGS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12)
"""For each cycle whether the source offers and whether the sink takes."""


def beats_of(sample, lanes, width):
    """Return a sample as beats, ``last`` above the lanes, the last one filled up with zeros."""
    starts = range(0, len(sample), lanes)
    return [
        pack(sample[start : start + lanes], width) | (start + lanes >= len(sample)) << width * lanes
        for start in starts
    ]


def converter_machine(make, lanes_in, lanes_out, size):
    """Return a state machine of a width converter that ``make`` makes."""
    stepped = Stepped(make(U6, lanes_in, lanes_out, size))

    class ConverterMachine(RuleBasedStateMachine):
        """Samples in beats of one width come out in beats of another."""

        def __init__(self):
            super().__init__()
            stepped.restart()
            self.source = Source(stepped, stepped.component.i)
            self.sink = Sink(stepped, stepped.component.o)
            self.codes = count(1)
            self._forget()

        def _forget(self):
            self.source.clear()
            self.sink.clear()
            self.sent, self.expected = [], []

        def cycle(self, offer, take):
            self.source.settle(offer)
            self.sink.settle(take)
            given, taken = self.sink.moved(), self.source.moved()
            if given is not None:
                assert self.expected, "a beat came that nobody sent"
                assert given == self.expected.pop(0)
            if taken is not None:
                self._sent(taken)
            stepped.step()

        def _sent(self, beat):
            """Expect the beats that are complete with this one."""
            before = len(self.sent)
            self.sent += unpack(beat, lanes_in, U6)[: size - before]
            done = len(self.sent)
            sample = self.sent + [0] * (size - done)
            whole = beats_of(sample, lanes_out, U6.width)
            first, ends = before // lanes_out, done // lanes_out
            self.expected += whole[first : len(whole) if done == size else ends]
            if done == size:
                self.sent = []

        @rule()
        def send(self):
            sample = [next(self.codes) % 63 + 1 for _ in range(size)]
            self.source.waiting += beats_of(sample, lanes_in, U6.width)

        @rule(flags=FLAGS)
        def run(self, flags):
            for offer, take in flags:
                self.cycle(offer, take)

        @rule(cycles=st.integers(1, 2))
        def reset(self, cycles):
            stepped.set(stepped.component.i.valid, 0)
            stepped.reset(cycles)
            self._forget()

        def teardown(self):
            for _ in range(8 * len(self.source.waiting) + 40):
                self.cycle(True, True)
            assert not self.source.waiting, "the source must not wait for ever"
            assert not self.expected, "beats were lost"

    return ConverterMachine


def buffer_machine(make, lanes, beats):
    """Return a state machine of a two-sample buffer that ``make`` makes."""
    stepped = Stepped(make(U6, lanes, beats))
    dut = stepped.component

    class BufferMachine(RuleBasedStateMachine):
        """Whole samples are held, at most two, and read in order; others are dropped."""

        def __init__(self):
            super().__init__()
            stepped.restart()
            self.source = Source(stepped, dut.i)
            self.codes = count(1)
            self._forget()
            for signal in (dut.hold, dut.en, dut.release):
                stepped.set(signal, 0)

        def _forget(self):
            self.source.clear()
            self.held, self.partial, self.lost = [], [], False
            self.ready, self.reading = False, None

        def cycle(self, offer, hold=False, address=None, release=False):
            release = release and bool(self.held)
            self.source.settle(offer)
            stepped.set(dut.hold, hold)
            stepped.set(dut.en, address is not None)
            if address is not None:
                stepped.set(dut.address, address)
            stepped.set(dut.release, release)
            assert stepped.get(dut.i.ready) == self.ready
            assert stepped.get(dut.available) == bool(self.held)
            if self.reading is not None:
                assert stepped.get(dut.lanes.as_value()) == self.reading
            taken = self.source.moved()
            if address is not None:
                self.reading = self.held[0][address] if self.held else None
            verdict = self._framed(taken)
            assert (stepped.get(dut.committed), stepped.get(dut.misframed)) == verdict
            if release:
                self.held.pop(0)
            self.ready = len(self.held) < 2 and not hold
            stepped.step()

        def _framed(self, beat):
            """Take a beat, and return whether a sample came whole and whether a last was wrong."""
            if beat is None:
                return 0, 0
            word, last = beat % (1 << U6.width * lanes), beat >> U6.width * lanes
            self.partial.append(word)
            at_end = len(self.partial) == beats
            wrong = not self.lost and bool(last) != at_end
            whole = not self.lost and last and at_end
            if whole:
                self.held.append(list(self.partial))
            self.lost = not last and (self.lost or at_end)
            if last or self.lost:
                self.partial = []
            return int(whole), int(wrong)

        @rule(extra=st.sampled_from([0, 0, 0, 0, -1, 1, 2, 5]))
        def send(self, extra):
            size = lanes * max(1, beats + extra)
            sample = [next(self.codes) % 63 + 1 for _ in range(size)]
            self.source.waiting += beats_of(sample, lanes, U6.width)

        @rule(flags=FLAGS, hold=st.booleans())
        def fill(self, flags, hold):
            for offer, other in flags:
                self.cycle(offer, hold and other)

        @rule(flags=FLAGS, address=st.integers(0, beats - 1))
        def read(self, flags, address):
            for offer, enabled in flags:
                self.cycle(offer, address=address if enabled else None)

        @rule(offer=st.booleans(), address=st.none() | st.integers(0, beats - 1))
        def release(self, offer, address):
            self.cycle(offer, address=address, release=True)

        @rule()
        def reset(self):
            for signal in (dut.i.valid, dut.hold, dut.en, dut.release):
                stepped.set(signal, 0)
            stepped.reset()
            self._forget()

        def teardown(self):
            for _ in range(2 * len(self.source.waiting) + 4 * beats + 8):
                self.cycle(True, address=0)
                self.cycle(True, release=True)
            assert not self.source.waiting, "the source must not wait for ever"

    return BufferMachine


def network_machine(make, sizes, pe, simd, bias=True):
    """Return a state machine of a network that ``make`` makes of a machine and weights."""
    design = drawn_design(1, sizes, "fxp-s6/3", bias=bias)
    machine = Machine(design.shape, pe, simd)
    stepped = Stepped(make(machine, design.weights))
    dut, last_layer = stepped.component, design.shape.layers[-1]
    lanes_in, lanes_out = machine.foldings[0].simd, machine.foldings[-1].pe
    width = design.shape.input.format.width
    settled = 2 + max(timing.load(*part) for part in machine.parts)
    patience = 20 * machine.initiation_interval + 4 * dut.latency

    class NetworkMachine(RuleBasedStateMachine):
        """Outputs are those of the fixed model with the weights of the moment, in order."""

        def __init__(self):
            super().__init__()
            stepped.restart()
            self.source, self.sink = Source(stepped, dut.i), Sink(stepped, dut.o)
            self.weights = [array.copy() for array in design.weights.weights]
            self.biases = [None if b is None else b.copy() for b in design.weights.biases]
            for signal in (dut.hold, dut.load.valid, dut.loaded.ready):
                stepped.set(signal, 0)
            self.error, self.since_write = False, 0
            self._forget()

        def _forget(self):
            self.source.clear()
            self.sink.clear()
            self.partial, self.lost, self.expected = [], False, []
            self.quiet = 0

        def cycle(self, offer, take):
            self.source.settle(offer)
            self.sink.settle(take)
            given, taken = self.sink.moved(), self.source.moved()
            if given is not None:
                assert self.expected, "a beat came that belongs to no sample"
                assert given == self.expected.pop(0)
            if taken is not None:
                self._sent(taken)
            self.since_write += 1
            self.quiet = 0 if given is not None or taken is not None else self.quiet + 1
            stepped.step()

        def _sent(self, beat):
            """Take a beat, and expect the outputs of the sample that it completes."""
            last = beat >> width * lanes_in
            self.partial += unpack(beat, lanes_in, design.shape.input.format)
            at_end = len(self.partial) == lanes_in * machine.foldings[0].input_folds
            if last and at_end and not self.lost:
                self.expected += self._answers(self.partial[: sizes[0]])
            self.error = self.error or (not self.lost and bool(last) != at_end)
            self.lost = not last and (self.lost or at_end)
            if last or self.lost:
                self.partial = []

        def _answers(self, sample):
            now = Design(design.shape, Weights(self.weights, self.biases))
            codes = FixedNetwork(now).predict(np.array([sample]))[0].tolist()
            return beats_of(codes, lanes_out, last_layer.output.format.width)

        @rule(samples=st.integers(1, 3), data=st.data())
        def send(self, samples, data):
            for _ in range(samples):
                sample = data.draw(st.lists(CODES, min_size=sizes[0], max_size=sizes[0]))
                self.source.waiting += beats_of(sample, lanes_in, width)

        @rule(beats=st.integers(1, 6))
        def send_what_is_no_sample(self, beats):
            self.source.waiting += beats_of([1] * (beats * lanes_in), lanes_in, width)

        @rule(flags=FLAGS, times=st.sampled_from([1, 3, 9]))
        def run(self, flags, times):
            for offer, take in flags * times:
                self.cycle(offer, take)

        @rule(flags=FLAGS)
        def hold_for_a_while(self, flags):
            stepped.set(dut.hold, 1)
            for offer, take in flags:
                self.cycle(offer, take)
            stepped.set(dut.hold, 0)

        @rule(flags=FLAGS)
        def ask_for_a_load_that_must_wait(self, flags):
            # to a layer that is not there: one may be taken as long as the network is still idle
            stepped.set(dut.load.payload, {"write": 1, "layer": 255})
            stepped.set(dut.load.valid, 1)
            for offer, take in flags:
                ready, idle = stepped.get(dut.load.ready), stepped.get(dut.idle)
                assert idle or not ready, "a load must wait until all samples have left"
                self.cycle(offer, take)
            stepped.set(dut.load.valid, 0)

        @rule(data=st.data(), changes=st.integers(1, 4))
        def reload(self, data, changes):
            self._drain()
            for _ in range(changes):
                self._write(data)
            stepped.set(dut.hold, 0)

        def _drain(self):
            stepped.set(dut.hold, 1)
            for _ in range(patience + 8 * len(self.expected)):
                if stepped.get(dut.idle):
                    break
                self.cycle(True, True)
            assert stepped.get(dut.idle), "a network that holds must become idle"
            assert not self.expected, "it must have given all answers by then"

        def _write(self, data):
            layer = data.draw(st.integers(0, len(self.weights) - 1))
            neuron = data.draw(st.integers(0, len(self.weights[layer]) - 1))
            column = data.draw(st.integers(-bias, self.weights[layer].shape[1] - 1))
            code = data.draw(CODES)
            place = {"layer": layer, "neuron": neuron, "input": max(column, 0)}
            self._request({**place, "bias": column < 0, "write": 1, "data": code & 0x3F})
            if column < 0:
                self.biases[layer][neuron] = code
            else:
                self.weights[layer][neuron, column] = code
            if data.draw(st.booleans()):
                self._request({**place, "bias": column < 0, "write": 0, "data": 0})
                assert self._answer(data.draw(st.integers(0, 3))) == code & 0x3F

        def _request(self, fields):
            stepped.set(dut.load.payload, fields)
            stepped.set(dut.load.valid, 1)
            for _ in range(100):
                taken = stepped.get(dut.load.ready)
                self.cycle(True, True)
                self.since_write = 0
                if taken:
                    break
            assert taken, "a load must be taken while the network is idle"
            stepped.set(dut.load.valid, 0)

        def _answer(self, wait):
            for _ in range(100):
                if stepped.get(dut.loaded.valid):
                    break
                self.cycle(True, True)
            for _ in range(wait):
                self.cycle(True, True)
            assert stepped.get(dut.loaded.valid), "what is read must be answered"
            word = stepped.get(dut.loaded.payload)
            stepped.set(dut.loaded.ready, 1)
            self.cycle(True, True)
            stepped.set(dut.loaded.ready, 0)
            return word

        @rule(cycles=st.integers(1, 2))
        def reset(self, cycles):
            # a write that is under way would be discarded
            while self.since_write < settled:
                self.cycle(False, False)
            stepped.set(dut.i.valid, 0)
            stepped.reset(cycles)
            self._forget()
            self.error = False

        def teardown(self):
            self.quiet = 0
            while (self.source.waiting or self.expected) and self.quiet < patience:
                self.cycle(True, True)
            assert not self.source.waiting, "the source must not wait for ever"
            assert not self.expected, "answers were lost"
            assert stepped.get(dut.framing_error) == self.error
            self._drain()

    return NetworkMachine


CODES = st.integers(-32, 31)
