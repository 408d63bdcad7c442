"""What stands in README and docs is run, and says what is."""

import json
import re
import runpy
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from designs import drawn_design
from typer.main import get_command

from bittrue.flow.cli import app
from bittrue.model.curves import Curve
from bittrue.model.design import Design, Layer, Shape, Weights
from bittrue.model.fixed import FixedNetwork
from bittrue.model.formats import FixedType, Format, Overflow, Rounding

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page, language):
    """Return the code blocks of a page, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.M | re.S)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script = tmp_path / f"{page.stem}.py"
    script.write_text("\n".join(blocks(page, "python")))
    runpy.run_path(str(script))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_real(page):
    commands = get_command(app).commands
    for block in blocks(page, "console"):
        for line in re.findall(r"^\$ bittrue (.*)$", block, re.M):
            name, *words = line.split()
            options = {opt for param in commands[name].params for opt in param.opts}
            assert {word for word in words if re.match(r"--?[a-z]", word)} <= options, line


def evaluator(folder):
    """Return the page's evaluator, which knows nothing of us."""
    block = blocks(ROOT / "docs" / "arithmetic.md", "python")[0]
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
