"""The assertion for regressions of others: a design of theirs gives our words, bit for bit."""

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from amaranth.lib.wiring import Component

from bittrue.hdl.machine import Machine
from bittrue.hdl.netlist import to_verilog
from bittrue.hdl.socket import QUIET, Socket, plug_of
from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import as_codes, encode

from .amaranth_engine import Bench
from .clocked import simulated
from .compare import Comparison, compare
from .foreign import Foreign
from .icarus import UnknownBits, run_program
from .mutate_vectors import read_sessions
from .record import Run, Session
from .socket_verilog import VerilogSocket
from .stimulus import Stimulus, stimuli_of

Runner = Callable[[float], list[Run]]
"""Runs all sessions at a probability of stalls."""

ENGINES = ("auto", "amaranth", "icarus")
IDLE_LIMIT = 10_000
"""Cycles without any movement after which a design is given up."""


def assert_bit_true(
    dut: Component | str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    design: Design,
    vectors: npt.ArrayLike | str | os.PathLike[str] | Sequence[Session],
    *,
    stalls: float | Iterable[float] = (0.0, 0.3),
    seed: int = 0,
    engine: str = "auto",
    top: str | None = None,
    idle_limit: int = IDLE_LIMIT,
) -> None:
    """Assert that hardware of your own gives the words of a design, all of them and no others.

    Parameters
    ----------
    dut : Component, or path, or sequence of paths
        An Amaranth component with streams ``i`` and ``o`` whose payloads are codes side by side,
        lane 0 lowest, with or without ``last`` above them; or Verilog files, the first of which
        has the top module. Verilog has flat ports ``clk``, ``rst``, and ``i__payload``,
        ``i__valid``, ``i__ready``, ``o__payload``, … or ``s_axis_tdata``, ``s_axis_tvalid``, …,
        ``m_axis_tdata``, …, there with each code in whole bytes. Weights are loaded where it has
        our ``load`` port, else they are inside it.
    design : Design
        What is expected.
    vectors : array_like, shape (samples, inputs), or path, or sequence of Session
        Integers are codes of the input format, floats are values; a file is one that
        ``bittrue verify --vectors`` reads.
    stalls : float or iterable of float
        Probabilities, from 0 to below 1, that source and sink let a cycle pass: a run for each.
    seed : int
        Of the stalls.
    engine : {"auto", "amaranth", "icarus"}
        Amaranth's simulator, for components, or Icarus Verilog, for both.
    top : str, optional
        The Verilog module, where it is not named as its file.
    idle_limit : int
        Cycles without any movement after which a run is given up.

    Raises
    ------
    AssertionError
        If a word differs, is missing, or should not be there: the first is told with sample,
        neuron, both words and cycle.
    BittrueError
        If there is nothing to compare, or the ports are not those of such a design.
    ToolMissing
        If Icarus Verilog is needed and not on the path.
    """
    __tracebackhide__ = True
    sessions = _sessions(vectors, design)
    chances = [stalls] if isinstance(stalls, int | float) else list(stalls)
    _check(engine, chances, idle_limit)
    with tempfile.TemporaryDirectory(prefix="bittrue-") as folder:
        name, run = _runner(dut, design, sessions, (engine, top, seed, idle_limit), Path(folder))
        for chance in chances:
            story = _held(run, chance, design, sessions)
            if story:
                raise AssertionError(
                    f"{name} must give the words of design {design.digest[:12]}: {story}\n"
                    f"stalls {chance}, seed {seed}"
                )


def _check(engine: str, chances: Sequence[float], idle_limit: int) -> None:
    if engine not in ENGINES:
        raise BittrueError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}")
    if not chances:
        raise BittrueError("stalls must be a probability at least, got none")
    for chance in chances:
        if not 0 <= chance < 1:
            raise BittrueError(f"stalls must be probabilities from 0 to below 1, got {chance}")
    if idle_limit < 1:
        raise BittrueError(f"idle_limit must be at least 1, got {idle_limit}")


def _sessions(
    vectors: npt.ArrayLike | str | os.PathLike[str] | Sequence[Session], design: Design
) -> list[Session]:
    """Return what is to be driven, a sample at least in each session."""
    if isinstance(vectors, str | os.PathLike):
        sessions = read_sessions(Path(vectors), design)
    elif isinstance(vectors, Sequence) and vectors and isinstance(vectors[0], Session):
        sessions = [given for given in vectors if isinstance(given, Session)]
    else:
        sessions = [Session(design.weights, _codes(np.asarray(vectors), design))]
    if not all(len(session.codes) for session in sessions):
        raise BittrueError("vectors must be a sample at least, got none")
    return sessions


