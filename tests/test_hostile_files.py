"""Files made to harm: every reader refuses them in a sentence, or reads them, and no more."""

import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.bombs import bombs
from fuzz.readers import TARGETS

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
