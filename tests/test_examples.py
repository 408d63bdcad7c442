"""The programs in examples/: each runs, shows what it promises, and takes less than 30 seconds."""

import re
import runpy
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SECONDS = 30


@pytest.fixture
def example(tmp_path, monkeypatch, capsys):
    """Return a call of an example by name, in an empty folder: what it prints."""
    monkeypatch.chdir(tmp_path)

    def call(name):
        path = ROOT / "examples" / f"{name}.py"
        monkeypatch.setattr(sys, "argv", [str(path)])
        started = time.process_time()
        runpy.run_path(str(path), run_name="__main__")
        assert time.process_time() - started < SECONDS
        return capsys.readouterr().out

    return call


def shares(pattern, text):
    return [float(share) / 100 for share in re.findall(pattern, text)]


def test_own_curve(example):
    text = example("own_curve")
    assert len(shares(r"(\d+\.\d)%", text)) == 4
    assert min(shares(r"(\d+\.\d)%", text)) > 0.9
    errors = [float(error) for error in re.findall(r"at most (\d\.\d+) off", text)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.01
    assert re.search(r"^gates: \d{4,} words compared, 0 differ$", text, re.M)


@pytest.mark.long
def test_digits_in_gates(example, tmp_path):
    text = example("digits_in_gates")
    golden, fixed, rtl = shares(r"(\d+\.\d)% of 450", text)
    assert min(golden, fixed) > 0.95
    assert rtl == fixed
    assert re.search(r": 50408 words compared, 0 differ$", text, re.M)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["design.json", "network.v"]
    assert "module network(" in (tmp_path / "network.v").read_text()


@pytest.mark.long
def test_mnist_word_lengths(example):
    text = example("mnist_word_lengths")
    rows = re.findall(r"^ *(\d+) +(\S+)% +(\S+)% +(\S+) dB +(\S+)%$", text, re.M)
    assert [int(row[0]) for row in rows] == [3, 4, 5, 6, 8, 10, 12, 16]
    sqnr = [float(row[3]) for row in rows]
    assert sqnr == sorted(sqnr)
    certified = [float(row[4]) for row in rows]
    assert certified == sorted(certified)
    assert certified[-1] == 100
    assert float(rows[-1][1]) > 88


@pytest.mark.parametrize("path", sorted((ROOT / "examples").iterdir()), ids=lambda path: path.name)
def test_every_example_is_named(path):
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*.toml")]
    assert any(path.name in page.read_text(encoding="utf-8") for page in pages)
