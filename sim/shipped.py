"""The regression that is shipped: its script for a design, and Amaranth's simulator held to it."""

from typing import Any

from amaranth.hdl import Cat, ClockDomain, Module, Signal, Value
from amaranth.sim import Simulator

from bittrue.hdl.machine import Machine
from bittrue.hdl.network import Network
from bittrue.model.design import Design
from bittrue.model.formats import Values, encode

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


def first_unlike(machine: Machine, script: Script) -> Finding | None:
    """Return where a machine, in Amaranth's simulator, first differs from a script, if it does."""
    network = Network(machine)
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
    seen = Cat(ports[name] for name, _ in script.outputs)
    found: list[Finding] = []

    async def testbench(ctx: Any) -> None:
        for cycle, word in enumerate(script.driven):
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
