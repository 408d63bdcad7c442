"""A whole test set through golden model, fixed model and hardware."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from bittrue.hdl.machine import Machine
from bittrue.model.design import Design
from bittrue.model.errors import Errors, errors_between
from bittrue.model.exceptions import BittrueError
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import Codes, Loss, Values, decode, encode
from bittrue.model.golden import GoldenNetwork
from bittrue.model.training import accuracy

from .compare import Comparison, compare
from .engines import fastest_engine, simulate
from .lanes_build import lanes_for
from .ledger import Entry, Ledger
from .record import Progress, Run, Session
from .testbench import outputs_of
from .timing import Timing
from .verdict import Verdict

BLOCK_WORDS = 4_000_000
"""Stage words that are held at once."""

TIMED_SAMPLES = 4
"""Samples streamed to measure cycles, where the run itself was stalled or traced in parts."""

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class WholeSet(Verdict):
    """What three models said to a test set, and the verdict on two of them.

    Members
    -------
    seed : int
        Of the stalls.
    design : Design
        What was expected.
    machine : Machine
        What was built.
    engine : str
        What simulated it.
    labels : ndarray of int64, shape (samples,)
        What is right.
    golden : ndarray of float64, shape (samples, outputs), or None
        The golden model's outputs, if there is one.
    fixed, rtl : ndarray of float64, shape (samples, outputs)
        Outputs in values; a missing word of rtl is NaN.
    errors : Errors or None
        Fixed against golden.
    losses : tuple of (Loss, Loss), one pair a layer
        By the fixed model: pre-activation and output.
    ledger : tuple of Entry
        All losses, by model and hardware, and where most.
    timing : Timing
        Cycles.
    comparison : Comparison
        Of all stages of all samples.
    seconds : mapping from model to float
        Wall time of golden, fixed and rtl; the last with its build.
    coverage : mapping
        Empty: a test set has no targets.
    """

    seed: int
    design: Design
    machine: Machine
    engine: str
    labels: Labels
    golden: Values | None
    fixed: Values
    rtl: Values
    errors: Errors | None
    losses: tuple[tuple[Loss, Loss], ...]
    ledger: tuple[Entry, ...]
    timing: Timing
    comparison: Comparison
    seconds: Mapping[str, float]
    coverage: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def models(self) -> dict[str, Values]:
        """Outputs by model, in values."""
        given = {"golden": self.golden, "fixed": self.fixed, "rtl": self.rtl}
        return {name: values for name, values in given.items() if values is not None}

    def accuracy(self, model: str) -> float:
        """Return the share of samples that a model is right about."""
        return accuracy(np.nan_to_num(self.models[model], nan=-np.inf), self.labels)

    def confusion(self, model: str) -> Labels:
        """Return how often label (row) was taken for answer (column), shape (outputs, outputs)."""
        size = self.fixed.shape[1]
        answers = np.nan_to_num(self.models[model], nan=-np.inf).argmax(axis=1)
        counts = np.bincount(self.labels * size + answers, minlength=size * size)
        return counts.reshape(size, size)

    @property
    def disagreements(self) -> list[int]:
        """Samples that golden and fixed model answer differently."""
        if self.golden is None:
            return []
        unlike = self.golden.argmax(axis=1) != self.fixed.argmax(axis=1)
        return [int(sample) for sample in np.flatnonzero(unlike)]

    @property
    def agreement(self) -> float:
        """Share of samples that golden and fixed model answer alike."""
        return 1 - len(self.disagreements) / len(self.labels)

    @property
    def inferences_per_second(self) -> float:
        """Simulated inferences a second, build included."""
        return len(self.labels) / self.seconds["rtl"]


def verify_whole(
    design: Design,
    golden: GoldenNetwork | None,
    inputs: Values,
    labels: Labels,
    *,
    pe: int | tuple[int, ...] = 1,
    simd: int | tuple[int, ...] = 1,
    engine: str = "auto",
    jobs: int | None = None,
    stalls: float = 0.0,
    seed: int = 0,
    progress: Progress | None = None,
) -> WholeSet:
    """Ask all three models a whole test set, and compare the last two bit for bit.

    Parameters
    ----------
    design : Design
        The fixed model.
    golden : GoldenNetwork or None
        The golden model, if there is one.
    inputs : ndarray of float64, shape (samples, inputs)
        Values; at least one sample.
    labels : ndarray of int64, shape (samples,)
        What is right: numbers of outputs.
    pe, simd : int or tuple of int
        Folding of the hardware.
    engine : str
        A name in `bittrue.sim.engines.ENGINES`, or ``"auto"``.
    jobs : int, optional
        Simulators at once; all cores by default.
    stalls : float
        Probability of a stalled cycle at source and sink.
    seed : int
        Of the stalls.
    progress : callable, optional
        Told the samples done and in all.

    Raises
    ------
    BittrueError
        If there is no sample, or labels are no numbers of outputs.
    """
    outputs = design.shape.sizes[-1]
    if not len(inputs):
        raise BittrueError("a test set must have at least 1 sample, got none")
    if len(labels) != len(inputs) or labels.min() < 0 or labels.max() >= outputs:
        raise BittrueError(
            f"labels must be {len(inputs)} numbers from 0 to {outputs - 1}, got {len(labels)} "
            f"from {labels.min()} to {labels.max()}"
        )
    machine = Machine(design.shape, pe, simd, counters="full", trace=True)
    chosen = chosen_engine(engine)
    seconds: dict[str, float] = {}
    answers = None
    if golden is not None:
        with _timed(seconds, "golden"):
            answers = golden.predict(inputs)
    type = design.shape.input
    codes = encode(inputs, type.format, type.rounding, type.overflow)
    network = FixedNetwork(design)
    with _timed(seconds, "fixed"):
        fixed = decode(network.predict(codes), design.shape.output.format)
    runs = _Runs(machine, design, chosen, jobs or all_cores(), stalls, seed, progress)
    with _timed(seconds, "rtl"):
        comparison, rtl, ledger, timing = runs.all(codes)
    lsb = design.shape.output.format.lsb
    return WholeSet(
        seed=seed,
        design=design,
        machine=machine,
        engine=chosen,
        labels=labels,
        golden=answers,
        fixed=fixed,
        rtl=rtl,
        errors=None if answers is None else errors_between(answers, fixed, lsb),
        losses=ledger.losses,
        ledger=ledger.entries(),
        timing=timing,
        comparison=comparison,
        seconds=seconds,
    )


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - start


@dataclass
class _Runs:
    """The hardware's part: a test set in blocks, compared and measured as it goes."""

    machine: Machine
    design: Design
    engine: str
    jobs: int
    stalls: float
    seed: int
    progress: Progress | None

    def all(self, codes: Codes) -> tuple[Comparison, Values, Ledger, Timing]:
        """Return verdict, outputs, losses and cycles of all samples."""
        words = 3 * sum(self.design.shape.sizes[1:])
        block = max(BLOCK_WORDS // words, 1)
        result, outputs, timing = Comparison(), [], None
        ledger = Ledger(self.design)
        for start in range(0, len(codes), block):
            session = Session(self.design.weights, codes[start : start + block])
            run = self._run(session, start, len(codes))
            result += compare(self.design, session, run, number=start // block)
            outputs.append(outputs_of(run, self.design.shape, len(session.codes)))
            ledger.add(session, run)
            if timing is None:
                timing = self._timing(session, run)
        return result, np.concatenate(outputs), ledger, timing or Timing(0, np.nan)

    def _run(self, session: Session, start: int, total: int) -> Run:
        def told(done: int, _: int) -> None:
            if self.progress is not None:
                self.progress(start + done, total)

        return simulate(
            self.machine,
            [session],
            engine=self.engine,
            jobs=self.jobs,
            stalls=self.stalls,
            seed=self.seed + start,
            progress=told,
        )[0]

    def _timing(self, session: Session, run: Run) -> Timing:
        """Return the cycles of an unstalled run: of this one, or of a short one of its own."""
        # samples that go side by side are done in the same cycle
        least = TIMED_SAMPLES * (lanes_for(self.machine) if self.engine == "lanes" else 1)
        if self.stalls or len(session.codes) < least:
            codes = np.resize(session.codes, (least, session.codes.shape[1]))
            run = simulate(self.machine, [Session(session.weights, codes)], engine=self.engine)[0]
        if run.stalled_at is not None or not len(run.outputs):
            return Timing(0, float("nan"))
        _, last_words = np.unique(run.outputs[::-1, 1], return_index=True)
        ends = np.unique(run.outputs[::-1, 0][last_words])
        latency = int(ends[0] - run.accepted[:, 0].min())
        interval = float(np.median(np.diff(ends))) if len(ends) > 1 else float("nan")
        return Timing(latency, interval)


def all_cores() -> int:
    """Return how many cores there are."""
    return os.cpu_count() or 1


def chosen_engine(name: str) -> str:
    """Return an engine's name; for ``"auto"`` the fastest whose tools are here."""
    return fastest_engine() if name == "auto" else name
