"""Components stepped cycle by cycle, and what their streams must do, in plain Python."""

from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator


class Stepped:
    """A component in a simulator whose clock the caller moves.

    Parameters
    ----------
    component : Component
        Clocked by ``sync``.
    """

    def __init__(self, component):
        self.component = component
        self.domain = ClockDomain("sync")
        module = Module()
        module.domains.sync = self.domain
        module.submodules.dut = component
        self._simulator = Simulator(module)
        self._simulator.add_testbench(self._lend)
        self._simulator.advance()

    async def _lend(self, context):
        """Keep what signals are read and set with."""
        self.get, self.set = context.get, context.set

    def restart(self):
        """Return to the state at power-up, memories included."""
        self._simulator.reset()
        self._simulator.advance()

    def step(self):
        """Let one cycle pass."""
        self.set(self.domain.clk, 1)
        self.set(self.domain.clk, 0)

    def reset(self, cycles=1):
        """Hold reset for so many cycles."""
        self.set(self.domain.rst, 1)
        for _ in range(cycles):
            self.step()
        self.set(self.domain.rst, 0)


class Source:
    """Offers beats in order, and each until it is taken."""

    def __init__(self, stepped, stream):
        self._stepped, self._stream = stepped, stream
        self.waiting, self.taken = [], []
        self._offered = False

    def settle(self, willing):
        """Offer the next beat, if there is one and it is time, or was offered before."""
        self._offered = bool(self.waiting) and (self._offered or willing)
        self._stepped.set(self._stream.valid, self._offered)
        if self._offered:
            self._stepped.set(self._stream.payload.as_value(), self.waiting[0])

    def moved(self):
        """Return the beat that is taken in this cycle, or None; to be asked once a cycle."""
        if not (self._offered and self._stepped.get(self._stream.ready)):
            return None
        self._offered = False
        self.taken.append(self.waiting.pop(0))
        return self.taken[-1]

    def clear(self):
        """Forget all that was to be offered."""
        self.waiting.clear()
        self._offered = False


class Sink:
    """Takes beats when told, and sees to it that none is changed or withdrawn while it waits."""

    def __init__(self, stepped, stream):
        self._stepped, self._stream = stepped, stream
        self._shown = None

    def settle(self, willing):
        """Be ready, or not."""
        self._willing = willing
        self._stepped.set(self._stream.ready, willing)

    def moved(self):
        """Return the beat that is given in this cycle, or None; to be asked once a cycle."""
        valid = self._stepped.get(self._stream.valid)
        word = self._stepped.get(self._stream.payload.as_value()) if valid else None
        if self._shown is not None:
            assert word == self._shown, "a beat that waited must stay as it was"
        self._shown = None if self._willing else word
        return word if self._willing else None

    def clear(self):
        """Forget what waited: reset may withdraw it."""
        self._shown = None
