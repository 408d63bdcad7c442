"""The quickest engine: one compiled model of the netlist, many samples side by side in it.

The control of a network does not depend on the data: samples that come with the same handshake go
through it in the same cycles. So what depends on a sample is computed for many of them at once,
in *lanes*, and what does not is computed once for all.
"""

import ctypes
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bittrue.hdl.machine import Machine
from bittrue.hdl.network import stages_of
from bittrue.hdl.watch import COUNTER_BITS, counter_address
from bittrue.model.design import Weights
from bittrue.model.formats import Codes, Loss

from .clocked import StandstillError
from .driver import Told, in_order
from .lanes_words import beat_words, strobe_words
from .record import Progress, Run, Session
from .stimulus import load_requests

CHUNK = 1 << 22
"""Multiply-accumulates, over all lanes, between two looks at progress and Ctrl-C."""

_POINTER = ctypes.c_void_p
_FUNCTIONS: Mapping[str, tuple[type | None, list[type]]] = {
    "lanes_create": (_POINTER, [ctypes.c_int64, ctypes.c_double, _POINTER]),
    "lanes_destroy": (None, [_POINTER]),
    "lanes_width": (ctypes.c_int64, []),
    "lanes_hold": (ctypes.c_int, [_POINTER]),
    "lanes_load": (ctypes.c_int, [_POINTER, _POINTER, ctypes.c_int64]),
    "lanes_start": (None, [_POINTER]),
    "lanes_release": (None, [_POINTER]),
    "lanes_feed": (ctypes.c_int, [_POINTER, _POINTER, ctypes.c_int64]),
    "lanes_drain": (ctypes.c_int, [_POINTER]),
    "lanes_counts": (None, [_POINTER, _POINTER, ctypes.c_int64]),
    "lanes_framing_error": (ctypes.c_int, [_POINTER]),
    "lanes_cycle": (ctypes.c_int64, [_POINTER]),
    "lanes_log": (_POINTER, [_POINTER, ctypes.c_int, _POINTER]),
}


@lru_cache(maxsize=64)
def load_library(path: Path) -> ctypes.CDLL:
    """Return a library with the functions of ``lanes.h``, loaded once."""
    library = ctypes.CDLL(str(path))
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Driver:
    """One model, and what is known of it from one session to the next.

    Parameters
    ----------
    machine : Machine
        What was compiled.
    library : CDLL
        What it was compiled to.
    handle : int
        The model and its driver.
    """

    def __init__(self, machine: Machine, library: ctypes.CDLL, handle: int) -> None:
        self._machine, self._library, self._handle = machine, library, handle
        self._lanes = int(library.lanes_width())
        self._stages = list(stages_of(machine)) if machine.trace else []
        self._before: Weights | None = None
        self._slots = 0

    def session(self, session: Session, told: Told) -> Run:
        """Load, feed, drain, read the counters; ``told`` hears of samples that are done."""
        self._library.lanes_start(self._handle)
        try:
            counts, framing_error = self._driven(session, told), None
        except StandstillError:
            counts, framing_error = None, False
        stalled_at = None
        if framing_error is None:
            framing_error = bool(self._library.lanes_framing_error(self._handle))
        else:
            stalled_at = int(self._library.lanes_cycle(self._handle))
        run = self._run(len(session.codes), counts, framing_error, stalled_at)
        self._slots += -(-len(session.codes) // self._lanes)
        return run

    def _driven(self, session: Session, told: Told) -> tuple[tuple[Loss, Loss], ...] | None:
        library, handle, samples = self._library, self._handle, len(session.codes)
        self._stop_if(library.lanes_hold(handle))
        self._load(session.weights)
        counts = np.zeros((4 * len(self._machine.foldings)), dtype=np.int64)
        done = 0
        for last in self._passes(samples):
            library.lanes_release(handle)
            for codes in self._chunks(session.codes[done:last]):
                self._stop_if(library.lanes_feed(handle, codes.ctypes.data, len(codes)))
                done += len(codes)
                told(done)
            self._stop_if(library.lanes_drain(handle))
            self._stop_if(library.lanes_hold(handle))
            # lanes without a sample in the last pass have counted too: they are left out
            real = samples % self._lanes if done % self._lanes else self._lanes
            counts += self._read_counts()[:, :real].sum(axis=1)
        return self._losses(counts)

    def _passes(self, samples: int) -> list[int]:
        """Return where the network is drained: with counters, before lanes are left empty."""
        whole = samples - samples % self._lanes
        apart = self._machine.counters != "none" and 0 < whole < samples
        return [whole, samples] if apart else [samples]

    def _chunks(self, codes: Codes) -> Iterator[Codes]:
        products = sum(folding.inputs * folding.outputs for folding in self._machine.foldings)
        slots = max(CHUNK // (products * self._lanes), 1)
        step = slots * self._lanes
        for first in range(0, len(codes), step):
            yield np.ascontiguousarray(codes[first : first + step], dtype=np.int64)

    def _stop_if(self, stalled: int) -> None:
        if stalled:
            raise StandstillError

    def _load(self, weights: Weights) -> None:
        """Write the codes that are not there already."""
        requests = np.ascontiguousarray(load_requests(self._machine, weights, self._before))
        self._stop_if(self._library.lanes_load(self._handle, requests.ctypes.data, len(requests)))
        self._before = weights

    def _read_counts(self) -> Codes:
        """Return the counts by address and lane, and clear them."""
        addresses = counter_address(len(self._machine.foldings) - 1, 1, 1) + 1
        counts = np.zeros((addresses, self._lanes), dtype=np.int64)
        if self._machine.counters != "none":
            self._library.lanes_counts(self._handle, counts.ctypes.data, addresses)
        return counts

    def _losses(self, counts: Codes) -> tuple[tuple[Loss, Loss], ...] | None:
        if self._machine.counters == "none":
            return None
        largest = (1 << COUNTER_BITS) - 1
        pairs = np.minimum(counts, largest).reshape(-1, 2).tolist()
        losses = [Loss(inexact=inexact, overflowed=overflowed) for overflowed, inexact in pairs]
        return tuple(zip(losses[::2], losses[1::2], strict=True))

    def _run(
        self,
        samples: int,
        counts: tuple[tuple[Loss, Loss], ...] | None,
        framing_error: bool,
        stalled_at: int | None,
    ) -> Run:
        machine, lanes = self._machine, self._lanes
        last = machine.foldings[-1]
        rows = self._log(0, 1 + (last.pe + 1) * lanes)
        outputs = beat_words(rows, lanes, machine.shape.output.format, last, samples)
        words = [np.empty((0, 6), dtype=np.int64)]
        for number, (layer, _, format, folding) in enumerate(self._stages):
            rows = self._log(1 + number, 1 + (4 + folding.pe) * lanes)
            words.append(
                strobe_words(
                    rows,
                    lanes,
                    (layer, number % 3),
                    format,
                    folding,
                    slots_before=self._slots,
                    samples=samples,
                )
            )
        table = np.concatenate(words)
        return Run(
            words=table[np.argsort(table[:, 0], kind="stable")],
            outputs=outputs,
            accepted=self._accepted(samples),
            counts=counts,
            traced=machine.trace,
            counts_inexact=machine.counters == "full",
            framing_error=framing_error,
            stalled_at=stalled_at,
        )

    def _accepted(self, samples: int) -> Codes:
        cycles = self._log(1 + len(self._stages), 1)[:, 0]
        slots = np.arange(len(cycles)) // self._machine.foldings[0].input_folds
        sample = slots[:, None] * self._lanes + np.arange(self._lanes)
        rows = np.stack([np.broadcast_to(cycles[:, None], sample.shape), sample], axis=-1)
        return rows[sample < samples]

    def _log(self, number: int, width: int) -> Codes:
        used = ctypes.c_int64()
        start = self._library.lanes_log(self._handle, number, ctypes.addressof(used))
        if not used.value:
            return np.empty((0, width), dtype=np.int64)
        words = (ctypes.c_int64 * used.value).from_address(start)
        return np.array(words, dtype=np.int64).reshape(-1, width)


@contextmanager
def driver_of(
    machine: Machine, library: Path, stalls: float, limit: int, seed: int
) -> Iterator[Driver]:
    """Return a context with a model of its own, powered up."""
    loaded = load_library(library)
    words: list[int] = []
    for child in np.random.default_rng(seed).spawn(2):
        state = child.bit_generator.state["state"]
        for number in (state["state"], state["inc"]):
            words += [number >> 64, number & (1 << 64) - 1]
    seeds: npt.NDArray[np.uint64] = np.array(words, dtype=np.uint64)
    handle = loaded.lanes_create(limit, stalls, seeds.ctypes.data)
    try:
        yield Driver(machine, loaded, handle)
    finally:
        loaded.lanes_destroy(handle)


def run_lanes(
    machine: Machine,
    library: Path,
    stalls: float,
    idle_limit: int,
    sessions: Sequence[Session],
    seed: int,
    progress: Progress | None,
) -> list[Run]:
    """Run sessions on a compiled model, many samples side by side.

    Sample ``s`` of a session goes through lane ``s % lanes``, in the cycles of the lane's
    ``s // lanes``-th sample: cycles are those of a machine that is given so many samples fewer,
    stalls included. With counters, a last slot with empty lanes is drained apart.

    Parameters
    ----------
    machine : Machine
        What was compiled.
    library : Path
        What it was compiled to.
    stalls : float
        Probability, below 1, that source or sink lets a cycle pass.
    idle_limit : int
        Cycles without any movement after which the run is given up.
    sessions : sequence of Session
        What is driven, one after the other.
    seed : int
        Of the stall pattern.
    progress : callable or None
        Told the samples done and the samples in all.
    """
    with driver_of(machine, library, stalls, idle_limit, seed) as driver:
        return in_order(sessions, driver.session, progress)
