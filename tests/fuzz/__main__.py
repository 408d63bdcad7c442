"""The fuzzer's command line: ``python -m fuzz --seconds 60 --seed 1 --reader design``."""

import argparse
import csv
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from .bombs import bombs
from .readers import TARGETS
from .runner import BATCH, Tally, fuzz, input_of, watched

COLUMNS = ("seed", "first", "reader", "executions", "refused", "findings", "python", "numpy")


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="fuzz", description="Give spoilt files to every reader; exit code 1 if one misbehaves."
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="for all readers together")
    parser.add_argument("--executions", type=int, help="of each reader, instead of a time")
    parser.add_argument("--seed", type=int, default=1, help="of the inputs")
    parser.add_argument("--first", type=int, default=0, help="index of the first input")
    parser.add_argument("--reader", action="append", choices=TARGETS, help="one or more; or all")
    parser.add_argument("--replay", type=Path, help="a corpus, instead: files by reader")
    parser.add_argument("--bombs", action="store_true", help="large files, instead")
    parser.add_argument("--keep", type=Path, help="folder for inputs that find something")
    parser.add_argument("--tally", type=Path, help="CSV file that the run is added to")
    return parser.parse_args(words)


def rounds(given: argparse.Namespace, names: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Yield reader, index and number of executions, readers by turns, until the end."""
    ends = time.monotonic() + given.seconds
    start, size = 0, BATCH
    while True:
        if given.executions is not None:
            size = min(BATCH, given.executions - start)
        for name in names:
            if size <= 0 or (given.executions is None and time.monotonic() > ends):
                return
            yield name, given.first + start, size
        start += size


def main(words: Sequence[str] | None = None) -> int:
    """Fuzz, say what was found, and return the exit code."""
    given = arguments(words)
    names = given.reader or list(TARGETS)
    if given.replay or given.bombs:
        return replay(written_down(given, names))
    tallies = {name: Tally() for name in names}
    for name, start, size in rounds(given, names):
        before = set(tallies[name].findings)
        tallies[name].add(fuzz(TARGETS[name], given.seed, start, size))
        for what in tallies[name].findings.keys() - before:
            found(given, name, what, tallies[name].findings[what])
    for name, tally in tallies.items():
        sys.stdout.write(
            f"{name}: {tally.executions} executions, {tally.refused} refused, "
            f"{len(tally.findings)} findings\n"
        )
    if given.tally:
        add_to(given.tally, given, tallies)
        sys.stdout.write(f"{given.tally}: {total_of(given.tally)} executions in all\n")
    total = sum(tally.executions for tally in tallies.values())
    wrong = sum(len(tally.findings) for tally in tallies.values())
    sys.stdout.write(f"{total} executions, {wrong} findings\n")
    return 1 if wrong else 0


def written_down(
    given: argparse.Namespace, names: Sequence[str]
) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """Yield reader, name and content of files that are not drawn."""
    if given.bombs:
        yield from (bomb for bomb in bombs() if bomb[0] in names)
    for name in names if given.replay else ():
        for path in sorted((given.replay / name).glob("*")):
            yield name, path.name, path.read_bytes


def replay(files: Iterable[tuple[str, str, Callable[[], bytes]]]) -> int:
    """Give each file to its reader, and return the exit code."""
    total, wrong = 0, 0
    for name, title, make in files:
        content = make()
        tally = watched(TARGETS[name], [0], lambda _, content=content: content)
        for what in tally.findings:
            sys.stdout.write(f"{name}, {title}: {what}\n")
        total, wrong = total + 1, wrong + len(tally.findings)
    sys.stdout.write(f"{total} executions, {wrong} findings\n")
    return 1 if wrong else 0


def found(given: argparse.Namespace, name: str, what: str, index: int) -> None:
    """Tell of a finding, and keep its input where that was asked for."""
    sys.stdout.write(f"{name}, input {index} of seed {given.seed}: {what}\n")
    sys.stdout.flush()
    if given.keep:
        folder = given.keep / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{given.seed}-{index}").write_bytes(input_of(TARGETS[name], given.seed, index))


def add_to(file: Path, given: argparse.Namespace, tallies: dict[str, Tally]) -> None:
    """Add a run to the tally that is kept, a row a reader."""
    new = not file.exists()
    versions = (platform.python_version(), np.__version__)
    with file.open("a", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        if new:
            table.writerow(COLUMNS)
        for name, tally in tallies.items():
            counts = (tally.executions, tally.refused, len(tally.findings))
            table.writerow((given.seed, given.first, name, *counts, *versions))


def total_of(file: Path) -> int:
    """Return the executions of all runs in a tally."""
    with file.open(encoding="utf-8", newline="") as stream:
        return sum(int(row["executions"]) for row in csv.DictReader(stream))


if __name__ == "__main__":
    sys.exit(main())
