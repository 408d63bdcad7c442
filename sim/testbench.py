"""The test bench: three models of one network, asked the same questions."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from bittrue.hdl.machine import Machine
from bittrue.model.design import Design, Shape
from bittrue.model.errors import Errors, errors_between
from bittrue.model.exceptions import BittrueError
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import Loss, Values, decode, encode
from bittrue.model.golden import GoldenNetwork

from .compare import Comparison, compare
from .coverage import measure
from .engines import simulate
from .ledger import Entry, Ledger
from .record import Progress, Run, Session
from .shipped import ports_compared
from .timing import Timing
from .vectors import directed_sessions
from .verdict import Verdict

OOPS = 0.9
"""A query whose third output is below this is marked ``Oops!``."""

TIMED_SAMPLES = 8
"""Samples streamed back to back to measure the initiation interval."""


def train_333(seed: int) -> GoldenNetwork:
    """Return the 3-3-3 network, trained as the book does: 100 times [0, 1, 0] → [0, 0, 1]."""
    golden = GoldenNetwork(3, 3, 3, 0.3, rng=_child(seed, 0))
    for _ in range(100):
        golden.train([0, 1, 0], [0, 0, 1])
    return golden


def query_inputs(seed: int, queries: int, inputs: int = 3) -> Values:
    """Return random queries, shape (queries, inputs).

    For three inputs they are the book's ``[r/2, 1, r/2]`` with r uniform in [0, 1); else every
    input is uniform in [0, 1).
    """
    rng = _child(seed, 1)
    if inputs != 3:
        return rng.random((queries, inputs))
    halves = rng.random(queries) / 2
    return np.stack([halves, np.ones(queries), halves], axis=1)


def _child(seed: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng(seed).spawn(3)[purpose]


@dataclass(frozen=True)
class Verification(Verdict):
    """What three models answered, and the verdict on two of them.

    Members
    -------
    seed : int
        Of training, queries and stalls.
    design : Design
        What was expected.
    machine : Machine
        What was built.
    inputs : ndarray of float64, shape (queries, inputs)
        Queries, in values.
    golden, fixed, rtl : ndarray of float64, shape (queries, outputs)
        Answers; golden is None for a design without one, a missing word of rtl is NaN.
    errors : Errors or None
        Fixed against golden, over the queries.
    losses : tuple of (Loss, Loss), one pair a layer
        Of the queries, by the fixed model: pre-activation and output.
    directed_losses : tuple of (Loss, Loss)
        The same of the directed vectors.
    ledger, directed_ledger : tuple of Entry
        All losses of queries, and of directed vectors, by model and hardware, and where most.
    timing : Timing
        Cycles.
    comparison : Comparison
        Of queries and directed vectors, all stages.
    coverage : mapping from name to (visited, there)
        What the directed vectors visit.
    """

    seed: int
    design: Design
    machine: Machine
    inputs: Values
    golden: Values | None
    fixed: Values
    rtl: Values
    errors: Errors | None
    losses: tuple[tuple[Loss, Loss], ...]
    directed_losses: tuple[tuple[Loss, Loss], ...]
    ledger: tuple[Entry, ...]
    directed_ledger: tuple[Entry, ...]
    timing: Timing
    comparison: Comparison
    coverage: Mapping[str, tuple[int, int]]


def oops(outputs: Values) -> list[bool]:
    """Return the book's mark of each query: the third of three outputs is below 0.9."""
    if outputs.shape[1] != 3:
        return [False] * len(outputs)
    return [not third >= OOPS for third in outputs[:, 2].tolist()]


