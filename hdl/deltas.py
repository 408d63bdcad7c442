"""The deltas of one layer: worked out as errors come, kept for the walk through the weights."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from bittrue.model.learning import STOCHASTIC, Learning
from bittrue.model.lfsr import BITS
from bittrue.model.shape import Layer
from bittrue.model.types import Format

from . import timing
from .delta import Delta, carried_format
from .derivative import source_format
from .lfsr import Draws
from .machine import Folding
from .pipeline import delayed
from .shapes import UNORDERED, blanked, index_below, lanes_of, words_of
from .update import rated_format


def kept_layout(learning: Learning, number: int, lanes: int) -> StructLayout:
    """Return the layout of what is kept of neurons side by side.

    ``rated`` deltas; ``carried`` back, but not by the first layer; ``draws``, where updates are
    rounded by chance.
    """
    delta = learning.layers[number].delta.format
    members = {"rated": lanes_of(rated_format(learning, delta), lanes)}
    if number:
        members["carried"] = lanes_of(carried_format(learning, number), lanes)
    if learning.rounding == STOCHASTIC:
        members["draws"] = ArrayLayout(BITS, lanes)
    return StructLayout(members)


class Deltas(Component):
    """Turns errors into deltas, ``pe`` neurons at a time, and keeps them.

    Draws are taken in the order in which deltas are kept: neurons ascending.

    Parameters
    ----------
    layer, learning, number, exact
        As in `Delta`.
    folding : Folding
        Folding of the layer.

    Members
    -------
    valid : In(1)
        There are errors.
    errors, values : In(pe lanes)
        As in `Delta`; beat after beat of a sample, neurons ascending.
    state, drawn, next
        The register that is drawn from, as in `ShiftRegister`. Only where updates are rounded by
        chance.
    complete : Out(1)
        The deltas of a sample's last neurons are kept from the next cycle on.
    fold : In
        Which neurons' are read.
    kept : Out(kept_layout)
        What was kept of them, one cycle later.

    Attributes
    ----------
    latency : int
        Cycles from errors to the cycle that keeps their deltas. Initiation interval 1.
    """

    def __init__(
        self,
        layer: Layer,
        folding: Folding,
        learning: Learning,
        number: int,
        *,
        exact: Format | None = None,
    ) -> None:
        self._layer, self._folding = layer, folding
        self._learning, self._number, self._exact = learning, number, exact
        self._chance = learning.rounding == STOCHASTIC
        self.latency = timing.delta(learning)
        own = learning.layers[number]
        error = own.error.format if exact is None else exact
        self._layout = kept_layout(learning, number, folding.pe)
        ports = {
            "valid": In(1),
            "errors": In(lanes_of(error, folding.pe)),
            "values": In(lanes_of(source_format(layer.curve, own.derivative), folding.pe)),
            "complete": Out(1),
            "fold": In(index_below(folding.neuron_folds)),
            "kept": Out(self._layout),
        }
        if self._chance:
            ports |= {"state": In(BITS), "drawn": Out(1), "next": Out(BITS)}
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        """Build the neurons' lanes, and the memory behind them."""
        m = Module()
        folds = self._folding.neuron_folds
        found = self._lanes(m)
        valid = delayed(m, self.valid, self.latency, name="valid", reset_less=False)
        fold = Signal(index_below(folds))
        last = fold == folds - 1
        with m.If(valid):
            m.d.sync += fold.eq(Mux(last, 0, fold + 1))
        m.d.comb += self.complete.eq(valid & last)

        m.submodules.memory = memory = Memory(
            shape=self._layout, depth=folds, init=[], attrs=UNORDERED
        )
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [
            write.addr.eq(fold),
            write.en.eq(valid),
            read.addr.eq(self.fold),
            self.kept.eq(read.data),
        ]
        last_neurons, pe = self._folding.last_neurons, self._folding.pe
        real = Mux(last, (1 << last_neurons) - 1, (1 << pe) - 1)[:pe]
        for name, words in found.items():
            m.d.comb += write.data[name].as_value().eq(blanked(words, real))
        if self._chance:
            m.submodules.draws = draws = Draws(pe, last_neurons)
            m.d.comb += [
                draws.state.eq(self.state),
                draws.last.eq(last),
                self.drawn.eq(valid),
                self.next.eq(draws.next),
                write.data.draws.eq(draws.draws),
            ]
        return m

    def _lanes(self, m: Module) -> dict[str, list[Value]]:
        """Return what each neuron hands on, by its name in what is kept."""
        names = [name for name in ("rated", "carried") if name in self._layout.members]
        found: dict[str, list[Value]] = {name: [] for name in names}
        for lane in range(self._folding.pe):
            delta = Delta(self._layer, self._learning, self._number, exact=self._exact)
            m.submodules[f"delta_{lane}"] = delta
            m.d.comb += [
                delta.error.eq(words_of(self.errors)[lane]),
                delta.value.eq(words_of(self.values)[lane]),
            ]
            for name in names:
                found[name].append(getattr(delta, name))
        return found
