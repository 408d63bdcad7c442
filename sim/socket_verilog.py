"""The Verilog module around a module of someone else's, see `bittrue.hdl.socket`."""

from collections.abc import Iterator
from pathlib import Path

from bittrue.hdl.axis import AxisWords
from bittrue.hdl.loader import load_layout
from bittrue.hdl.network import data_width_of
from bittrue.hdl.socket import QUIET, Plug, check_load_width
from bittrue.model.design import Shape
from bittrue.model.exceptions import BittrueError

from .dut import package_text
from .foreign import Foreign
from .icarus import bench_source
from .stimulus import beat_width, load_width, output_width

CLOCKS = ("clk", "aclk", "clock")
RESETS = {"rst": "resetting", "reset": "resetting"} | dict.fromkeys(
    ("aresetn", "rst_n", "resetn"), "!resetting"
)
"""Resets by name: high where a reset is active, or low."""

OWN_NAMES = {"module bench;": "module bittrue_bench;", "network dut (": "bittrue_socket dut ("}
"""What is written otherwise in the test bench: others have modules named bench and network."""

WEIGHT_PORT = "s_axis_weight_tdata"
"""Where a design has this port, weights are loaded through it, as of `AxisNetwork`."""


class VerilogSocket:
    """A module of someone else's behind the ports of `Network`, as Verilog.

    Parameters
    ----------
    foreign : Foreign
        The module: a clock, perhaps a reset, and streams ``i`` and ``o`` as ``i__payload``,
        ``i__valid``, ``i__ready`` or as ``s_axis_tdata``, ``s_axis_tvalid``, ``s_axis_tready`` and
        perhaps ``s_axis_tlast`` (``o__*`` and ``m_axis_*``). ``hold``, ``idle``,
        ``framing_error`` and ``load__*`` or ``s_axis_weight_*`` are used where it has them.
    shape : Shape
        Of the network that it should be.

    Attributes
    ----------
    machine : Machine
        The one whose ports these are.
    loads : bool
        Whether weights are loaded into it.

    Raises
    ------
    BittrueError
        If a port is missing, unknown, or not as wide as the shape asks for.
    ToolMissing
        If Icarus Verilog is not on the path.
    """

    def __init__(self, foreign: Foreign, shape: Shape) -> None:
        self._foreign, self._ports = foreign, foreign.ports()
        self._axis = "s_axis_tdata" in self._ports
        names = self._stream_names()
        self._i, self._o = names
        self._plug = self._plugged(shape)
        self.machine = self._plug.machine(shape)
        self.loads = self._has_load_port()
        self._connections = dict(self._connected())
        self._check_inputs()

    def _stream_names(self) -> tuple[str, str]:
        ends = ("tdata", "tvalid", "tready") if self._axis else ("payload", "valid", "ready")
        prefixes = ("s_axis_", "m_axis_") if self._axis else ("i__", "o__")
        for prefix in prefixes:
            for end in ends:
                if prefix + end not in self._ports:
                    raise BittrueError(
                        f"the module {self._foreign.top} must have the port {prefix}{end}, got "
                        f"{', '.join(self._ports)}"
                    )
        return prefixes

    def _plugged(self, shape: Shape) -> Plug:
        ends = [
            self._ports[p + ("tdata" if self._axis else "payload")][1] for p in (self._i, self._o)
        ]
        if not self._axis:
            return Plug.packed(shape, *ends)
        pitches = [-(-type.format.width // 8) * 8 for type in (shape.input, shape.output)]
        for name, bits, pitch in zip((self._i, self._o), ends, pitches, strict=True):
            if bits % pitch:
                raise BittrueError(
                    f"{name}tdata must be codes of {pitch} bits, whole bytes each, side by side, "
                    f"got {bits} bits"
                )
        counts = [bits // pitch for bits, pitch in zip(ends, pitches, strict=True)]
        lasts = [f"{name}tlast" in self._ports for name in (self._i, self._o)]
        return Plug(counts[0], counts[1], pitches[0], pitches[1], lasts[0], lasts[1])

    def _connected(self) -> Iterator[tuple[str, str]]:
        """Yield each port with what it is connected to."""
        for name in self._ports:
            if name in CLOCKS:
                yield name, "clk"
            elif name in RESETS:
                yield name, RESETS[name]
        t = "t" if self._axis else ""
        yield f"{self._i}{'tdata' if t else 'payload'}", self._input()
        yield f"{self._o}{'tdata' if t else 'payload'}", "dut_payload"
        yield f"{self._i}{t}valid", "i__valid & !resetting"
        yield f"{self._i}{t}ready", "dut_i_ready"
        yield f"{self._o}{t}valid", "dut_o_valid"
        yield f"{self._o}{t}ready", "o__ready & !resetting"
        if self._axis and self._plug.i_last:
            yield f"{self._i}tlast", "i__payload[BEAT_BITS-1]"
        if self._axis and self._plug.o_last:
            yield f"{self._o}tlast", "dut_last"
        for name in ("hold", "load__payload"):
            if name in self._ports:
                yield name, name
        if self.loads:
            name = WEIGHT_PORT if WEIGHT_PORT in self._ports else "load__payload"
            prefix = name.removesuffix("data").removesuffix("payload")
            yield f"{prefix}valid", "load__valid & !resetting"
            yield f"{prefix}ready", "dut_load_ready"
            if name == WEIGHT_PORT:
                # each request is a load of its own
                yield from ((name, self._weight_word()), ("s_axis_weight_tlast", "1"))
                yield "m_axis_weight_tready", "1"
        for name, wire in (("idle", "dut_idle"), ("framing_error", "dut_framing_error")):
            if name in self._ports:
                yield name, wire
        for name in ("loaded__ready", "count_address", "count_clear"):
            if name in self._ports:
                yield name, "0"

    def _has_load_port(self) -> bool:
        """Tell whether weights are loaded; refuse a port that is not as wide as ours."""
        if "load__payload" in self._ports:
            check_load_width(self._ports["load__payload"][1], self.machine)
            return True
        if WEIGHT_PORT not in self._ports:
            return False
        width, wanted = self._ports[WEIGHT_PORT][1], int(AxisWords(self.machine).weight.size)
        if width != wanted:
            raise BittrueError(f"{WEIGHT_PORT} must have {wanted} bits, got {width}")
        return True

    def _weight_word(self) -> str:
        """Return a load request as a word of the weight port: other places, whole bytes."""
        request = dict(load_layout(data_width_of(self.machine)))
        fields: list[str] = []
        for name, field in dict(AxisWords(self.machine).weight).items():
            asked = request.get(name)
            taken = [] if asked is None else [f"load__payload[{asked.offset}+:{asked.width}]"]
            spare = field.width - (asked.width if asked is not None else 0)
            fields = [*([f"{spare}'b0"] if spare else []), *taken, *fields]
        return f"{{{', '.join(fields)}}}"

    def _input(self) -> str:
        """Return the input's payload: codes with their sign repeated up to their pitch."""
        format, plug = self.machine.shape.input.format, self._plug
        if not self._axis:
            return "i__payload" if plug.i_last else "i__payload[BEAT_BITS-2:0]"
        spare, lanes = plug.i_pitch - format.width, []
        for lane in reversed(range(plug.simd)):
            top, low = (lane + 1) * format.width - 1, lane * format.width
            if spare:
                sign = f"i__payload[{top}]" if format.signed else "1'b0"
                lanes.append(f"{{{spare}{{{sign}}}}}")
            lanes.append(f"i__payload[{top}:{low}]")
        return f"{{{', '.join(lanes)}}}"

    def _output(self) -> str:
        """Return the output's payload: codes side by side, ``last`` above them."""
        width, plug = self.machine.shape.output.format.width, self._plug
        lanes = ", ".join(
            f"dut_payload[{lane * plug.o_pitch}+:{width}]" for lane in reversed(range(plug.pe))
        )
        return f"{{o_last, {lanes}}}"

    def _check_inputs(self) -> None:
        if not any(name in CLOCKS for name in self._connections):
            raise BittrueError(
                f"the module {self._foreign.top} must have a clock, one of {', '.join(CLOCKS)}, "
                f"got {', '.join(self._ports)}"
            )
        for name, (way, _) in self._ports.items():
            if way != "OUTPUT" and name not in self._connections:
                raise BittrueError(
                    f"inputs of the module {self._foreign.top} must be those of a clock, a reset, "
                    f"the streams and the load port, got {name}"
                )

    def source(self, most: int) -> str:
        """Return the module around, ``socket.v`` filled in; it gives so many beats at most."""
        text, ports, plug = package_text("socket.v"), self._ports, self._plug
        last = "dut_payload[OUTPUT_BITS-1]" if not self._axis else "dut_last"
        o_bits = ports[self._o + ("tdata" if self._axis else "payload")][1]
        for name, value in {
            "CONNECTIONS": ",\n        ".join(f".{p}({w})" for p, w in self._connections.items()),
            "INSTANCE": self._foreign.top,
            "GIVEN_LAST": last if plug.o_last else "beat == FOLDS - 1",
            "GIVEN": self._output(),
            "LOAD_READY": "dut_load_ready" if self.loads else "1'b1",
            "SAID_IDLE": "dut_idle" if "idle" in ports else "1'b1",
            "SAID_FRAMING": "dut_framing_error" if "framing_error" in ports else "1'b0",
            "BEAT_BITS": beat_width(self.machine),
            "LOAD_BITS": load_width(self.machine),
            "OUTPUT_BITS": output_width(self.machine),
            "DUT_BITS": o_bits,
            "FOLDS": self.machine.foldings[-1].neuron_folds,
            "QUIET": QUIET,
            "MOST": most,
        }.items():
            text = text.replace(name, str(value))
        return text

    def compile(self, folder: Path, most: int) -> Path:
        """Return the program for ``vvp`` that drives the module, compiled into a folder.

        Parameters
        ----------
        folder : Path
            Where it is made.
        most : int
            Beats after which no more are given.
        """
        bench = bench_source(self.machine).replace("module bench;", "module bittrue_bench;")
        bench = bench.replace(" network dut (", " bittrue_socket dut (")
        (folder / "bench.v").write_text(bench, encoding="utf-8")
        (folder / "socket.v").write_text(self.source(most), encoding="utf-8")
        return self._foreign.compiled(folder, "bittrue_bench", ["bench.v", "socket.v"])
