"""What `bittrue doctor` says of this installation, of a poor one and of a broken one."""

import json
import os
import re
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from bittrue.flow import doctor, installed
from bittrue.model.exceptions import ToolMissing
from bittrue.model.kernels import ENGINES as KERNELS
from bittrue.sim.engines import ENGINES

PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]


@pytest.fixture
def quick(monkeypatch):
    """Leave out engines that have to be compiled."""
    monkeypatch.setattr(doctor, "ENGINES", {"amaranth": ENGINES["amaranth"]})


def test_every_engine_is_tried():
    names = list(doctor.trials())
    assert names == [
        *(f"model, {name}" for name in KERNELS),
        *(f"RTL, {name}" for name in ENGINES),
        "proofs, bitwuzla",
    ]


def test_json_of_an_installation_that_works(run, quick):
    code, out, _ = run("doctor", "--json")
    tree = json.loads(out)
    assert (code, tree["schema"], tree["healthy"]) == (0, "bittrue.doctor/1", True)
    outcomes = {check["engine"]: check["outcome"] for check in tree["engines"]}
    assert outcomes["RTL, amaranth"] == "passed"
    assert "failed" not in outcomes.values()
    words = {check["engine"]: check["words"] for check in tree["engines"]}
    # accumulator, pre-activation and output of 6 neurons, 3 words out, 4 samples, and 8 counts
    assert words["RTL, amaranth"] == (3 * 6 + 3) * doctor.SAMPLES + 8
    assert words["model, int64"] == 3 * doctor.SAMPLES
    base = {part["name"] for part in tree["parts"] if part["kind"] == "base"}
    assert base == {"Python", *(re.split("[<>=]", d)[0] for d in PROJECT["dependencies"])}
    assert all(part["installed"] for part in tree["parts"] if part["kind"] == "base")


@pytest.mark.needs("iverilog")
def test_icarus_is_tried():
    check = doctor.tried("RTL, icarus", doctor.trials()["RTL, icarus"])
    assert check[:3] == ("RTL, icarus", "passed", 92)


def test_the_solver_is_asked():
    assert doctor.tried("proofs", doctor.trials()["proofs, bitwuzla"])[1:3] == ("passed", 2)


def test_without_any_program_the_base_works(run, quick, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    code, out, _ = run("doctor")
    assert code == 0
    for line in (
        r"Icarus Verilog +│ .* │ sudo apt-get install iverilog",
        r"C compiler +│ .* │ sudo apt-get install gcc",
        r"model, int16 +│ missing │ 0 ",
    ):
        assert re.search(line, out), line
    assert "model, int16: a compiler of C must be on the path, got none of cc" in out
    assert out.splitlines()[-1].endswith("words compared")


def test_an_engine_that_is_wrong_is_named(run, quick, monkeypatch):
    sound = doctor.simulate

    def wrong(*args, **options):
        (seen,) = sound(*args, **options)
        outputs = seen.outputs.copy()
        outputs[4, 3] ^= 1
        return [replace(seen, outputs=outputs)]

    monkeypatch.setattr(doctor, "simulate", wrong)
    code, out, _ = run("doctor")
    assert code == 1
    assert "RTL, amaranth: WrongWords: 1 of 92 words differ: mismatch at session 0, sample 1" in out
    assert out.splitlines()[-1].endswith("; failed: RTL, amaranth")


def test_a_model_engine_that_is_wrong_is_named(monkeypatch):
    predict = doctor.FixedNetwork.predict
    monkeypatch.setattr(
        doctor.FixedNetwork, "predict", lambda self, codes: predict(self, codes) ^ 1
    )
    check = doctor.tried("model", doctor.trials()["model, int64"])
    assert (check.outcome, check.message) == ("failed", "WrongWords: 12 of 12 words differ")


def test_whatever_a_broken_installation_raises_is_told():
    def broken():
        raise OSError("bad\nlibrary")

    def lacking():
        raise ToolMissing("x must be there")

    assert doctor.tried("a", broken)._replace(seconds=0) == (
        *("a", "failed", 0, 0),
        "OSError: bad library",
    )
    assert doctor.tried("a", lacking)[1::3] == ("missing", "x must be there")


def test_a_package_that_the_base_needs_and_is_not_there(monkeypatch, run, quick):
    known = installed.package_version
    monkeypatch.setattr(
        installed, "package_version", lambda name: None if name == "pyvcd" else known(name)
    )
    code, out, _ = run("doctor")
    assert code == 1
    assert out.splitlines()[-1].endswith("; missing: pyvcd")
    assert "pip install pyvcd" in out


@pytest.mark.parametrize(
    ("platform", "command"),
    [
        ("linux", "sudo apt-get install iverilog"),
        ("darwin", "brew install icarus-verilog"),
        ("win32", "winget install Icarus.Verilog"),
    ],
)
def test_commands_of_each_system(platform, command):
    commands = {part.name: part.command for part in installed.parts(platform)}
    assert commands["Icarus Verilog"] == command


def test_extras_that_are_told_of_are_there():
    assert installed.ADDS.keys() <= PROJECT["optional-dependencies"].keys()
    assert set(installed.DEVELOPERS) <= PROJECT["optional-dependencies"].keys()


def test_a_missing_package_names_its_extra(monkeypatch):
    lines = ["numpy>=2", 'onnx>=1; extra == "onnx"', "ruff; extra == 'lint'"]
    monkeypatch.setattr(installed, "requires", lambda name: lines)
    monkeypatch.setattr(installed, "package_version", lambda name: None)
    found = {part.name: part for part in installed.parts()}
    assert found["onnx"].command == "pip install 'bittrue[onnx]'"
    assert found["onnx"].adds == installed.ADDS["onnx"]
    assert "ruff" not in found


@pytest.mark.skipif(os.name == "nt", reason="scripts of a shell")
@pytest.mark.parametrize(
    ("script", "version"),
    [
        ("echo tool 3.4.5-beta", "3.4.5"),
        ("echo no number >&2; exit 1", "there, version unknown"),
        ("exec sleep 60", "there, version unknown"),
    ],
)
def test_versions_that_programs_print(script, version, tmp_path, monkeypatch):
    monkeypatch.setattr(installed, "PROBE_SECONDS", 0.5)
    program = tmp_path / "tool"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    assert installed.said([str(program)], "--version") == version
    assert installed.said([str(tmp_path / "none")], "--version") == "there, version unknown"
