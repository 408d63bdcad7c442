"""Files made to harm: every reader refuses them in a sentence, or reads them, and no more."""

import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.bombs import bombs
from fuzz.readers import TARGETS

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="memory is watched by what Linux tells of a process"
)

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"


def fuzzed(*words):
    """Run the fuzzer in a process that may fork."""
    return subprocess.run(
        [sys.executable, "-m", "fuzz", *words],
        cwd=HERE,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def test_drawn_files():
    result = fuzzed("--executions", "150", "--seed", "7")
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{150 * len(TARGETS)} executions, 0 findings" in result.stdout


@pytest.mark.long
def test_many_drawn_files():
    result = fuzzed("--executions", "3000", "--seed", "8")
    assert result.returncode == 0, result.stdout + result.stderr


MISDEEDS = {
    "raise KeyError(1)": "KeyError instead of a refusal in no function of ours",
    "bytes(100 << 20)": "MemoryError instead of a refusal in no function of ours",
    "refuse_after_too_much()": "memory beyond twice the file and 64 MiB",
    "while True: pass": "hang",
    "open(path.with_name('more'), 'w')": "forbidden: open to write, w",
    "open(path, 'r+')": "forbidden: open to write, r+",
    "os.mkdir('here')": "forbidden: os.mkdir",
    "subprocess.run(['true'])": "forbidden: subprocess.Popen",
    "raise BittrueError('x' + chr(10))": "message that a terminal obeys",
    "os.kill(os.getpid(), 11)": "end of the process: killed by SIGSEGV",
}
READERS = """
import os, subprocess, sys
from bittrue.model.exceptions import BittrueError
from fuzz.readers import Target
from fuzz.runner import watched

def refuse_after_too_much():
    try:
        bytes(100 << 20)
    except MemoryError:
        raise BittrueError("it must be smaller") from None

for deed in sys.argv[1:]:
    def read(path):
        if path.read_bytes() == b"bad":
            exec(deed)

    target = Target("reader", "csv", "file", lambda: [b"good"], read)
    tally = watched(target, [5, 6], lambda index: b"good" if index == 5 else b"bad")
    print(tally.executions, *tally.findings.items())
"""


def test_misdeeds_are_seen():
    """A reader that does what none may do is found out, and at the right input."""
    words = [sys.executable, "-c", READERS, *MISDEEDS]
    result = subprocess.run(words, cwd=HERE, capture_output=True, text=True)
    lines = result.stdout.splitlines()
    assert len(lines) == len(MISDEEDS), result.stdout + result.stderr
    for finding, line in zip(MISDEEDS.values(), lines, strict=True):
        assert line.startswith(f"2 ('{finding}"), line
        assert line.endswith(", 6)"), line


def test_what_was_found_once():
    result = fuzzed("--replay", str(CORPUS))
    files = [path for path in CORPUS.glob("*/*") if path.is_file()]
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{len(files)} executions, 0 findings" in result.stdout


@pytest.mark.parametrize("reader", sorted({bomb[0] for bomb in bombs()}))
def test_large_files(reader):
    result = fuzzed("--bombs", "--reader", reader)
    assert result.returncode == 0, result.stdout + result.stderr
    wanted = sum(bomb[0] == reader for bomb in bombs())
    assert f"{wanted} executions, 0 findings" in result.stdout


def test_every_file_of_the_corpus_is_explained():
    page = (CORPUS / "README.md").read_text(encoding="utf-8")
    for path in CORPUS.glob("*/*"):
        assert path.parent.name in TARGETS
        assert f"`{path.parent.name}/{path.name}`" in page
