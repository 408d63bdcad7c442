"""The regression that is shipped: its script for a design, and Amaranth's simulator held to it."""

from typing import Any

from amaranth.hdl import Cat, ClockDomain, Module, Signal, Value
from amaranth.sim import Simulator

from bittrue.hdl.machine import Machine
from bittrue.hdl.network import Network
from bittrue.model.design import Design
from bittrue.model.formats import Values, encode

from .compare import Comparison
from .divergence import Divergence
from .record import Session
from .scenarios import regression
from .script import Script
from .sliced import Finding
from .vectors import directed_sessions


def shipped(design: Design, machine: Machine, inputs: Values, *, seed: int = 0) -> Script:
    """Return the script of the default regression of a design.

    Parameters
    ----------
    design : Design
        What is expected.
    machine : Machine
        What is driven.
    inputs : ndarray of float64, shape (queries, inputs)
        Queries, in values.
    seed : int
        Of what is drawn.
    """
    type = design.shape.input
    codes = encode(inputs, type.format, type.rounding, type.overflow)
    sessions = {"queries": Session(design.weights, codes)}
    for number, session in enumerate(directed_sessions(design)):
        sessions[f"directed {number}"] = session
    return regression(sessions, machine, seed=seed)


class _Opened(Network):
    """A network whose components can be reached once it is elaborated."""

    inside: Module

    def elaborate(self, platform: object) -> Module:
        """Connect everything, and remember it."""
        self.inside = super().elaborate(platform)
        return self.inside


def ports_compared(machine: Machine, *, seed: int) -> Comparison:
    """Hold all ports of a machine, in every cycle, against what is foretold for all but sessions.

    Parameters
    ----------
    machine : Machine
        What is simulated, by Amaranth's simulator.
    seed : int
        Of what is drawn.

    Returns
    -------
    Comparison
        Of no words; the first bit that differs is its divergence.
    """
    script = regression({}, machine, seed=seed)
    found = first_unlike(machine, script)
    if found is None:
        return Comparison()
    vector = script.section(found.cycle)
    expected = script.expected[found.cycle] >> script.bit_of(found.port, found.bit) & 1
    first = Divergence(
        "port",
        0,
        0,
        0,
        f"{found.port}, bit {found.bit}, {vector}",
        None,
        found.cycle,
        expected,
        1 - expected,
        (),
        machine.shape.input.format,
    )
    return Comparison(1, 1, divergences=(first,))


def first_unlike(machine: Machine, script: Script) -> Finding | None:
    """Return where a machine, in Amaranth's simulator, first differs from a script, if it does."""
    network = _Opened(machine)
    m = Module()
    m.domains.sync = domain = ClockDomain()
    m.submodules.network = network
    ports = {
        "__".join(map(str, path)): Value.cast(value)
        for path, _, value in network.signature.flatten(network)
    }
    ports["rst"] = domain.rst
    driven = Signal(sum(width for _, width in script.inputs))
    m.d.comb += Cat(ports[name] for name, _ in script.inputs).eq(driven)
    # one signal is sampled much faster than many
    seen = Signal(sum(width for _, width in script.outputs))
    m.d.comb += seen.eq(Cat(ports[name] for name, _ in script.outputs))
    found: list[Finding] = []

    async def testbench(ctx: Any) -> None:
        for cycle, word in enumerate(script.driven):
            for name, value in script.deposits.get(cycle, {}).items():
                component, register = name.split(".")
                ctx.set(getattr(network.inside.submodules[component], register), value)
            ctx.set(driven, word)
            _, _, shown = await ctx.tick().sample(seen)
            wrong = (int(shown) ^ script.expected[cycle]) & script.promised[cycle]
            if wrong:
                bit = (wrong & -wrong).bit_length() - 1
                found.append(Finding(cycle, *script.output_at(bit)))
                return

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return found[0] if found else None
