"""Systems that are not this one: modules that are missing, compilers that take less."""

import ctypes
import subprocess
import sys

import numpy as np
import pytest
from designs import drawn_design, drawn_session

from bittrue.hdl.machine import Machine
from bittrue.model.build import shared_library, taken_by
from bittrue.model.fixed import FixedNetwork
from bittrue.sim.engines import simulate

REFUSING = """#!/bin/sh
for word; do case "$word" in
    -march=*|-fPIC) echo "unsupported option '$word' for this target" >&2; exit 1;;
esac; done
exec {} "$@"
"""


def test_nothing_of_posix_is_imported_as_if_it_were_everywhere():
    """A Python whose modules of POSIX are missing imports every module of the package."""
    program = (
        "import importlib, pkgutil, sys\n"
        "for name in ('fcntl', 'resource', 'pwd', 'grp', 'termios', 'tty', 'pty', 'syslog'):\n"
        "    sys.modules[name] = None\n"
        "import bittrue\n"
        "found = [m.name for m in pkgutil.walk_packages(bittrue.__path__, 'bittrue.')]\n"
        "for name in found:\n"
        "    importlib.import_module(name)\n"
        "print(len(found))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 250


@pytest.fixture
def refusing(tmp_path, monkeypatch):
    """Have compilers that refuse what those of some systems do."""
    monkeypatch.setenv("BITTRUE_CACHE", str(tmp_path / "cache"))
    for variable, name in (("CC", "cc"), ("CXX", "c++")):
        program = tmp_path / name
        program.write_text(REFUSING.format(name))
        program.chmod(0o755)
        monkeypatch.setenv(variable, str(program))
    return tmp_path


@pytest.mark.needs("cc")
def test_options_that_a_compiler_refuses_are_left_out(refusing):
    options = ["-O3", "-march=native", "-fPIC", "-shared"]
    assert taken_by([str(refusing / "cc")], options) == ["-O3", "-shared"]
    assert taken_by(["cc"], options) == options
    library = shared_library("seven", {"seven.c": "int seven(void) { return 7; }\n"})
    assert ctypes.CDLL(str(library)).seven() == 7


@pytest.mark.needs("cc", "c++")
@pytest.mark.parametrize("engine", ["lanes", "cxxrtl"])
def test_compiled_engines_of_such_a_compiler(engine, refusing):
    design = drawn_design(1, (1, 1))
    session = drawn_session(2, design, 3)
    (run,) = simulate(Machine(design.shape), [session], engine=engine)
    expected = FixedNetwork(design).predict(session.codes)
    assert np.array_equal(run.outputs[:, 3], expected[:, 0])
