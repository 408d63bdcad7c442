r"""The code of README and docs, taken from its pages and run in order.

What a page's author writes:

- ``python`` blocks run one after the other, in one namespace a page;
- an ``output`` block behind one is what it prints, ``...`` standing for anything;
- ``console`` blocks run in the same folder: each line behind ``$ `` is a command, lines below it
  are what it prints on standard output, and ``\\`` at an end goes on in the next line;
- ``py`` blocks are tests: each runs alone, and then what in it is called ``test_...``;
- ``pycon`` blocks run as ``python`` does, their lines behind ``>>> `` and ``... ``;
- the word ``long`` behind the language leaves a block to the long tests, the word ``fails`` says
  that a command ends with 1.

Commands that set up a machine (pip, git, make, ...) are not run. The folder starts with
``examples/`` as it is here and an empty ``docs/``.
"""

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bittrue.flow.cli import main

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SET_UP = {"pip", "python3", "git", "make", "sudo", "apt-get", "source", "."}
RUN = {"python", "pycon", "py", "console"}
SHELL = re.compile(r"[|&;<>*$`]")


@dataclass(frozen=True)
class Block:
    """A fenced block: first line on its page, language, words behind it, and its text."""

    line: int
    language: str
    marks: tuple[str, ...]
    text: str

    @property
    def long(self):
        return "long" in self.marks

    @property
    def fails(self):
        return "fails" in self.marks


def blocks_of(page, *languages):
    """Return the fenced blocks of a page, in order: of some languages, or all."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in re.finditer(r"^```(\w+)([^\n`]*)\n(.*?)^```$", text, re.M | re.S):
        language, marks, body = match.groups()
        line = text.count("\n", 0, match.start()) + 1
        if not languages or language in languages:
            found.append(Block(line, language, tuple(marks.split()), body))
    return found


def commands_of(block):
    """Return the commands of a console block, each with what it is to print."""
    shown = []
    text = block.text.replace("\\\n", " ")
    for line in text.splitlines():
        if line.startswith("$ "):
            shown.append((" ".join(line[2:].split("  # ")[0].split()), []))
        elif shown:
            shown[-1][1].append(line)
    return [(command, "\n".join(lines)) for command, lines in shown]


def alike(expected, actual):
    """Tell whether a text is as expected, where ``...`` stands for anything."""
    parts = [re.escape(part) for part in tidy(expected).split("...")]
    return re.fullmatch(".*?".join(parts), tidy(actual), re.S) is not None


def tidy(text):
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def run_page(page, folder, *, long):
    """Run the blocks of a page in an empty folder, the current one, with or without long ones."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    (folder / "docs").mkdir()
    names = {"__name__": page.stem}
    printed = None
    for block in blocks_of(page):
        where = f"{page.name}, line {block.line}"
        if block.language == "output":
            if printed is not None:
                assert alike(block.text, printed), f"{where}: it prints\n{printed}"
        elif block.language in RUN:
            printed = None
            if long or not block.long:
                printed = run_block(block, names, where)


def run_block(block, names, where):
    """Run a block; return what Python printed."""
    if block.language == "console":
        for command, expected in commands_of(block):
            run_command(command, expected, int(block.fails), where)
        return None
    text = block.text
    if block.language == "py":
        names = {"__name__": where}
        text += "\nfor test in [v for k, v in globals().items() if k.startswith('test_')]: test()\n"
    if block.language == "pycon":
        text = "".join(f"{line[4:]}\n" for line in text.splitlines() if line[:3] in (">>>", "..."))
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        exec(compile("\n" * block.line + text, where.split(",")[0], "exec"), names)
    return stdout.getvalue()


def run_command(command, expected, code, where):
    """Run a command of a console block, and hold it to its exit code and to what it prints."""
    first, *rest = command.split()
    if first in SET_UP:
        return
    if first == "cd" and not SHELL.search(command):
        os.chdir(*rest)
        return
    run = run_here if command.startswith("bittrue ") and not SHELL.search(command) else run_shell
    left, stdout, stderr = run(command)
    assert left == code, f"{where}: $ {command}\nleft with {left}\n{stdout}\n{stderr}"
    assert not expected or alike(expected, stdout), f"{where}: $ {command}\nprints\n{stdout}"


def run_here(command):
    """Run our own command line in this process."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(shlex.split(command)[1:])
        except SystemExit as left:
            code = left.code or 0
    return code, out.getvalue(), err.getvalue()


def run_shell(command):
    """Run a command as a shell does, with the programs of this environment."""
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        shell=True,
        env={**os.environ, "PATH": beside},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr
