"""Tools that some tests need, the command line as tests call it, and a small sweep.

A test without its tool is left out by name, and fails in CI.
"""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest

from bittrue.flow.cli import main

SMALL_SWEEP = """
[network]
data = "digits"
layers = [64, 10]
epochs = 1

[space]
width = [4, 6, 8]
curve = ["plan", "fit"]
segments = [2, 4]
pe = [1, 5]
"""

MISSING = pytest.StashKey[set[str]]()


def pytest_configure(config):
    config.stash[MISSING] = set()


def _lacking(item):
    """Return the programs and packages that a test needs and that are not installed."""
    markers = list(item.iter_markers("needs"))
    tools = {tool for marker in markers for tool in marker.args}
    packages = {name for marker in markers for name in marker.kwargs.get("packages", ())}
    return {tool for tool in tools if not _installed(tool)} | {
        name for name in packages if importlib.util.find_spec(name) is None
    }


def _installed(tool):
    """Tell whether a program is on the path, or stands beside this Python as packages bring it."""
    beside = str(Path(sys.executable).parent)
    return shutil.which(tool) is not None or shutil.which(tool, path=beside) is not None


def pytest_collection_modifyitems(config, items):
    if os.environ.get("CI"):
        return
    left_out = [item for item in items if _lacking(item)]
    config.stash[MISSING] |= {tool for item in left_out for tool in _lacking(item)}
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(autouse=True)
def _tools(request):
    if lacking := _lacking(request.node):
        pytest.fail(f"needs {', '.join(sorted(lacking))}, which must be installed here")


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["missing"] = sorted(session.config.stash[MISSING])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    node.config.stash[MISSING] |= set(getattr(node, "workeroutput", {}).get("missing", []))


def pytest_terminal_summary(terminalreporter, config):
    for tool in sorted(config.stash[MISSING]):
        terminalreporter.write_line(f"left out: tests that need {tool}, which is not installed")


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Return a call of the command line, in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        with pytest.raises(SystemExit) as left:
            main(list(words))
        shown = capsys.readouterr()
        return left.value.code or 0, shown.out, shown.err

    return call


@pytest.fixture
def sweep_folder(tmp_path, monkeypatch):
    """Return the folder that a test works in, where ``space.toml`` is a small sweep."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "space.toml").write_text(SMALL_SWEEP)
    return tmp_path
