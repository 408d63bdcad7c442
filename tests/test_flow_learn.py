import json

import pytest

from bittrue.flow.lessons import BENCH, Course, taught

COURSE = Course(BENCH, (3, 3, 3), 0.3, curve="fit", segments=32)


def test_chance_learns_with_fewer_bits_than_rounding_does():
    """Twenty networks each would be 11, 13 and 14 bits; two show the order."""
    apart = {
        name: max(taught(COURSE, 10, name, seed).score for seed in range(2))
        for name in ("STOCHASTIC", "RND_CONV", "TRN")
    }
    assert apart["STOCHASTIC"] < apart["RND_CONV"] < apart["TRN"]
    assert apart["STOCHASTIC"] < 0.05 < apart["TRN"]


def test_narrow_networks_lose_their_updates():
    lost = [taught(COURSE, width, "RND_CONV", 0).lost for width in (8, 11, 16)]
    assert lost[0] > 0.8 and lost[0] > lost[1] > lost[2] and lost[2] < 0.01


def test_a_data_set_is_learnt():
    course = Course("digits", (64, 8, 10), 0.125, epochs=1)
    lesson = taught(course, 16, "STOCHASTIC", 0)
    assert lesson.score > 0.25
    assert lesson == taught(course, 16, "STOCHASTIC", 0)


def test_table_figure_and_json(run, tmp_path):
    words = ("learn", "--widths", "10,16", "--seeds", "2", "--roundings", "TRN,STOCHASTIC")
    code, out, err = run(*words, "-j", "1", "-o", "bits.svg", "--json")
    assert code == 0
    tree = json.loads(out)
    assert tree["course"]["data"] == "3-3-3" and len(tree["lessons"]) == 8
    assert tree["thresholds"]["STOCHASTIC"]["0.05"] == 10
    assert tree["thresholds"]["TRN"] == {"0.01": 16, "0.05": 16}
    assert (tmp_path / "bits.svg").read_text().startswith("<?xml")
    page = (tmp_path / "bits.txt").read_text()
    assert "STOCHASTIC: all networks within" in page and "updates rounded away" in page
    assert "wrote bits.svg and bits.txt" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--roundings", "UP"), "rounding mode must be one of"),
        (("--widths", "ten"), "widths must be integers of at least 1"),
        (("digits",), "layers must be integers of at least 1"),
        (("--learning-rate", "0.000001"), "the learning rate must become a code above 0"),
        (("--rule", "hebb"), "the rule must be one of book, gradient"),
        (("--curve", "plan", "--widths", "6"), "too coarse for plan"),
        (("-o", "bits.png"), ".svg"),
    ],
)
def test_bad_input(run, words, message):
    code, _, err = run("learn", *words, "-j", "1", "--seeds", "1")
    assert code == 2
    assert message in err and len(err.strip().splitlines()) == 1