def verify(
    design: Design,
    golden: GoldenNetwork | None,
    *,
    seed: int,
    queries: int = 10,
    pe: int | tuple[int, ...] = 1,
    simd: int | tuple[int, ...] = 1,
    stalls: float = 0.0,
    engine: str = "amaranth",
    waves: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    hardware: Shape | None = None,
    ports: bool = False,
    vectors: Sequence[Session] | None = None,
) -> Verification:
    """Ask golden model, fixed model and hardware, and compare the last two bit for bit.

    Parameters
    ----------
    design : Design
        The fixed model.
    golden : GoldenNetwork or None
        The golden model, if there is one.
    seed : int
        Of the queries and the stalls.
    queries : int
        Random queries, at least 1; directed vectors come on top.
    pe, simd : int or tuple of int
        Folding of the hardware.
    stalls : float
        Probability of a stalled cycle at source and sink.
    engine : str
        A name in `bittrue.sim.engines.ENGINES`.
    waves : path, optional
        Where the queries' waveforms go.
    progress : callable, optional
        Called with the samples done and in all.
    hardware : Shape, optional
        What the hardware is built from, if not from the design's own shape.
    ports : bool
        Also hold every port against what is foretold for each cycle: stalls, resets, framing
        errors, the load port, counters near their ends.
    vectors : sequence of Session, optional
        In place of the directed vectors.

    Returns
    -------
    Verification
        Its ``passed`` says whether anything was compared and nothing differs.

    Raises
    ------
    BittrueError
        If there are no queries, or a choice is one that the engine does not know.
    ToolMissing
        If a tool that the engine needs is not installed.
    """
    if queries < 1:
        raise BittrueError(f"queries must be at least 1, got {queries}")
    shape = hardware or design.shape
    machine = Machine(shape, pe, simd, counters="full", trace=True)
    inputs = query_inputs(seed, queries, shape.sizes[0])
    type = design.shape.input
    codes = encode(inputs, type.format, type.rounding, type.overflow)
    asked = Session(design.weights, codes)
    directed = list(vectors) if vectors is not None else directed_sessions(design)
    shared = _shared_progress(progress, queries, sum(len(s.codes) for s in directed))

    run_on = partial(simulate, machine, engine=engine, stalls=stalls)
    runs = run_on([asked], seed=seed, waves=waves, progress=shared(0))
    runs += run_on(directed, seed=seed + 1, progress=shared(queries))
    comparison = Comparison()
    ledgers = Ledger(design), Ledger(design)
    for number, (session, run) in enumerate(zip([asked, *directed], runs, strict=True)):
        comparison += compare(design, session, run, number=number)
        ledgers[number > 0].add(session, run)

    if ports:
        comparison += ports_compared(machine, seed=seed)
    network = FixedNetwork(design)
    fixed = decode(network.predict(codes), design.shape.output.format)
    answers = None if golden is None else np.array([golden.query(row) for row in inputs])
    lsb = design.shape.output.format.lsb
    return Verification(
        seed=seed,
        design=design,
        machine=machine,
        inputs=inputs,
        golden=answers,
        fixed=fixed,
        rtl=outputs_of(runs[0], design.shape, queries),
        errors=None if answers is None else errors_between(answers, fixed, lsb),
        losses=ledgers[0].losses,
        directed_losses=ledgers[1].losses,
        ledger=ledgers[0].entries(),
        directed_ledger=ledgers[1].entries(),
        timing=measure_timing(machine, asked),
        comparison=comparison,
        coverage=measure(design, directed),
    )


def measure_timing(machine: Machine, session: Session) -> Timing:
    """Measure a machine's cycles, without stalls.

    Parameters
    ----------
    machine : Machine
        Its trace and counters are left out: they change no timing.
    session : Session
        Weights and at least one sample.
    """
    plain = Machine(machine.shape, machine.pe, machine.simd)
    repeated = np.resize(session.codes, (TIMED_SAMPLES * 2, session.codes.shape[1]))
    lone = Session(session.weights, session.codes[:1])
    first, many = simulate(plain, [lone, Session(session.weights, repeated)])
    if first.stalled_at is not None or many.stalled_at is not None:
        return Timing(0, float("nan"))
    latency = int(first.outputs[-1, 0] - first.accepted[0, 0])
    ends = [int(many.outputs[many.outputs[:, 1] == n, 0].max()) for n in range(len(repeated))]
    return Timing(latency, (ends[-1] - ends[TIMED_SAMPLES - 1]) / TIMED_SAMPLES)


def _shared_progress(
    progress: Progress | None, queries: int, directed: int
) -> Callable[[int], Progress | None]:
    """Return, for samples done before, a progress that counts on to the sum of both."""
    if progress is None:
        return lambda before: None
    return lambda before: lambda done, total: progress(before + done, queries + directed)


def outputs_of(run: Run, shape: Shape, samples: int) -> Values:
    """Return what the output stream said, in values; NaN where it said nothing."""
    outputs = np.full((samples, shape.sizes[-1]), np.nan)
    _, sample, neuron, codes = run.outputs.T
    real = (sample < samples) & (neuron < shape.sizes[-1])
    outputs[sample[real], neuron[real]] = decode(codes[real], shape.output.format)
    return outputs
