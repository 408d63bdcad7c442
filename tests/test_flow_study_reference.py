"""Published figures beside a study: how they are read, compared, shown, and refused."""

import json
import math
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import typer

from bittrue.flow.study import study
from bittrue.flow.study_beside import Beside, Group, Published
from bittrue.flow.study_reference import Reference, read_reference
from bittrue.flow.study_summary import Mean
from bittrue.model.exceptions import BittrueError

FOUND = ("--data", "digits", "--train", "64,6,10", "--epochs", "1", "--widths", "5,8", "-j", "1")
EXAMPLES = Path(__file__).parents[1] / "examples"
HEAD = "# source: a book\n# seeds: 2\n"


@pytest.fixture
def ask(capsys, tmp_path, monkeypatch):
    """Return a call of the command, in an empty folder: exit code and standard output."""
    monkeypatch.chdir(tmp_path)
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(study)

    def call(*words):
        code = app(args=list(words), standalone_mode=False)
        return code or 0, capsys.readouterr().out

    return call


def published_as(tree, wrong=0.0):
    """Return a reference that says what a study found."""
    rows = ["width,sqnr,accuracy"]
    reached = sum(tree["golden_accuracy"]) / len(tree["golden_accuracy"])
    rows.append(f"golden,,{reached}")
    for row in tree["summary"][0]["widths"]:
        sqnr, accuracy = row["sqnr"]["mean"] + wrong, row["accuracy"]["mean"]
        rows.append(f"{row['width']},{sqnr},{accuracy}")
    return HEAD + "\n".join(rows) + "\n"


def test_each_figure_is_held_beside_what_is_published(ask, tmp_path):
    words = (*FOUND, "--seeds", "4")
    _, out = ask(*words, "--json")
    (tmp_path / "same.csv").write_text(published_as(json.loads(out)))
    code, out = ask(*words, "--reference", "same.csv", "--json")
    tree = json.loads(out)
    beside = tree["reference"]
    assert code == 0 and beside["agrees"] and beside["source"] == "a book"
    assert [(row["width"], row["figure"]) for row in tree["published"]] == [
        *((None, "accuracy"), (5, "sqnr"), (5, "accuracy"), (8, "sqnr"), (8, "accuracy")),
    ]
    for row in tree["published"]:
        # four seeds are found, two are published
        ours = row["found"]["standard_error"]
        assert row["standard_error"] == pytest.approx(ours * 2**0.5)
        assert row["difference"] == pytest.approx(0, abs=1e-12)
        assert row["allowed"] == max(2 * row["standard_error"], row["tolerance"])
    assert [group["seeds"] for group in beside["groups"]] == [[0, 1], [2, 3]]
    chance = beside["differing_on_average"]
    assert set(chance["from_published"]) == set(chance["from_each_other"]) == {"shares", "sqnr"}
    first, second = (group["figures"][1]["found"]["mean"] for group in beside["groups"])
    assert (first + second) / 2 == pytest.approx(tree["published"][1]["found"]["mean"])


def test_what_differs_is_shown_and_is_exit_code_one(ask, tmp_path):
    words = (*FOUND, "--seeds", "2")
    _, out = ask(*words, "--json")
    (tmp_path / "off.csv").write_text(published_as(json.loads(out), wrong=40))
    code, out = ask(*words, "--reference", "off.csv", "-o", "off.svg")
    assert code == 1
    assert re.search(r"5 │ +SQNR, dB │ .* │ +-40\.00 │ .* │ +no │ +no │ differs", out)
    assert out.endswith(
        "3 of 5 figures of off.csv within two standard errors of a mean of 2 seeds, or within "
        "0.5 points or 0.5 dB\n"
    )
    texts = [node.text for node in ElementTree.parse(tmp_path / "off.svg").iter() if node.text]
    assert "difference from off.csv, found less published" in texts
    assert "SQNR, 8" in texts and "published ± two standard errors" in texts


def test_either_criterion_is_enough():
    row = Published(8, "accuracy", Mean(0.97, 0.001), 0.974, 0.001)
    assert row.within and row.within_tolerance and not row.within_errors
    assert not row._replace(published=0.976).within
    assert row._replace(published=0.976, error=0.004).within
    assert not row._replace(published=0.978, error=0.003).within
    assert not row._replace(published=0.976, error=math.nan).within
    nothing = row._replace(found=Mean(math.nan, math.nan), error=math.nan)
    assert not nothing.within and nothing.allowed == 0.005


def test_what_chance_does_is_told_by_groups_beside_each_other():
    def group(*means):
        rows = [Published(8, "sqnr", Mean(mean, 0.1), 20.0, 0.1) for mean in means]
        return Group((), rows)

    beside = Beside(Reference("", "", 2, None, {}), "", [], [group(20, 20), group(20, 21.0)])
    assert beside.from_theirs == {"shares": 0, "sqnr": 0.5}
    assert beside.from_ours == {"shares": 0, "sqnr": 1.0}


