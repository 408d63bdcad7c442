"""Networks that learn in gates, held against the model after every step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bittrue.hdl.machine import Machine
from bittrue.model import lfsr
from bittrue.model.design import Design, Weights
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import Codes, Format, decode
from bittrue.model.learner import LayerStep, Learner

from .amaranth_engine import idle_limit
from .cxxrtl import cxxrtl_library
from .divergence import hex_word
from .driver import Driver, bench_of, load_library
from .lesson_bench import Told, play_amaranth, unheard
from .record import Run
from .stimulus import Stimulus, lesson_beats, load_requests, read_requests, weights_read
from .verilator import verilator_library

COMPILED: dict[str, Callable[[Machine], Path]] = {
    "cxxrtl": cxxrtl_library,
    "verilator": verilator_library,
}
ENGINES = ("amaranth", *COMPILED)
"""Engines that can read weights back."""


@dataclass(frozen=True)
class Lesson:
    """Samples that are streamed back to back; behind them all weights are read.

    Members
    -------
    codes : ndarray of int64, shape (samples, inputs)
        Input codes.
    targets : ndarray of int64, shape (samples, outputs)
        Codes of the output format; of no meaning for a query.
    train : ndarray of bool, shape (samples,)
        Whether each is learned from.
    """

    codes: Codes
    targets: Codes
    train: Codes

    @classmethod
    def step(cls, codes: Sequence[int], targets: Sequence[int]) -> "Lesson":
        """Return a lesson of a single sample that is learned from."""
        return cls(np.array([codes]), np.array([targets]), np.ones(1, dtype=np.int64))


class Learned(NamedTuple):
    """What a lesson showed.

    Members
    -------
    outputs : ndarray of int64, shape (samples, outputs)
        Output codes of each sample, before it was learned from.
    weights : Weights
        Behind the last sample, with the register that is drawn from.
    """

    outputs: Codes
    weights: Weights


class LessonDivergence(NamedTuple):
    """The first word of training that is not as expected.

    Members
    -------
    step : int
        Samples learned from until then, the one of the word included: the first step is 1.
    where : str
        Which word it is.
    format : Format or None
        Of the word; None for the register that is drawn from.
    expected, actual : int
        Codes.
    """

    step: int
    where: str
    format: Format | None
    expected: int
    actual: int

    def __str__(self) -> str:
        expected, actual = (self._told(code) for code in (self.expected, self.actual))
        return f"step {self.step}, {self.where}: expected {expected}, actual {actual}"

    def _told(self, code: int) -> str:
        if self.format is None:
            return f"0x{code:04x}"
        return f"0x{hex_word(code, self.format)} ({decode(code, self.format):.10g})"


class LessonComparison(NamedTuple):
    """How many words of training were compared and differ, and the first that does.

    Members
    -------
    compared, differing : int
        Output words of every sample, and all weights, biases and the register after every lesson.
    first : LessonDivergence or None
        The first that differs: outputs before weights, layer by layer.
    """

    compared: int
    differing: int
    first: LessonDivergence | None


def teach(
    machine: Machine,
    weights: Weights,
    lessons: Sequence[Lesson],
    *,
    engine: str = "amaranth",
    stalls: float = 0.0,
    seed: int = 0,
    told: Told | None = None,
) -> list[Learned]:
    """Let a machine with a trainer learn, and read all its weights behind each lesson.

    Parameters
    ----------
    machine : Machine
        With a trainer.
    weights : Weights
        What is loaded first.
    lessons : sequence of Lesson
        One after the other.
    engine : str
        A name in `ENGINES`.
    stalls : float
        Probability, 0 to below 1, that the source or the sink lets a cycle pass.
    seed : int
        Of the stall pattern.
    told : callable, optional
        Called with the lessons done and in all.

    Raises
    ------
    BittrueError
        If the machine has no trainer, the engine cannot read weights back, or nothing moves any
        more.
    """
    if not machine.trainer:
        raise BittrueError("a machine that is taught must have a trainer, got one without")
    if engine not in ENGINES:
        raise BittrueError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}")
    play = play_amaranth if engine == "amaranth" else _play_compiled(COMPILED[engine](machine))
    runs = play(machine, _stimuli(machine, weights, lessons), stalls, seed, told or unheard)
    learned = []
    for lesson, shown, read in zip(lessons, runs, runs[1:], strict=False):
        for run in (shown, read):
            if run.stalled_at is not None:
                raise BittrueError(f"a lesson must end, got a standstill at cycle {run.stalled_at}")
        outputs = shown.outputs[:, 3].reshape(len(lesson.codes), -1)
        answers = read.answers if read.answers is not None else np.empty(0, dtype=np.int64)
        learned.append(Learned(outputs, weights_read(machine, weights, answers)))
    return learned


def _stimuli(machine: Machine, weights: Weights, lessons: Sequence[Lesson]) -> list[Stimulus]:
    """Return what is driven: each reads what the one before has left, the first loads."""
    loads, reads = load_requests(machine, weights, None), read_requests(machine, weights)
    stimuli = []
    for lesson in lessons:
        beats = lesson_beats(machine, lesson.codes, lesson.targets, lesson.train)
        stimuli.append(Stimulus(loads, beats, len(lesson.codes)))
        loads = reads
    nothing = np.empty((0, stimuli[0].beats.shape[1] if stimuli else 1), dtype=np.uint64)
    return [*stimuli, Stimulus(loads, nothing, 0)]


def _play_compiled(
    library: Path,
) -> Callable[[Machine, Sequence[Stimulus], float, int, Told], list[Run]]:
    def play(
        machine: Machine, stimuli: Sequence[Stimulus], stalls: float, seed: int, told: Told
    ) -> list[Run]:
        loaded = load_library(library)
        limit = idle_limit(machine, stalls)
        with bench_of(loaded) as bench:
            loaded.bench_stalls(bench, seed & (1 << 63) - 1, int(stalls * 2**64), limit)
            driver = Driver(machine, loaded, bench)
            runs = []
            for stimulus in stimuli:
                runs.append(driver.session(stimulus, lambda _: None))
                told(len(runs) - 1, len(stimuli) - 1)
            return runs

    return play


def expect(
    design: Design,
    lessons: Sequence[Lesson],
    told: Callable[[Sequence[LayerStep], int], None] | None = None,
) -> list[Learned]:
    """Return what the model learns.

    Parameters
    ----------
    design : Design
        Whose shape says how, and whose weights it starts from.
    lessons : sequence of Lesson
        One after the other.
    told : callable, optional
        Called with each step, and how many there were until then.
    """
    learner = Learner(design)
    learned = []
    done = 0
    for lesson in lessons:
        outputs = []
        for codes, targets, train in zip(lesson.codes, lesson.targets, lesson.train, strict=True):
            if train:
                step = learner.step(codes, targets)
                outputs.append(step[-1].output)
                done += 1
                if told is not None:
                    told(step, done)
            else:
                outputs.append(learner.outputs(codes))
        learned.append(Learned(np.array(outputs), learner.design.weights))
    return learned


def compare_lessons(
    machine: Machine,
    lessons: Sequence[Lesson],
    expected: Sequence[Learned],
    actual: Sequence[Learned],
) -> LessonComparison:
    """Hold what a machine learned against the model, word by word.

    Parameters
    ----------
    machine : Machine
        What learned.
    lessons : sequence of Lesson
        What was driven.
    expected, actual : sequence of Learned
        One a lesson, of the model and of the machine.
    """
    compared = differing = step = 0
    first = None
    for lesson, one, other in zip(lessons, expected, actual, strict=True):
        steps = step + np.cumsum(lesson.train)
        step = int(steps[-1]) if len(steps) else step
        for name, format, want, got in _words(machine, one, other):
            wrong = np.argwhere(want != got)
            compared, differing = compared + want.size, differing + len(wrong)
            if first is None and len(wrong):
                at = tuple(wrong[0].tolist())
                number = int(steps[at[0]]) if name is OUTPUT else step
                first = LessonDivergence(
                    number, name.format(*at), format, int(want[at]), int(got[at])
                )
    return LessonComparison(compared, differing, first)


OUTPUT = "output of sample {0} of the lesson, neuron {1}"


def _words(
    machine: Machine, expected: Learned, actual: Learned
) -> list[tuple[str, Format | None, Codes, Codes]]:
    """Return what each word is called, its format, and all such words of both."""
    shape = machine.shape
    words: list[tuple[str, Format | None, Codes, Codes]] = [
        (OUTPUT, shape.output.format, expected.outputs, actual.outputs)
    ]
    for number, layer in enumerate(shape.layers):
        want, got = (learned.weights for learned in (expected, actual))
        pair = want.weights[number], got.weights[number]
        words.append(
            (f"weight of layer {number}, neuron {{0}}, input {{1}}", layer.weight.format, *pair)
        )
        biases, found = want.biases[number], got.biases[number]
        if layer.bias is not None and biases is not None and found is not None:
            name = f"bias of layer {number}, neuron {{0}}"
            words.append((name, layer.bias.format, biases, found))
    if actual.weights.state is not None:
        state = expected.weights.state or lfsr.SEED
        pair = np.array([state]), np.array([actual.weights.state])
        words.append(("the shift register", None, *pair))
    return words
