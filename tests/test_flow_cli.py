"""The command line: what it prints where, and with what exit code it ends."""

import importlib.metadata
import json
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from test_main_job import spoilt

from bittrue.flow import verify as command
from bittrue.flow.cli import main
from bittrue.model.design import Design
from bittrue.model.exceptions import ToolMissing
from bittrue.sim import testbench

QUICK = ("verify", "--queries", "2", "--no-ports")


@pytest.fixture
def broken(monkeypatch):
    """Have the hardware built with one number of its table off by one LSB."""
    sound = testbench.verify
    hardware = spoilt(1, 0, "slope", 1)
    monkeypatch.setattr(testbench, "verify", lambda *a, **k: sound(*a, **k, hardware=hardware))


def test_help_and_version(run):
    code, out, _ = run("--help")
    assert (code, "verify" in out, "curve" in out) == (0, True, True)
    assert run("--version")[:2] == (0, f"bittrue {importlib.metadata.version('bittrue')}\n")
    for name in ("verify", "curve"):
        assert run(name, "--help")[0] == 0


def test_usage_errors(run):
    assert run()[0] == 2
    for words in (("simulate",), ("verify", "--sed", "1"), ("verify", "--seed", "one")):
        code, out, err = run(*words)
        assert (code, out) == (2, "")
        assert err


def test_verdict_is_the_last_line(run):
    code, out, err = run(*QUICK)
    assert (code, err) == (0, "")
    assert re.fullmatch(r"\d+ words compared stage by stage, 0 differ", out.splitlines()[-1])
    for heading in ("golden", "fixed", "RTL", "SQNR", "overflowed", "segment ends"):
        assert heading in out


def test_json_is_one_object_on_standard_output(run):
    code, out, _ = run(*QUICK, "--json", "--seed", "3", "--pe", "3,1", "--simd", "2")
    tree = json.loads(out)
    assert (code, tree["schema"], tree["seed"]) == (0, "bittrue.verify/1", 3)
    assert (tree["differing"], tree["first_divergence"]) == (0, None)
    assert tree["compared"] > 500
    assert tree["cycles_per_query"] > 0
    assert tree["initiation_interval"] == 6
    assert (tree["config"]["pe"], tree["config"]["simd"]) == ([3, 1], 2)
    assert len(tree["queries"]) == 2
    for query in tree["queries"]:
        assert len(query["inputs"]) == 3
        assert query["fixed"] == query["rtl"]
        for model in ("golden", "fixed", "rtl"):
            assert len(query[model]["outputs"]) == 3
            assert query[model]["oops"] == (query[model]["outputs"][2] < 0.9)


def test_a_seed_says_everything(run):
    assert run(*QUICK, "--seed", "5") == run(*QUICK, "--seed", "5")
    assert run(*QUICK, "--seed", "5")[1] != run(*QUICK, "--seed", "6")[1]


def test_a_difference_ends_with_1_and_names_the_first(run, broken):
    code, out, _ = run(*QUICK, "--junit-xml", "run.xml")
    assert code == 1
    lines = out.splitlines()
    assert lines[-1].startswith("FAIL: ")
    first = next(line for line in lines if line.startswith("mismatch at "))
    assert "layer 1" in first and "output: expected 0x" in first
    assert any(line.startswith("  cycle ") for line in lines)
    code, out, _ = run(*QUICK, "--json")
    found = json.loads(out)["first_divergence"]
    assert (code, found["layer"], found["stage"]) == (1, 1, "output")
    assert found["expected"]["code"] != found["actual"]["code"]


def test_junit(run, tmp_path, broken):
    run(*QUICK, "--junit-xml", "bad.xml")
    suite = ElementTree.parse(tmp_path / "bad.xml").getroot()
    failed = [
        case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None
    ]
    assert failed == ["all words", "output"]
    assert suite.get("failures") == "2"
    assert suite.get("tests") == str(len(list(suite.iter("testcase"))))


def test_results_go_where_they_are_sent(run, tmp_path):
    code, out, err = run(
        *(*QUICK, "-o", "report.txt", "--junit-xml", "run.xml", "--waves", "run.vcd"),
        *("--save-design", "run.json"),
    )
    assert (code, out) == (0, "")
    assert err.startswith("bittrue: wrote report.txt: ") and err.endswith(" 0 differ\n")
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["report.txt", "run.gtkw", "run.json", "run.vcd", "run.xml"]
    assert (tmp_path / "report.txt").read_text().splitlines()[-1].endswith(", 0 differ")
    suite = ElementTree.parse(tmp_path / "run.xml").getroot()
    assert suite.get("failures") == "0"
    vcd = (tmp_path / "run.vcd").read_text()
    assert "$enddefinitions" in vcd and "trace_1_output" in vcd


