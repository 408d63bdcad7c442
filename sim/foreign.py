"""Verilog of others: its files, what they read beside them, and which ports it has."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bittrue.model.build import run_tool
from bittrue.model.exceptions import BittrueError

from . import tools

Ports = Mapping[str, tuple[str, int]]
"""Direction (``"INPUT"`` or ``"OUTPUT"``) and width of ports, by name."""

PORT = re.compile(r'\.port_info \d+ /(\w+) (\d+) "([^"]+)"')
QUOTED = re.compile(r'"([^"\n]+)"')


@dataclass(frozen=True)
class Foreign:
    """A module of someone else's.

    Parameters
    ----------
    sources : sequence of Path
        Verilog files.
    top : str
        The module.
    """

    sources: tuple[Path, ...]
    top: str

    @classmethod
    def of(cls, files: Sequence[Path], top: str | None) -> "Foreign":
        """Return a module in files; named as the first file where no name is given.

        Raises
        ------
        BittrueError
            If there is no such file.
        """
        for file in files:
            if not file.is_file():
                raise BittrueError(f"dut must be a component or a Verilog file, got {file}")
        if not files:
            raise BittrueError("dut must be a component or a Verilog file, got no file")
        name = files[0].stem if top is None else top
        if not re.fullmatch(r"[A-Za-z_][\w$]*", name):
            raise BittrueError(f"top must be the name of a module, got {name!r}")
        return cls(tuple(file.resolve() for file in files), name)

    @property
    def beside(self) -> dict[str, Path]:
        """The files that the sources name in quotes, as of ``$readmemh``, by these names."""
        found = {}
        for source in self.sources:
            for name in QUOTED.findall(source.read_text(encoding="utf-8", errors="replace")):
                file = source.parent / name
                inside = file.resolve().is_relative_to(source.parent)
                if inside and file.is_file() and not Path(name).is_absolute():
                    found[name] = file
        return found

    def ports(self) -> Ports:
        """Return the module's ports, as Icarus reads them.

        Raises
        ------
        ToolMissing
            If Icarus Verilog is not on the path.
        BittrueError
            If the sources do not compile.
        """
        with tempfile.TemporaryDirectory(prefix="bittrue-") as name:
            program = self.compiled(Path(name), self.top, [])
            text = program.read_text(encoding="utf-8", errors="replace")
        # the first scope is the top module's; its ports stand right behind it
        _, _, behind = text.partition(".scope module")
        found = PORT.findall(behind.partition(".scope ")[0])
        ports = {name: (way, int(width)) for way, width, name in found}
        if not ports:
            raise BittrueError(f"the module {self.top} must have ports, got none")
        return ports

    def compiled(self, folder: Path, top: str, more: Sequence[str]) -> Path:
        """Compile the sources, and more files of a folder, into a program for ``vvp`` there."""
        compiler, _ = tools.icarus()
        parents = dict.fromkeys(source.parent for source in self.sources)
        words = [compiler, "-g2012", "-s", top, "-o", "dut.vvp", *(f"-I{p}" for p in parents)]
        run_tool([*words, *more, *map(str, self.sources)], folder)
        return folder / "dut.vvp"
