"""Many executions of a reader: batches in processes of their own, watched from outside."""

import json
import mmap
import os
import signal
import struct
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import TextIO

from .bytewise import spoilt
from .guard import Guard
from .readers import TARGETS, Target
from .structured import STRUCTURED

BATCH = 2000
"""Executions of a process."""

MEMORY, PAGE = "/dev/shm", "told"
"""Where files are fast, and the name of the file that a child tells its results by."""

PATIENCE = 100.0
"""Seconds without an execution's end after which a process is given up."""


@dataclass
class Tally:
    """What became of a reader's executions.

    Members
    -------
    executions, refused : int
        How many there were, and of those how many ended in a refusal.
    findings : dict
        What was wrong, with the index of the first input that showed it.
    """

    executions: int = 0
    refused: int = 0
    findings: dict[str, int] = field(default_factory=dict)

    def add(self, other: "Tally") -> None:
        """Add a batch."""
        self.executions += other.executions
        self.refused += other.refused
        for what, index in other.findings.items():
            self.findings.setdefault(what, index)


@cache
def seeds_of(name: str) -> list[bytes]:
    """Return the whole files that a reader's inputs are made from."""
    return TARGETS[name].seeds()


def input_of(target: Target, seed: int, index: int) -> bytes:
    """Return the input of an execution, which seed and index alone decide."""
    rng = Random(f"{target.name}-{seed}-{index}")
    seeds = seeds_of(target.name)
    content = rng.choice(seeds)
    choice = rng.random()
    if choice < 0.6:
        content = STRUCTURED[target.kind](rng, content)
    if choice > 0.5:
        content = spoilt(rng, content, target.kind, seeds)
    return content


def fuzz(target: Target, seed: int, start: int, executions: int) -> Tally:
    """Run a reader on inputs of a seed, from an index on."""
    return watched(target, range(start, start + executions), lambda n: input_of(target, seed, n))


def watched(target: Target, indices: Iterable[int], content_of: Callable[[int], bytes]) -> Tally:
    """Run a reader on inputs by index, in another process; its end by a crash is a finding."""
    waiting, total = list(indices), Tally()
    while waiting:
        batch, waiting = waiting[:BATCH], waiting[BATCH:]
        told, unfinished = _batch(target, batch, content_of)
        total.add(told)
        waiting = unfinished + waiting
    return total


def _batch(
    target: Target, indices: list[int], content_of: Callable[[int], bytes]
) -> tuple[Tally, list[int]]:
    """Run a batch in a child; return its tally and what is left where it came to a bad end."""
    done = mmap.mmap(-1, 8)
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=place) as root:
        child = os.fork()
        if child == 0:
            _child(target, indices, content_of, done, Path(root))
        status = _waited(child, done)
        (count,) = struct.unpack("<q", done)
        page = Path(root, PAGE)
        lines = [json.loads(line) for line in page.read_text().splitlines()]
    tally = Tally(count, sum(line["refused"] for line in lines))
    for line in lines:
        for what, index in line["findings"].items():
            tally.findings.setdefault(what, index)
    if status == 0:
        return tally, indices[count:]
    if status == 70 or count == len(indices):
        raise RuntimeError(f"the guard of {target.name} must end well, got {status}")
    tally.findings.setdefault(f"end of the process: {_ending(status)}", indices[count])
    tally.executions += 1
    return tally, indices[count + 1 :]


def _child(
    target: Target,
    indices: list[int],
    content_of: Callable[[int], bytes],
    done: mmap.mmap,
    root: Path,
) -> None:
    """Run inputs one after the other, and leave; never return into the parent's code."""
    try:
        with open(root / PAGE, "w", buffering=1) as told:
            _run_all(Guard(target, root), indices, content_of, done, told)
    except BaseException:
        traceback.print_exc()
        os._exit(70)
    os._exit(0)


def _run_all(
    guard: Guard,
    indices: list[int],
    content_of: Callable[[int], bytes],
    done: mmap.mmap,
    told: TextIO,
) -> None:
    for number, index in enumerate(indices):
        result = guard.run(content_of(index))
        findings = {} if result.finding is None else {result.finding: index}
        if findings or result.refused:
            told.write(json.dumps({"refused": result.refused, "findings": findings}) + "\n")
        done[:] = struct.pack("<q", number + 1)


def _waited(child: int, done: mmap.mmap) -> int:
    """Wait for a child; one that gets on no more is killed."""
    last, since = bytes(done), time.monotonic()
    pause = 0.001
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if bytes(done) != last:
            last, since = bytes(done), time.monotonic()
        elif time.monotonic() - since > PATIENCE:
            os.kill(child, signal.SIGKILL)
        time.sleep(pause)
        pause = min(0.05, pause * 2)


def _ending(status: int) -> str:
    if status >= 0:
        return f"exit code {status}"
    return f"killed by {signal.Signals(-status).name}"