def test_a_saved_design_runs_again(run, tmp_path):
    words = (*QUICK, "--seed", "2", "--format", "fxp-s12/8", "--curve", "fit", "--segments", "8")
    _, saved, _ = run(*words, "--json", "--save-design", "run.json")
    code, out, _ = run(*QUICK, "--seed", "2", "--design", "run.json", "--json")
    before, after = json.loads(saved), json.loads(out)
    assert code == 0
    assert after["design"] == before["design"] == Design.load(tmp_path / "run.json").digest
    assert [q["rtl"] for q in after["queries"]] == [q["rtl"] for q in before["queries"]]
    assert {q["golden"] for q in after["queries"]} == {None}
    code, _, err = run("verify", "--design", "run.json", "--curve", "plan")
    assert code == 2
    assert err.endswith("without choices of types and curves, got curve\n")


def test_settings_come_from_a_file(run, tmp_path):
    (tmp_path / "run.toml").write_text('format = "fxp-s12/8"\nqueries = 2\nseed = 4\n')
    _, out, _ = run("verify", "--config", "run.toml", "--json", "--no-ports", "--seed", "9")
    tree = json.loads(out)
    assert (tree["seed"], len(tree["queries"])) == (9, 2)
    assert tree["config"]["weight_type"] == "fxp-s12/8,RND_CONV,SAT"


def test_formats_are_read_in_any_notation_and_modes_where_they_belong(run):
    _, out, _ = run(*QUICK, "--format", "Q4.8", "--rounding", "TRN", "--overflow", "WRAP", "--json")
    config = json.loads(out)["config"]
    assert config["preactivation_type"] == config["output_type"] == "fxp-s12/8,TRN,WRAP"
    assert config["input_type"] == config["weight_type"] == "fxp-s12/8,RND_CONV,SAT"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--format", "fxp-s70/3"), "width"),
        (("--format", "s16.12"), "ambiguous"),
        (("--rounding", "UP"), "TRN"),
        (("--overflow", "CLIP"), "WRAP"),
        (("--curve", "spline"), "the curve must be one of plan, "),
        (("--format", "fxp-s8/7"), "too coarse for plan: it has no code for 1"),
        (("--preactivation-type", "fxp-s8/1"), "no code for 2.375"),
        (("--weight-type", "fxp-s4/4"), "would hold them"),
        (("--pe", "0"), "pe must be an integer of at least 1"),
        (("--simd", "two"), "simd must be an integer, or one a layer as in 2,1, got 'two'"),
        (("--pe", "1,1,1"), "pe"),
        (("--queries", "0"), "queries must be an integer of at least 1, got 0"),
        (("--stalls", "1"), "stalls must be a probability from 0 to below 1"),
        (("--curve", "fit", "--tolerance", "nan"), "tolerance"),
        (("--design", "none.json"), "none.json"),
        (("--config", "none.toml"), "none.toml"),
        (("--waves", "run.wav"), "--waves must end in .vcd, got run.wav"),
        (("-o", "no/such/folder.txt"), "--output must lie in a folder that can be written"),
        (("-o", "a.txt", "--junit-xml", "a.txt"), "each result must have a file of its own"),
    ],
)
def test_bad_input_is_told_in_one_sentence(run, tmp_path, words, message):
    code, out, err = run(*QUICK, *words)
    assert (code, out) == (2, "")
    told = [line for line in err.splitlines() if not line.startswith("bittrue: seed")]
    assert len(told) == 1 and told[0].startswith("bittrue: ") and message in told[0]
    assert list(tmp_path.iterdir()) == []


def cut_short(error):
    def verify(*args, **kwargs):
        raise error

    return verify


def test_a_missing_tool_ends_with_3(run, monkeypatch):
    error = ToolMissing("needs yosys: install it")
    monkeypatch.setattr(testbench, "verify", cut_short(error))
    assert run(*QUICK) == (3, "", "bittrue: seed 0\nbittrue: needs yosys: install it\n")


def test_interrupted_ends_with_130_and_names_the_seed(run, monkeypatch):
    monkeypatch.setattr(testbench, "verify", cut_short(KeyboardInterrupt()))
    code, out, err = run(*QUICK, "--seed", "8")
    assert (code, out) == (130, "")
    assert "bittrue: seed 8\n" in err


def test_an_error_of_ours_is_not_hidden(monkeypatch):
    monkeypatch.setattr(command, "check_targets", cut_short(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        main(list(QUICK))


def test_as_a_program_of_its_own(tmp_path):
    program = [sys.executable, "-c", "from bittrue.flow.cli import main; main()"]
    done = subprocess.run(
        [*program, *QUICK], cwd=tmp_path, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(", 0 differ\n")
    assert "\x1b" not in done.stdout


def test_help_shows_every_default(run):
    """What stands in square brackets is no markup."""
    for name, default in (
        ("verify", "[default: 10]"),
        ("train", "[default: a"),
        ("run", "[default: all]"),
    ):
        code, out, _ = run(name, "--help")
        assert code == 0 and default in out
