"""The walls of the house: who imports whom, what is linked, what every dependency is for."""

import ast
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import bittrue

ROOT = Path(__file__).parent.parent
ROOMS = ("model", "hdl", "sim", "flow")
DESCRIPTIONS = {
    *("curves", "design", "exceptions", "files", "formats", "learning", "lfsr", "modes", "shape"),
    "types",
}
UNLISTED = {".gitignore", "README.md"}
EVALUATIONS = {
    "as_codes",
    "decode",
    "drawn",
    "encode",
    "encode_counted",
    "evaluate",
    "evaluate_flagged",
    "line",
    "predict",
    "requantize",
    "requantize_counted",
    "requantize_flagged",
    "segment_of",
    "step",
    "trace",
}


def imports_of(tree):
    """Yield (module, names) of each import of a syntax tree, relative ones with their dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), tuple(a.name for a in node.names)


def breaches(room, text):
    """Yield what a file of a room does that its walls forbid."""
    tree = ast.parse(text)
    for module, names in imports_of(tree):
        first = module.split(".")[0]
        if first in ROOMS:
            yield f"imports {module}, which is not installed under that name"
        if first == "amaranth" and room == "model":
            yield f"imports {module}"
        if first == "bittrue" and module.count(".") >= 1:
            other = module.split(".")[1]
            if other in ROOMS and ROOMS.index(other) >= ROOMS.index(room):
                yield f"imports {module}: only rooms before {room} may be"
            if room == "hdl" and other == "model":
                if module.split(".")[2] not in DESCRIPTIONS:
                    yield f"imports {module}, which is no description"
                if wrong := EVALUATIONS.intersection(names):
                    yield f"imports {', '.join(wrong)}"
    if room == "hdl":
        for node in ast.walk(tree):
            called = getattr(node.func, "attr", "") if isinstance(node, ast.Call) else ""
            if called in EVALUATIONS - {"line", "step", "trace"}:
                yield f"calls {called}"


FILES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_walls(path):
    assert list(breaches(path.relative_to(ROOT).parts[0], path.read_text())) == []


def test_every_folder_of_a_room_is_a_package():
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {"bittrue." + ".".join(p.relative_to(ROOT).parts[:-1]) for p in FILES}
    assert set(setuptools["packages"]) == {"bittrue", *folders}


@pytest.mark.parametrize(
    ("room", "text"),
    [
        ("model", "import amaranth"),
        ("model", "from amaranth.hdl import Signal"),
        ("model", "from bittrue.hdl.machine import Machine"),
        ("hdl", "from bittrue.sim.record import Run"),
        ("hdl", "from bittrue.model.fixed import FixedNetwork"),
        ("hdl", "from bittrue.model.formats import requantize"),
        ("hdl", "from bittrue.model.lfsr import step"),
        ("hdl", "curve.evaluate([1])"),
        ("sim", "from bittrue.flow.cli import app"),
        ("flow", "import model"),
        ("sim", "from hdl.machine import Machine"),
    ],
)
def test_a_breach_is_seen(room, text):
    assert list(breaches(room, text))


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_are_linked_into_the_package(room):
    link = ROOT / "src" / "bittrue" / room
    assert link.is_symlink()
    assert os.readlink(link) == f"../../{room}"


def test_every_dependency_says_what_it_is_for():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    argued = False
    for line in lines:
        if re.match(r'    "[a-z][\w.-]*[<>=]', line):
            assert argued, line
        argued = line.strip().startswith("#") or (argued and line.strip().startswith('"'))


def test_one_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == bittrue.__version__


def test_the_readme_names_what_stands_in_the_root():
    listed = subprocess.run(
        ["git", "ls-tree", "--name-only", "HEAD"], cwd=ROOT, capture_output=True, text=True
    ).stdout.split()
    readme = (ROOT / "README.md").read_text()
    assert [name for name in listed if name not in readme and name not in UNLISTED] == []


@pytest.fixture
def copy(tmp_path):
    """Return a folder with what ``make`` looks at before it sets anything up."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    package = tmp_path / "src" / "bittrue"
    package.mkdir(parents=True)
    for room in ROOMS:
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").touch()
        (package / room).symlink_to(f"../../{room}")
    return tmp_path


def make(folder, **variables):
    words = [f"{name}={value}" for name, value in variables.items()]
    return subprocess.run(
        ["make", "verify", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


def fake_python(folder, script):
    python = folder / "fakepython"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    return python


def test_make_names_python3_venv(copy):
    """A Python of the right age that cannot make an environment, as on a bare Debian."""
    python = fake_python(copy, 'case "$*" in *venv*|*ensurepip*) exit 1;; esac; exit 0')
    result = make(copy, PYTHON=python)
    assert result.returncode != 0
    assert "python3-venv" in result.stdout + result.stderr


def test_make_says_that_python_is_too_old(copy):
    result = make(copy, PYTHON=fake_python(copy, "exit 1"))
    assert result.returncode != 0
    assert "3.11" in result.stdout + result.stderr


def test_make_says_that_links_are_missing(copy):
    link = copy / "src" / "bittrue" / "model"
    link.unlink()
    link.write_text("../../model")
    result = make(copy)
    assert result.returncode != 0
    assert "link" in result.stdout + result.stderr
