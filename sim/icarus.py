"""Icarus Verilog: the exported Verilog, with a test bench in Verilog around it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import numpy as np
from vcd.gtkw import GTKWSave

from bittrue.hdl.machine import Machine
from bittrue.hdl.netlist import to_verilog
from bittrue.hdl.network import Network, stages_of
from bittrue.model.build import SHOWN_LINES, built, run_tool
from bittrue.model.exceptions import BittrueError

from . import tools
from .driver import accepted_beats, counts_of, never_begun
from .dut import count_total, package_text, strobe_ports
from .fingerprint import code_fingerprint
from .record import Progress, Run, Session
from .stimulus import Stimulus, beat_width, load_width, output_width, stimuli_of
from .words import Chunks, Shown, chunks_of, output_words, stage_words

HEX = b"0123456789abcdef"


class UnknownBits(BittrueError):
    """A word has bits that are neither 0 nor 1."""


def bench_source(machine: Machine) -> str:
    """Return the test bench of a machine, ``bench.v`` filled in."""
    strobes = strobe_ports(machine)
    counted = machine.counters != "none"
    text = package_text("bench.v")
    for name, value in {
        "STROBE_LOGS": "".join(f"strobe_log_{n}, " for n in range(len(strobes))),
        "DECLARATIONS": _lines(
            f"    wire [{width - 1}:0] {name};\n"
            f"    wire [{chunks_of(width) * 64 - 1}:0] words_{n} = {name};"
            for n, (name, width) in enumerate(strobes)
        ),
        "PORTS": _ports([name for name, _ in strobes], counted),
        "STROBES": _lines(
            f"            if ({name}[0]) begin\n"
            f'                $fdisplay(strobe_log_{n}, "%h%h", cycle, words_{n});\n'
            "                any = 1;\n"
            "            end"
            for n, (name, _) in enumerate(strobes)
        ),
        "OPENED": _lines(
            f'        strobe_log_{n} = $fopen("strobe_{n}.log", "w");' for n in range(len(strobes))
        ),
        "BEAT_BITS": beat_width(machine),
        "LOAD_BITS": load_width(machine),
        "OUTPUT_BITS": output_width(machine),
        "OUTPUT_WORDS": chunks_of(output_width(machine)),
        "COUNTS": count_total(machine),
    }.items():
        text = text.replace(name, str(value))
    return text


def _lines(lines: Iterator[str]) -> str:
    return "\n".join(lines)


def _ports(strobes: list[str], counted: bool) -> str:
    counters = {"count_address": "count_address", "count_clear": "count_clear", "count": "count"}
    names = [*(counters if counted else {}), *strobes]
    return "".join(f",\n        .{name}({name})" for name in names)


def icarus_program(machine: Machine) -> Path:
    """Return a machine and its test bench, compiled for ``vvp``.

    Raises
    ------
    ToolMissing
        If Icarus Verilog is not on the path.
    BittrueError
        If it fails.
    """
    compiler, _ = tools.icarus()
    bench = bench_source(machine)

    def make(folder: Path) -> None:
        (folder / "bench.v").write_text(bench, encoding="utf-8")
        (folder / "network.v").write_text(to_verilog(Network(machine), "network"), encoding="utf-8")
        words = ["-g2005", "-s", "bench", "-o", "bench.vvp", "bench.v", "network.v"]
        run_tool([compiler, *words], folder)

    parts = [machine.digest, code_fingerprint(), bench, run_tool([compiler, "-V"])]
    return built("icarus", parts, make) / "bench.vvp"


def run_icarus(
    machine: Machine,
    stalls: float,
    waves: str | os.PathLike[str] | None,
    idle_limit: int,
    sessions: Sequence[Session],
    seed: int,
    progress: Progress | None,
) -> list[Run]:
    """Run sessions with Icarus Verilog.

    Parameters
    ----------
    machine : Machine
        What is built.
    stalls : float
        Probability, below 1, that source or sink lets a cycle pass.
    waves : path or None
        Where a VCD is written, with a ``.gtkw`` beside it.
    idle_limit : int
        Cycles without any movement after which the run is given up.
    sessions : sequence of Session
        What is driven, one after the other.
    seed : int
        Of the stall pattern.
    progress : callable or None
        Told the samples done and the samples in all.
    """
    program, stimuli = icarus_program(machine), list(stimuli_of(machine, sessions))
    return run_program(
        machine,
        program,
        stimuli,
        stalls=stalls,
        waves=waves,
        idle_limit=idle_limit,
        seed=seed,
        progress=progress,
    )


def run_program(
    machine: Machine,
    program: Path,
    stimuli: Sequence[Stimulus],
    *,
    stalls: float,
    waves: str | os.PathLike[str] | None,
    idle_limit: int,
    seed: int,
    progress: Progress | None,
    beside: Mapping[str, Path] = MappingProxyType({}),
) -> list[Run]:
    """Run what `bench_source` was compiled with, as `run_icarus` does.

    Parameters
    ----------
    machine : Machine
        What its ports are read as.
    program : Path
        For ``vvp``.
    stimuli : sequence of Stimulus
        What is driven.
    stalls, waves, idle_limit, seed, progress
        As of `run_icarus`.
    beside : mapping from name to Path
        Files that the program opens by these names.

    Raises
    ------
    UnknownBits
        If some bit of an output is unknown as it is given.
    BittrueError
        If the simulator fails.
    """
    _, simulator = tools.icarus()
    with tempfile.TemporaryDirectory(prefix="bittrue-") as name:
        folder = Path(name)
        for file, source in beside.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / file)
        seeds = np.random.default_rng(seed).integers(1, 1 << 31, 2).tolist()
        _write(folder, stimuli, [idle_limit, int(stalls * 2**32), *seeds])
        words = [simulator, "-n", str(program)]
        if waves is not None:
            words.append("+waves=run.vcd")
        _simulate(words, folder, sum(s.samples for s in stimuli), progress)
        if waves is not None:
            _put_waves(machine, folder / "run.vcd", Path(waves))
        return _Logs(machine, folder).runs(stimuli)


def _write(folder: Path, stimuli: Sequence[Stimulus], head: Sequence[int]) -> None:
    """Write what the test bench reads."""
    plan = [head, *([len(s.loads), len(s.beats), s.samples] for s in stimuli)]
    lines = "".join(" ".join(f"{n:x}" for n in row) + "\n" for row in plan)
    (folder / "plan.hex").write_text(lines, encoding="ascii")
    for name in ("loads", "beats"):
        with open(folder / f"{name}.hex", "wb") as file:
            for stimulus in stimuli:
                file.write(hex_lines(getattr(stimulus, name)))


def hex_lines(chunks: Chunks) -> bytes:
    """Return rows of chunks as lines of hexadecimal digits."""
    data = np.ascontiguousarray(chunks[:, ::-1]).astype(">u8").view(np.uint8)
    digits = np.frombuffer(HEX, dtype=np.uint8)[np.stack([data >> 4, data & 15], axis=-1)]
    lines = np.full((len(chunks), chunks.shape[1] * 16 + 1), ord("\n"), dtype=np.uint8)
    lines[:, :-1] = digits.reshape(len(chunks), chunks.shape[1] * 16)
    return lines.tobytes()


def hex_rows(text: bytes, words: int) -> Chunks:
    """Return lines of so many words of 16 hexadecimal digits each, in the order they stand.

    Raises
    ------
    UnknownBits
        If there is another digit, as of an unknown bit.
    """
    digits = np.frombuffer(text, dtype=np.uint8).reshape(-1, words * 16 + 1)[:, :-1]
    values = np.full(256, 255, dtype=np.uint8)
    values[list(HEX)] = np.arange(16)
    nibbles = values[digits]
    if (nibbles > 15).any():
        row = bytes(digits[(nibbles > 15).any(axis=1)][0]).decode(errors="replace")
        raise UnknownBits(f"what Icarus shows must be known bits only, got {row}")
    pairs = nibbles.reshape(len(digits), words * 8, 2)
    return (pairs[..., 0] << 4 | pairs[..., 1]).view(">u8").astype(np.uint64)


def _simulate(words: Sequence[str], folder: Path, total: int, progress: Progress | None) -> None:
    """Run the simulator, and tell each sample that it tells."""
    done, said = 0, []
    with _running(words, folder) as process:
        for line in process.stdout or ():
            if line.strip() == "finished":
                done += 1
                if progress is not None:
                    progress(done, total)
            else:
                said.append(line.rstrip())
    if process.returncode or not (folder / "session.log").is_file():
        raise BittrueError(
            f"vvp must end with exit code 0, got {process.returncode}; its last lines:\n"
            + "\n".join(said[-SHOWN_LINES:])
        )


@contextmanager
def _running(words: Sequence[str], folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Return a context with a process, which is ended with it."""
    with subprocess.Popen(
        words,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def _put_waves(machine: Machine, vcd: Path, target: Path) -> None:
    """Put waves where they are wanted, and a view of the ports beside them."""
    names = ["clk", "hold", "idle", "framing_error"]
    names += [f"{stream}__{wire}" for stream in "io" for wire in ("valid", "ready", "payload")]
    names += [name for name, _ in strobe_ports(machine)]
    shutil.move(vcd, target)
    with open(target.with_suffix(".gtkw"), "w", encoding="utf-8") as file:
        view = GTKWSave(file)
        view.dumpfile(str(target), abspath=False)
        for name in names:
            view.trace(f"bench.dut.{name}")


class _Logs:
    """What the test bench wrote, taken apart by sessions."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self._machine, self._folder = machine, folder
        self._stages = list(stages_of(machine)) if machine.trace else []
        self._outputs = self._shown("output", chunks_of(output_width(machine)))
        self._strobes = [
            self._shown(f"strobe_{n}", chunks_of(width))
            for n, (_, width) in enumerate(strobe_ports(machine))
        ]
        self._accepted = self._shown("accepted", 0)
        self._counts = self._rows("count", 1)[:, 0]

    def runs(self, stimuli: Sequence[Stimulus]) -> list[Run]:
        """Return a run for each session, those after a standstill empty."""
        runs: list[Run] = []
        begin = before = 0
        ended = self._rows("session", 3).tolist()
        for number, (end, stalled, framing_error) in enumerate(ended):
            runs.append(self._run(number, begin, end, before, bool(stalled), bool(framing_error)))
            begin, before = end, before + stimuli[number].samples
        return runs + [never_begun(run) for run in runs[-1:]] * (len(stimuli) - len(runs))

    def _run(
        self, number: int, begin: int, end: int, before: int, stalled: bool, framing_error: bool
    ) -> Run:
        def of_session(shown: Shown) -> Shown:
            rows = slice(*np.searchsorted(shown[0], [begin, end]).tolist())
            return shown[0][rows], shown[1][rows]

        machine, total = self._machine, count_total(self._machine)
        read = self._counts[number * total : (number + 1) * total]
        return Run(
            words=stage_words(self._stages, [of_session(s) for s in self._strobes], before),
            outputs=output_words(machine, of_session(self._outputs)),
            accepted=accepted_beats(machine, of_session(self._accepted)[0]),
            counts=None if stalled else counts_of(machine, read),
            traced=machine.trace,
            counts_inexact=machine.counters == "full",
            framing_error=framing_error,
            stalled_at=end if stalled else None,
        )

    def _shown(self, log: str, chunks: int) -> Shown:
        rows = self._rows(log, 1 + chunks)
        # the highest digits of a port come first
        return rows[:, 0].astype(np.int64), rows[:, :0:-1]

    def _rows(self, log: str, words: int) -> Chunks:
        return hex_rows((self._folder / f"{log}.log").read_bytes(), words)
