"""Streams under arbitrary stalls, resets, wrong frames, holds and reloads, beside a reference."""

import inspect

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from stream_machines import buffer_machine, converter_machine, network_machine

from bittrue.hdl import buffer, network
from bittrue.hdl.buffer import SampleBuffer, WidthConverter
from bittrue.hdl.network import Network

CONVERTERS = [(1, 3, 5), (3, 1, 5), (2, 3, 7), (3, 2, 4), (4, 6, 12), (1, 4, 3), (4, 1, 1)]
BUFFERS = [(1, 1), (2, 3), (1, 4)]
NETWORKS = [((3, 2, 2), 1, 1), ((3, 3, 2), (2, 1), (2, 3)), ((1, 4, 1), (4, 1), 1)]


def held_to_it(machine, examples, steps=20, phases=tuple(Phase)):
    """Run a state machine on examples that are always the same."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=True,
            deadline=None,
            database=None,
            phases=phases,
        ),
    )


@pytest.mark.parametrize(("lanes_in", "lanes_out", "size"), CONVERTERS)
def test_converter(lanes_in, lanes_out, size):
    held_to_it(converter_machine(WidthConverter, lanes_in, lanes_out, size), 12)


@pytest.mark.parametrize(("lanes", "beats"), BUFFERS)
def test_buffer(lanes, beats):
    held_to_it(buffer_machine(SampleBuffer, lanes, beats), 25)


@pytest.mark.parametrize(("sizes", "pe", "simd"), NETWORKS)
def test_network(sizes, pe, simd):
    held_to_it(network_machine(Network, sizes, pe, simd), 12, 12)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("sizes", "pe", "simd"), NETWORKS)
def test_network_for_long(sizes, pe, simd):
    held_to_it(network_machine(Network, sizes, pe, simd), 100, 40)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_parts_for_long():
    for shape in CONVERTERS:
        held_to_it(converter_machine(WidthConverter, *shape), 100, 50)
    for shape in BUFFERS:
        held_to_it(buffer_machine(SampleBuffer, *shape), 200, 50)


def with_fault(module, name, right, wrong):
    """Return a component whose source has a fault in it."""
    text = inspect.getsource(module)
    assert text.count(right) == 1
    scope = {"__name__": module.__name__, "__package__": module.__package__}
    exec(compile(text.replace(right, wrong), f"faulty {name}", "exec"), scope)
    return scope[name]


FAULTS = {
    "a beat too early": (
        *(buffer, "WidthConverter", "count >= self._steps_out", "count >= self._steps_out - 1"),
        lambda make: converter_machine(make, 1, 3, 5),
    ),
    "a store that takes too much": (
        *(buffer, "WidthConverter", "+ largest <= capacity", "<= capacity"),
        lambda make: converter_machine(make, 3, 2, 4),
    ),
    "a beat count that reset forgets": (
        *(buffer, "WidthConverter", "beat = Signal(index_below(self._beats_out))"),
        "beat = Signal(index_below(self._beats_out), reset_less=True)",
        lambda make: converter_machine(make, 3, 1, 5),
    ),
    "three samples in room for two": (
        *(buffer, "SampleBuffer", "held_next < 2", "held_next < 3"),
        lambda make: buffer_machine(make, 1, 4),
    ),
    "a late last that passes": (
        *(buffer, "SampleBuffer", "m.d.sync += lost.eq(1)", "pass"),
        lambda make: buffer_machine(make, 2, 3),
    ),
    "idle too early": (
        *(network, "Network", "& (in_flight == 0)", ""),
        lambda make: network_machine(make, *NETWORKS[0]),
    ),
    "samples under way that reset forgets": (
        *(network, "Network", "in_flight = Signal(", "in_flight = Signal(reset_less=True, shape="),
        lambda make: network_machine(make, *NETWORKS[0]),
    ),
    "an error that goes away": (
        *(network, "Network", "self.framing_error | intake.misframed", "intake.misframed"),
        lambda make: network_machine(make, *NETWORKS[0]),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_found(fault):
    module, name, right, wrong, machine = FAULTS[fault]
    with pytest.raises(AssertionError):
        held_to_it(machine(with_fault(module, name, right, wrong)), 200, 20, [Phase.generate])