def _codes(array: npt.NDArray[np.generic], design: Design) -> npt.NDArray[np.int64]:
    size, type = design.shape.sizes[0], design.shape.input
    if array.ndim != 2 or array.shape[1] != size:
        raise BittrueError(f"vectors must have shape (samples, {size}), got {array.shape}")
    if array.dtype.kind == "f":
        return encode(array, type.format, type.rounding, type.overflow)
    return as_codes(array, type.format)


def _runner(
    dut: Component | str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    design: Design,
    sessions: Sequence[Session],
    how: tuple[str, str | None, int, int],
    folder: Path,
) -> tuple[str, Runner]:
    """Return a design's name, and what runs it."""
    engine, top, seed, idle_limit = how
    if isinstance(dut, Component):
        if engine != "icarus":
            return type(dut).__name__, _in_amaranth(dut, design, sessions, seed, idle_limit)
        file = folder / "component.v"
        file.write_text(to_verilog(dut, "component"), encoding="utf-8")
        return type(dut).__name__, _in_icarus(
            Foreign.of([file], None), design, sessions, (seed, idle_limit), folder
        )
    if engine == "amaranth":
        raise BittrueError("dut must be a component for the engine amaranth, got Verilog")
    paths = [dut] if isinstance(dut, str | os.PathLike) else dut
    if not isinstance(paths, list | tuple) or not all(
        isinstance(path, str | os.PathLike) for path in paths
    ):
        raise BittrueError(
            f"dut must be a component, a Verilog file or a list of files, got {dut!r:.60}"
        )
    foreign = Foreign.of([Path(path) for path in paths], top)
    return foreign.top, _in_icarus(foreign, design, sessions, (seed, idle_limit), folder)


def _in_amaranth(
    dut: Component, design: Design, sessions: Sequence[Session], seed: int, idle_limit: int
) -> Runner:
    plug, loads = plug_of(dut, design.shape), hasattr(dut, "load")
    _check_weights(loads, design, sessions)
    socket = Socket(dut, plug, design.shape, _most_beats(plug.machine(design.shape), sessions))

    def run(stalls: float) -> list[Run]:
        bench = Bench(
            socket.machine,
            sessions,
            stalls=stalls,
            seed=seed,
            progress=None,
            network=socket,
            loaded=None if loads else design.weights,
            limit=idle_limit,
        )
        return simulated(bench)

    return run


def _in_icarus(
    foreign: Foreign,
    design: Design,
    sessions: Sequence[Session],
    numbers: tuple[int, int],
    folder: Path,
) -> Runner:
    socket = VerilogSocket(foreign, design.shape)
    _check_weights(socket.loads, design, sessions)
    program = socket.compile(folder, _most_beats(socket.machine, sessions))
    seed, idle_limit = numbers
    stimuli = list(stimuli_of(socket.machine, sessions))
    if not socket.loads:
        stimuli = [Stimulus(s.loads[:0], s.beats, s.samples) for s in stimuli]

    def run(stalls: float) -> list[Run]:
        return run_program(
            socket.machine,
            program,
            stimuli,
            stalls=stalls,
            waves=None,
            idle_limit=idle_limit,
            seed=seed,
            progress=None,
            beside=foreign.beside,
        )

    return run


def _most_beats(machine: Machine, sessions: Sequence[Session]) -> int:
    """Return how many beats there should be, and some more, so that those too many are seen."""
    return sum(len(s.codes) for s in sessions) * machine.foldings[-1].neuron_folds + QUIET


def _check_weights(loads: bool, design: Design, sessions: Sequence[Session]) -> None:
    if not loads and any(session.weights != design.weights for session in sessions):
        raise BittrueError(
            "vectors must keep the design's own weights where there is no load port, got others"
        )


def _held(run: Runner, stalls: float, design: Design, sessions: Sequence[Session]) -> str:
    """Return the story of the first divergence, nothing where there is none."""
    try:
        runs = run(stalls)
    except UnknownBits as error:
        return str(error)
    total = Comparison()
    for number, (session, seen) in enumerate(zip(sessions, runs, strict=True)):
        total += compare(design, session, seen, number=number)
    if not total.differing and total.stalled_at is None:
        return ""
    counts = f"{total.compared} words compared, {total.differing} differ"
    lines = [f"{counts} ({total.missing} missing, {total.extra} too many)"]
    if total.stalled_at is not None:
        lines.append(f"nothing moved any more at cycle {total.stalled_at}")
    if (first := total.first) is not None:
        lines.append(str(first))
        codes = sessions[first.session].codes
        if first.sample < len(codes):
            lines.append(f"  inputs of the network, codes: {codes[first.sample].tolist()}")
    return "\n".join(lines)
