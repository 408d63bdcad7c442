"""Verilog as files for the tools of others: one a module, what memories hold beside them."""

import re
from collections.abc import Mapping

from amaranth.lib.wiring import Component

from bittrue.model.exceptions import BittrueError

from .netlist import to_verilog

_MODULE = re.compile(r"^module (\\\S+ |\w+)(.*?^endmodule)$", re.M | re.S)
_INSTANCE = re.compile(r"^  (\\\S+ |\w+)( +(?:\\\S+ |\w+) \($)", re.M)
_FILLED = re.compile(
    r"^  initial begin\n((?:    (?:\\\S+ |\w+)\[\d+\] = [^;\n]+;\n)+)  end\n", re.M
)
_WORD = re.compile(r"^    (\\\S+ |\w+)\[(\d+)\] = (\d+)'([dh])([0-9a-f]+);$", re.M)
_NAMELESS = re.compile(r"\\\$auto\$verilog_backend\.cc:\d+:dump_module\$\d+ ")
_ESCAPED = re.compile(r"\\\S+")


def to_files(component: Component, name: str) -> dict[str, str]:
    """Return a component as Verilog-2001 files, clock and reset named ``clk`` and ``rst``.

    Each module stands in a file of its name; modules that are alike stand there once. What a
    memory holds at power-up is read from a ``.mem`` file, by its bare name: simulators look for it
    in the folder that they run in.

    Parameters
    ----------
    component : Component
        What is converted.
    name : str
        Of the top module; the other modules' names begin with it, too.

    Returns
    -------
    dict of str
        Texts by file name, sorted.

    Raises
    ------
    BittrueError
        If two modules would have one name.
    """
    text = _NAMELESS.sub(r"\\$settled ", to_verilog(component, name))
    modules = _merged({given.strip(): body for given, body in _MODULE.findall(text)})
    names = {given: _plain(given) for given in modules}
    if len(set(names.values())) != len(names):
        raise BittrueError(f"modules must have names of their own, got {sorted(names)}")
    files: dict[str, str] = {}
    for given, body in modules.items():
        renamed = _with_instances(body, names)
        plain = names[given]
        files |= _memories(f"module {plain} {renamed.lstrip()}\n", plain)
    return dict(sorted(files.items()))


def _merged(modules: dict[str, str]) -> dict[str, str]:
    """Return modules without those that are like another one, which stands in for them."""
    while True:
        first: dict[str, str] = {}
        instead = {given: first.setdefault(body, given) for given, body in modules.items()}
        if len(first) == len(modules):
            return modules
        modules = {given: _with_instances(body, instead) for body, given in first.items()}


def _with_instances(body: str, names: Mapping[str, str]) -> str:
    """Return a module's text, the modules that it is built from named anew."""

    def renamed(instance: re.Match[str]) -> str:
        called = instance[1].strip()
        other = names.get(called, called)
        return instance[0] if other == called else f"  {_spelled(other)}{instance[2]}"

    return _INSTANCE.sub(renamed, body)


def _spelled(name: str) -> str:
    return f"{name} " if name.startswith("\\") else name


def _plain(name: str) -> str:
    """Return a name that needs no backslash."""
    return re.sub(r"\W", "_", name.removeprefix("\\"))


def _memories(text: str, module: str) -> dict[str, str]:
    """Return the file of a module, and those of what its memories hold."""
    files: dict[str, str] = {}

    def read(filled: re.Match[str]) -> str:
        words = _WORD.findall(filled[1])
        memory, width = words[0][0].strip(), int(words[0][2])
        file = f"{module}_{_plain(memory)}.mem"
        digits = -(-width // 4)
        codes = (int(digit, 10 if base == "d" else 16) for *_, base, digit in words)
        files[file] = "".join(f"{code:0{digits}x}\n" for code in codes)
        last = len(words) - 1
        return f'  initial $readmemh("{file}", {_spelled(memory)}, 0, {last});\n'

    # brackets in a name: Yosys takes `words[0]` for bit 0 of `words`
    plain = _ESCAPED.sub(lambda name: name[0].replace("[", "(").replace("]", ")"), text)
    files[f"{module}.v"] = _FILLED.sub(read, plain)
    return files
