"""What `import bittrue` promises: its names, their documents and types, and how quick it is."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bittrue
from bittrue.flow.store import VERSION as STORE_VERSION
from bittrue.model import design, golden_file

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
NAMES = [name for name in bittrue.__all__ if name != "__version__"]


def fresh(text):
    """Run a program in a Python that has imported nothing yet."""
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_importing_it_is_quick_and_brings_nothing_along():
    heavy = ("amaranth", "numpy", "scipy", "matplotlib", "typer", "pydantic")
    text = f"import sys, bittrue; print(*(n for n in {heavy} if n in sys.modules), 'none')"
    assert fresh(text) == ["none"]


def test_amaranth_comes_with_hardware_only():
    told = fresh(
        "import sys, bittrue\n"
        "bittrue.GoldenNetwork, bittrue.quantize, bittrue.FixedNetwork, bittrue.load_golden\n"
        "print('amaranth' in sys.modules)\n"
        "bittrue.Machine, bittrue.to_verilog\n"
        "print('amaranth' in sys.modules)\n"
    )
    assert told == ["False", "True"]


def test_every_name_is_there_and_where_it_says():
    assert bittrue.__all__ == sorted(bittrue.__all__)
    assert set(bittrue._PLACES) == set(NAMES)
    for name, place in bittrue._PLACES.items():
        found = getattr(bittrue, name)
        assert found.__module__ == f"bittrue.{place}", name
        assert vars(bittrue)[name] is found
    assert set(bittrue.__all__) <= set(dir(bittrue))


def test_types_are_told_of_the_same_places():
    """What type checkers read, under TYPE_CHECKING, is what is imported."""
    source = inspect.getsource(bittrue).partition("if TYPE_CHECKING:\n")[2].partition("\n\n")[0]
    told = {
        name: place
        for place, names in re.findall(r"from \.([\w.]+) import (.+)", source)
        for name in names.split(", ")
    }
    assert told == bittrue._PLACES


def test_another_name_is_refused():
    message = "^module 'bittrue' has no attribute 'Netwerk'$"
    with pytest.raises(AttributeError, match=message):
        getattr(bittrue, "".join(["Net", "werk"]))


def test_the_page_lists_the_same_names():
    table = PAGE.partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    listed = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(listed) == sorted(bittrue.__all__)


def parameters_of(thing):
    """Return the names of what is given to a class or function."""
    given = inspect.signature(thing).parameters.values()
    stars = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in given if p.kind not in stars]


def sections_of(thing):
    """Return the sections of a numpydoc docstring, by their titles."""
    text = inspect.getdoc(thing)
    parts = re.split(r"^(\w+)\n-+$", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_documents_tell_parameters_results_and_errors(name):
    thing = getattr(bittrue, name)
    sections = sections_of(thing)
    told = sections.get("Parameters", "") + sections.get("Members", "")
    documented = {
        word.strip("* ")
        for line in re.findall(r"^(\S[^\n]*)$", told, re.M)
        for word in line.partition(" : ")[0].split(",")
    }
    assert set(parameters_of(thing)) <= documented
    if inspect.isfunction(thing):
        returns = inspect.signature(thing).return_annotation not in (None, "None")
        assert ("Returns" in sections) == returns
        if "raise " in inspect.getsource(thing):
            assert "Raises" in sections


@pytest.mark.parametrize("name", NAMES)
def test_public_methods_have_documents(name):
    thing = getattr(bittrue, name)
    for method, value in vars(thing).items() if inspect.isclass(thing) else ():
        if not method.startswith("_") and callable(getattr(thing, method)):
            assert inspect.getdoc(value), f"{name}.{method}"


@pytest.mark.needs("mypy")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("", ""), "Success: no issues found in 1 source file"),
        (('"fxp-s8/4"', "8"), 'Argument 1 to "parse" of "Format" has incompatible type "int"'),
        (("pe=2", 'pe="two"'), 'Argument "pe" to "Machine" has incompatible type "str"'),
        (("bittrue.quantize(", "bittrue.quantise("), 'has no attribute "quantise"'),
        (("stalls=0.3", 'stalls="a few"'), 'Argument "stalls" to "assert_bit_true" has incompatib'),
    ],
)
def test_a_program_of_a_user_is_checked(change, message, tmp_path):
    text = (ROOT / "tests" / "typed_user.py").read_text(encoding="utf-8")
    program = tmp_path / "user.py"
    program.write_text(text.replace(*change) if change[0] else text, encoding="utf-8")
    words = ["-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), str(program)]
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=110
    )
    assert message in done.stdout


def test_the_page_lists_the_versions_of_files():
    rows = {
        row[1].strip(): row[3].strip()
        for line in PAGE.partition("## Files")[2].splitlines()
        if len(row := line.split("|")) == 5
    }
    assert rows["design, `.json`"] == str(design.VERSION)
    assert rows["golden network, `.npz`"] == str(golden_file.VERSION)
    assert rows["store of a sweep"] == str(STORE_VERSION)
