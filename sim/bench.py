"""A component in Amaranth's simulator, driven port by port."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from random import Random
from typing import Any

from amaranth.hdl import ClockDomain, Module, Value
from amaranth.lib.wiring import Component
from amaranth.sim import Simulator

from .terms import mask

Stimulus = list[dict[str, int]]
"""Words at input ports, by cycle."""


class Bench:
    """A component in Amaranth's simulator, driven port by port.

    Parameters
    ----------
    component : Component
        Elaborated anew in each run.
    """

    def __init__(self, component: Component) -> None:
        self._component = component
        self._ports = {
            "__".join(map(str, path)): (Value.cast(value), member)
            for path, member, value in component.signature.flatten(component)
        }
        self.widths = {name: len(value) for name, (value, _) in self._ports.items()}

    def drawn(self, chance: Random) -> dict[str, int]:
        """Return drawn words for all inputs."""
        return {
            name: chance.getrandbits(self.widths[name])
            for name, (_, member) in self._ports.items()
            if member.flow.name == "In"
        }

    def run(
        self, stimulus: Sequence[Mapping[str, int]], waves: Path | None = None
    ) -> list[dict[str, int]]:
        """Return what stands at each output in each cycle."""
        m = Module()
        m.domains.sync = domain = ClockDomain()
        m.submodules.dut = self._component
        inputs = {
            name: value for name, (value, member) in self._ports.items() if member.flow.name == "In"
        }
        outputs = {name: value for name, (value, _) in self._ports.items() if name not in inputs}
        shown: list[dict[str, int]] = []

        async def testbench(ctx: Any) -> None:
            for step in stimulus:
                for name, value in inputs.items():
                    ctx.set(value, step.get(name, 0))
                ctx.set(domain.rst, step.get("rst", 0))
                shown.append(
                    {
                        name: int(ctx.get(value)) & mask(len(value))
                        for name, value in outputs.items()
                    }
                )
                await ctx.tick()

        simulator = Simulator(m)
        simulator.add_clock(1e-6)
        simulator.add_testbench(testbench)
        with simulator.write_vcd(str(waves)) if waves is not None else nullcontext():
            simulator.run()
        return shown
