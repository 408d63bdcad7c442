"""Building what is compiled, once: a cache of folders named by what they were made from."""

import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from .exceptions import BittrueError, ToolMissing

CACHE_VARIABLE = "BITTRUE_CACHE"
COMPILER_VARIABLES = {"c": "CC", "c++": "CXX"}
COMPILERS = {"c": ("cc", "gcc", "clang"), "c++": ("c++", "g++", "clang++")}
OPTIONAL = ("-march=native", "-fPIC")
"""Options that some compilers refuse, of some systems: builds do without."""

SHOWN_LINES = 12
"""Last lines of a failed tool that an error shows."""


def cache_folder() -> Path:
    """Return the folder of all builds: ``$BITTRUE_CACHE``, or ``bittrue`` in the user's cache."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "bittrue"


def built(kind: str, parts: Sequence[str], make: Callable[[Path], None]) -> Path:
    """Return a folder of built files, made only where it is not there yet.

    Parameters
    ----------
    kind : str
        First part of the folder's name.
    parts : sequence of str
        All that the files depend on: sources, flags, versions.
    make : callable
        Fills the empty folder it is given. Interrupted or failing, it leaves nothing behind.

    Raises
    ------
    BittrueError
        If the cache cannot be written.
    """
    digest = hashlib.sha256("\0".join([kind, *parts]).encode()).hexdigest()[:32]
    target = cache_folder() / f"{kind}-{digest}"
    if target.is_dir():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{kind}-", dir=target.parent))
    except OSError as error:
        raise _unwritable(target.parent, error) from None
    try:
        make(folder)
        _put(folder, target)
    except OSError as error:
        raise _unwritable(target.parent, error) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return target


def _put(folder: Path, target: Path) -> None:
    """Move a whole folder to its place, unless another process was quicker."""
    try:
        folder.rename(target)
    except OSError:
        if not target.is_dir():
            raise


def _unwritable(folder: Path, error: OSError) -> BittrueError:
    return BittrueError(
        f"builds must be written to {folder} (${CACHE_VARIABLE} names another place), got: "
        f"{error.strerror or error}"
    )


def find_compiler(language: str) -> list[str]:
    """Return the words that call the compiler of ``"c"`` or ``"c++"``.

    Raises
    ------
    ToolMissing
        If there is none.
    """
    variable = COMPILER_VARIABLES[language]
    words = shlex.split(os.environ.get(variable, ""))
    for candidate in [words] if words else [[name] for name in COMPILERS[language]]:
        if shutil.which(candidate[0]):
            return candidate
    looked_for = words[0] if words else ", ".join(COMPILERS[language])
    raise ToolMissing(
        f"a compiler of {language.upper()} must be on the path, got none of {looked_for}: install "
        f"one (on Debian and Ubuntu: sudo apt-get install g++), or name it in ${variable}"
    )


def taken_by(compiler: Sequence[str], options: Sequence[str]) -> list[str]:
    """Return options, without those of `OPTIONAL` that a compiler refuses."""
    words = tuple(compiler)
    return [option for option in options if option not in OPTIONAL or _takes(words, option)]


@lru_cache(maxsize=32)
def _takes(words: tuple[str, ...], option: str) -> bool:
    try:
        run_tool([*words, option, "-E", "-x", "c", os.devnull])
    except BittrueError:
        return False
    return True


@lru_cache(maxsize=8)
def compiler_identity(words: tuple[str, ...]) -> str:
    """Return what a compiler builds for and which it is, as part of a build's content."""
    return run_tool([*words, "--version"]) + run_tool(
        [*words, *taken_by(words, ["-march=native"]), "-dM", "-E", "-x", "c", os.devnull]
    )


def run_tool(words: Sequence[str], folder: Path | None = None, **variables: str) -> str:
    """Run a program and return what it printed.

    Parameters
    ----------
    words : sequence of str
        Program and arguments.
    folder : Path, optional
        Where it runs.
    **variables
        Added to its environment.

    Raises
    ------
    BittrueError
        If it fails; its last lines are shown.
    """
    done = subprocess.run(
        list(words),
        cwd=folder,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()[-SHOWN_LINES:]
        raise BittrueError(
            f"{Path(words[0]).name} must end with exit code 0, got {done.returncode}; its last "
            "lines:\n" + "\n".join(lines)
        )
    return done.stdout


def shared_library(
    name: str,
    sources: Mapping[str, str],
    *,
    language: str = "c",
    flags: Sequence[str] = (),
) -> Path:
    """Compile sources into a shared library, or find it compiled.

    Parameters
    ----------
    name : str
        Of the library.
    sources : mapping from file name to text
        Those that end in ``.c`` or ``.cc`` are compiled, the others may be included.
    language : {"c", "c++"}
        Which compiler is called.
    flags : sequence of str
        Beside ``-O3 -march=native -fPIC -shared``; those that name folders count by their text.

    Returns
    -------
    Path
        Of the library.

    Raises
    ------
    ToolMissing
        If there is no compiler.
    BittrueError
        If the compiler fails, with its last lines, or the cache cannot be written.
    """
    compiler = find_compiler(language)
    options = ["-O3", "-march=native", "-fPIC", "-shared", *flags]
    units = [file for file in sources if file.endswith((".c", ".cc"))]

    def make(folder: Path) -> None:
        for file, text in sources.items():
            (folder / file).write_text(text, encoding="utf-8")
        run_tool([*compiler, *taken_by(compiler, options), *units, "-o", f"{name}.so"], folder)

    texts = [part for item in sorted(sources.items()) for part in item]
    parts = [*texts, *options, compiler_identity(tuple(compiler))]
    return built(name, parts, make) / f"{name}.so"