def test_a_width_that_could_not_be_made_agrees_with_nothing(ask, tmp_path):
    (tmp_path / "plan.csv").write_text("# source: none\nwidth,accuracy\n3,0.5\n12,0.5\n")
    words = ("--data", "digits", "--train", "64,6,10", "--epochs", "1", "--curves", "plan")
    code, out = ask(*words, "--widths", "3,12", "--reference", "plan.csv", "--json")
    coarse, _ = json.loads(out)["published"]
    assert code == 1 and not coarse["within"] and coarse["found"]["mean"] is None


def test_a_file_names_its_reference_from_where_it_lies(ask, tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "ref.csv").write_text("# source: s\nwidth,accuracy\n8,0\n")
    (tmp_path / "inner" / "some.toml").write_text('reference = "ref.csv"\n')
    code, out = ask(*FOUND, "--config", "inner/some.toml", "--json")
    assert code == 1 and json.loads(out)["config"]["reference"] == "ref.csv"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"ref.csv must say '# source: ...' in front, got no such line"),
        ("width,accuracy\n8,1\n", r"ref.csv must say '# source: ...' in front, got no such line"),
        ("# source: s\n", r"ref.csv must have rows, got none"),
        ("# source: s\naccuracy\n1\n", r"ref.csv must have a column width, got accuracy"),
        (
            "# source: s\nwidth,precision\n8,1\n",
            r"ref.csv: a column must be one of width, accuracy, agreement, sqnr, got 'precision'",
        ),
        ("# source: s\nwidth,sqnr,sqnr\n8,1,1\n", r"ref.csv must have each column once, got sqnr"),
        (
            "# source: s\nwidth,sqnr\n7,1\n",
            r"ref.csv, line 3: width must be golden or one that is measured, 5, 8, got '7'",
        ),
        (
            "# source: s\nwidth,sqnr\n,1\n",
            r"ref.csv, line 3: width must be golden or one .* got ''",
        ),
        ("# source: s\nwidth,sqnr\n8,1\n8,1\n", r"ref.csv, line 4: each width must have one row"),
        (
            "# source: s\nwidth,sqnr\n8,high\n",
            r"ref.csv, line 3: sqnr must be a number, got 'high'",
        ),
        ("# source: s\nwidth,sqnr\n8,nan\n", r"ref.csv, line 3: sqnr must be a number, got 'nan'"),
        (
            "# source: s\nwidth,accuracy\n8,97.1\n",
            r"ref.csv, line 3: accuracy must be a share from 0 to 1, got 97.1",
        ),
        ("# source: s\nwidth,sqnr\n8\n", r"ref.csv, line 3 must have 2 cells like the first line"),
        ("# source: s\nwidth,sqnr\n8,\n", r"ref.csv must have a figure to compare, got none"),
        ('# source: s\nwidth,sqnr\n8,"1\n', r"ref.csv, line 3 must be CSV, got: unexpected end"),
        (
            "# source: s\nwidth,accuracy,sqnr\ngolden,0.9,30\n",
            r"ref.csv, line 3: the golden model must have one row, of an accuracy and no other",
        ),
        (
            "# source: s\n# seeds: some\nwidth,sqnr\n8,1\n",
            r"ref.csv: seeds must be an integer of at least 1, got 'some'",
        ),
    ],
)
def test_bad_references_are_refused_before_anything_is_trained(text, message, ask, tmp_path):
    (tmp_path / "ref.csv").write_text(text)
    with pytest.raises(BittrueError, match=f"^{message}"):
        ask(*FOUND, "--reference", "ref.csv")


def test_references_that_cannot_be_read_are_refused(ask, tmp_path):
    (tmp_path / "ref.csv").write_bytes(b"\xff\xfe\x00")
    for name in ("ref.csv", "none.csv", "."):
        with pytest.raises(BittrueError, match=r"^a reference must be readable text, got "):
            ask(*FOUND, "--reference", name)


def test_the_example_is_read():
    found = read_reference(EXAMPLES / "digits-table.csv", [3, 4, 5, 6, 8, 10, 12, 16])
    assert found.seeds == 5 and found.golden == 0.9711 and len(found.figures) == 8
    assert found.figures[8] == {"accuracy": 0.9707, "agreement": 0.9996, "sqnr": 40.8}


@pytest.mark.long
@pytest.mark.timeout(400)
def test_the_published_digits_are_reproduced(ask):
    code, out = ask("--config", str(EXAMPLES / "digits-table.toml"), "--json")
    beside = json.loads(out)["reference"]
    assert code == 0 and beside["agrees"]
    assert len(beside["figures"]) == 25 and all(row["within"] for row in beside["figures"])
    # five networks of ours differ from five others as often as from those published
    chance = beside["differing_on_average"]
    for kind, differing in chance["from_published"].items():
        assert differing <= chance["from_each_other"][kind] + 1
