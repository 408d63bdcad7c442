"""Reports: what stands in them, that they are safe and the same again, and what is refused."""

import base64
import hashlib
import json
import os
import random
import re
import shutil
import socket
import sqlite3
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from stored_results import make_results

from bittrue.flow.report import html_of, in_order
from bittrue.flow.report_checks import checks_of
from bittrue.flow.report_errors import centres_of, uniform_model
from bittrue.flow.report_results import KINDS, cleaned, read_results
from bittrue.flow.report_schema import Bins
from bittrue.flow.report_svg import Scale, spanned
from bittrue.flow.report_tensors import window_of
from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError
from bittrue.model.formats import Format, Overflow, Rounding, requantize

ALL = ("verify", "whole", "prove", "quantize", "study", "sweep", "synth", "estimate")
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{7*7}}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with results of every kind."""
    made, before = tmp_path_factory.mktemp("results"), os.getcwd()
    os.chdir(made)
    try:
        make_results(made)
    finally:
        os.chdir(before)
    return made


class Page(HTMLParser):
    """A page's elements, its text, and what is open at its end."""

    EMPTY = ("meta", "link", "input", "br", "img")

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def files(folder, *names):
    return [str(folder / (name if "." in name else f"{name}.json")) for name in names]


def drawn(run, tmp_path, *paths, code=0):
    """Return the text of the page that the command makes, its exit code as expected."""
    left, out, err = run("report", *map(str, paths), "-o", "page.html")
    assert (left, out) == (code, ""), err
    assert err.startswith("bittrue: wrote page.html: ")
    return (tmp_path / "page.html").read_text()


def edited(folder, tmp_path, name, change):
    """Write a copy of a result with a change, and return its path."""
    tree = json.loads((folder / f"{name}.json").read_text())
    change(tree)
    path = tmp_path / f"{name}-edited.json"
    path.write_text(json.dumps(tree))
    return path


def test_the_verdict_comes_first(run, folder, tmp_path):
    text = drawn(run, tmp_path, *files(folder, "study", "verify"))
    tree = json.loads((folder / "verify.json").read_text())
    page = Page(text)
    words = [part.strip() for part in page.texts if part.strip()]
    body = words[words.index("Skip to the results") :]
    line = f"{tree['compared']} words compared stage by stage, 0 differ"
    assert body[3] == "PASS"
    assert body[4] == f"Verification of 3-3-3 by queries and directed vectors: {line}"
    assert page.of("title") and "PASS – bittrue report" in words


def test_a_failure_names_where_it_diverges_first(run, folder, tmp_path):
    code, _, err = run(
        *("report", *files(folder, "fail", "verify"), "-o", "page.html"),
        *("--json", "page.json", "--junit-xml", "page.xml"),
    )
    tree = json.loads((folder / "fail.json").read_text())
    first = tree["first_divergence"]
    line = f"{tree['compared']} words compared stage by stage, {tree['differing']} differ"
    assert (code, err) == (1, f"bittrue: wrote page.html: FAIL: {line}\n")
    text = (tmp_path / "page.html").read_text()
    top = text[: text.index("<main")]
    where = f"sample {first['sample']}, layer {first['layer']}, neuron {first['neuron']}, output"
    assert where in top and f"0x{first['expected']['hex']}" in top
    (waveform,) = re.findall(r'<svg[^>]*aria-label="Waveform\.[^"]*"', text)
    assert f"output in cycle {first['cycle']}" in waveform
    for word in first["around"]:
        assert f">{word['actual']}</text>" in text
    assert f"≠ {first['expected']['hex']}</text>" in text
    verdicts = json.loads((tmp_path / "page.json").read_text())
    assert (verdicts["verdict"], verdicts["passed"]) == ("FAIL", False)
    assert [one["checks"][0]["passed"] for one in verdicts["results"]] == [False, True]
    suite = ElementTree.parse(tmp_path / "page.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert where in suite.find("testcase/failure").text


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"kind": "missing", "actual": None, "cycle": None, "around": []},
            "missing at session 1, sample 3, layer 1, neuron 0, output: .*, actual nothing",
        ),
        (
            {"kind": "counter", "format": None, "stage": "overflowed"}
            | {"expected": {"count": 6}, "actual": {"count": 4}},
            "counter at session 1, layer 1, overflowed: expected 6, actual 4",
        ),
        (
            {"kind": "extra", "expected": None},
            "extra at session 1, .*: expected nothing, actual .*",
        ),
    ],
)
def test_divergences_of_all_kinds(run, folder, tmp_path, change, line):
    path = edited(folder, tmp_path, "fail", lambda tree: tree["first_divergence"].update(change))
    page = Page(drawn(run, tmp_path, path, code=1))
    assert sum(re.fullmatch(line, text) is not None for text in page.texts) == 2
    waveforms = [one for one in page.of("svg") if one["aria-label"].startswith("Waveform")]
    assert len(waveforms) == (change.get("around") is None)


def test_a_page_of_everything(run, folder, tmp_path):
    """Well-formed, every drawing with its words, every link with its end."""
    paths = files(folder, *ALL, "space.sqlite")
    text = drawn(run, tmp_path, *paths, code=1)
    page = Page(text)
    assert page.open == []
    drawings = page.of("svg")
    assert len(drawings) > 40
    assert all(one["role"] == "img" and len(one["aria-label"]) > 10 for one in drawings)
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names))
    for link in page.of("a"):
        assert link["href"].removeprefix("#") in names
    for table in page.of("table"):
        assert table["aria-label"]
    for said in ("Formats and ranges", "uniform model", "Confusion", "Critical path", "Pareto"):
        assert said in text, said
    assert len(page.of("section")) == len(paths)


def test_figures_are_those_of_the_result(run, folder, tmp_path):
    text = drawn(run, tmp_path, *files(folder, "whole", "synth", "estimate", "quantize"))
    tree = json.loads((folder / "whole.json").read_text())
    for tensor in tree["tensors"]:
        assert f"{tensor['tensor']} of layer {tensor['layer']}, {tensor['format']}" in text
        for count in tensor["magnitudes"]["counts"]:
            assert not count or f": {count} words</title>" in text
    for share in tree["accuracy"].values():
        assert f"<td>{share:.4f}</td>" in text
    assert f"{tree['curves'][0]['errors']['maximum_lsb']:.4g} LSB at" in text
    for cell in ("492", "1034", "174.4", "3.250", "layer 1, neuron 0, curve"):
        assert f">{cell}</td>" in text or f">{cell}</th>" in text, cell
    estimate = json.loads((folder / "estimate.json").read_text())["estimates"][0]
    assert f"<td>{estimate['lut']}</td>" in text
    for value in (tree["design"], tree["data"]["digest"], tree["machine"]["digest"]):
        assert f"<dd>{value}</dd>" in text or value in text
    assert f"<dd>{tree['versions']['numpy']}</dd>" in text


def test_nothing_is_loaded_and_only_its_own_script_may_run(run, folder, tmp_path):
    text = drawn(run, tmp_path, *files(folder, *ALL), code=1)
    page = Page(text)
    for _, attributes in page.elements:
        assert not {"src", "srcset", "style"} & attributes.keys()
        assert not any(name.startswith("on") for name in attributes)
        assert attributes.get("href", "#").startswith(("#", "data:,"))
    assert not re.search(r"@import|url\(|https?:(?!//www\.w3\.org/2000/svg)", text)
    (policy,) = (one["content"] for one in page.of("meta") if "http-equiv" in one)
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_the_same_results_give_the_same_bytes(run, folder, tmp_path, monkeypatch):
    """Wherever they lie, however long they took, on whatever machine."""
    first = drawn(run, tmp_path, *files(folder, *ALL, "space.sqlite"), code=1)
    other = tmp_path / "elsewhere" / "deeper"
    shutil.copytree(folder, other)
    tree = json.loads((other / "whole.json").read_text())
    tree |= {"seconds": {"golden": 5.0}, "inferences_per_second": 1e9}
    (other / "whole.json").write_text(json.dumps(tree, indent=3))
    monkeypatch.setattr(socket, "gethostname", lambda: "another")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert drawn(run, tmp_path, *files(other, *ALL, "space.sqlite"), code=1) == first
    for word in (str(tmp_path), str(folder), "/tmp", socket.gethostname()):
        assert word not in first


def test_absolute_paths_are_left_out(run, folder, tmp_path):
    def change(tree):
        tree["network"] |= {"file": "/home/me/secret/net.npz", "data": r"C:\Users\me\x.csv"}
        tree["hardware"]["note"] = 'failed: "/opt/tools/bin/yosys" (in /var/tmp/work/)'

    text = drawn(run, tmp_path, edited(folder, tmp_path, "sweep", change))
    assert "net.npz" in text and "x.csv" in text and "yosys" in text
    for word in ("/home", "secret", "Users", "/opt", "/var/tmp"):
        assert word not in text, word


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("fxp-s16/12,RND_CONV,SAT", "fxp-s16/12,RND_CONV,SAT"),
        ("60 a second, 3/4 and / alone", "60 a second, 3/4 and / alone"),
        ("in /a/b/c.txt: no", "in c.txt: no"),
        ("file:///a/b/c", "c"),
        ("a\x00b\u202ec\ud800\nd", "a�b�c� d"),
    ],
)
def test_text_as_it_is_shown(text, shown):
    assert cleaned({"name": [text]}) == {"name": [shown]}


def spread(tree, text):
    """Put a text wherever a result has one that is not a format, a digest or a word of its own."""
    kept = {"schema", "format", "input_format", "input", "output", "objectives", "constraints"}
    if isinstance(tree, dict):
        for name in list(tree):
            if name in kept:
                continue
            if isinstance(tree[name], str):
                tree[name] = text
            else:
                spread(tree[name], text)
        if tree and all(isinstance(value, str) for value in tree.values()):
            tree[text] = text
    elif isinstance(tree, list):
        for at, item in enumerate(tree):
            if isinstance(item, str):
                tree[at] = text
            else:
                spread(item, text)


@pytest.mark.parametrize("name", [*ALL, "fail"])
def test_html_in_names_is_text(run, folder, tmp_path, name):
    """In values and in keys: no element more than without it, and all of it shown."""
    plain = edited(folder, tmp_path, name, lambda tree: spread(tree, "plain"))
    run("report", str(plain), "-o", "plain.html")
    path = edited(folder, tmp_path, name, lambda tree: spread(tree, HOSTILE))
    left, _, err = run("report", str(path), "-o", "page.html", "--junit-xml", "page.xml")
    assert left in (0, 1), err
    page = Page((tmp_path / "page.html").read_text())
    expected = Page((tmp_path / "plain.html").read_text())
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in expected.elements]
    pairs = zip(page.elements, expected.elements, strict=True)
    assert all(set(ours) == set(theirs) for (_, ours), (_, theirs) in pairs)
    assert HOSTILE in "".join(page.texts)
    ElementTree.parse(tmp_path / "page.xml")


def test_characters_that_xml_has_not(run, folder, tmp_path):
    path = edited(folder, tmp_path, "prove", lambda tree: spread(tree, "a\x00\x0b\ud800\ufffe"))
    assert run("report", str(path), "-o", "p.html", "--junit-xml", "p.xml")[0] == 1
    ElementTree.parse(tmp_path / "p.xml")


def test_design_files_are_those_that_were_saved(run, folder, tmp_path):
    """What the page's script puts together is what `Design.save` writes."""
    for source in ("sweep.json", "space.sqlite"):
        text = drawn(run, tmp_path, folder / source)
        (store,) = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text)
        assert "<" not in store
        kept = json.loads(store)
        taken = re.findall(r'data-file="(\d+)" data-name="(\w+)\.json"', text)
        assert len(taken) >= 2
        for number, name in taken:
            pieces = kept["files"][int(number)]
            whole = "".join(kept["parts"][p] if isinstance(p, int) else p for p in pieces)
            (tmp_path / "design.json").write_text(whole)
            design = Design.load(tmp_path / "design.json")
            assert design.digest[:12] == name
            design.save(tmp_path / "again.json")
            assert (tmp_path / "again.json").read_text() == whole


def test_the_chosen_design_is_selected_though_off_the_front(run, folder, tmp_path):
    def change(tree):
        tree["chosen"] = tree["front"].pop()

    text = drawn(run, tmp_path, edited(folder, tmp_path, "sweep", change))
    tree = json.loads((folder / "sweep.json").read_text())
    radios = Page(text).of("input")
    assert len(radios) == len(tree["front"])
    assert ["checked" in radio for radio in radios] == [False] * (len(radios) - 1) + [True]


def test_a_store_is_only_read(run, folder, tmp_path):
    path = tmp_path / "space.sqlite"
    shutil.copy(folder / "space.sqlite", path)
    before = path.read_bytes()
    text = drawn(run, tmp_path, path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["page.html", "space.sqlite"]
    assert "Pareto front of accuracy, lut, latency" in text
    run("report", str(path), "-o", "page.html", "--objectives", "sqnr,bits")
    assert "Pareto front of sqnr, bits" in (tmp_path / "page.html").read_text()
    code, _, err = run("report", str(path), "-o", "page.html", "--objectives", "sqnr,lux")
    assert code == 2
    assert re.fullmatch(r"bittrue: an objective must be one of accuracy, .*, got 'lux'\n", err)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda tree: None, 0),
        (lambda tree: tree.update(chosen=None), 1),
        (lambda tree: tree.update(chosen=None, constraints=[]), 0),
        (lambda tree: tree.update(chosen=None, constraints=[], front=[]), 1),
    ],
)
def test_a_sweep_fails_where_no_point_meets_its_constraints(run, folder, tmp_path, change, code):
    drawn(run, tmp_path, edited(folder, tmp_path, "sweep", change), code=code)


@pytest.mark.parametrize(
    "change",
    [
        {"differing": 1},
        {"missing": 1},
        {"extra": 1},
        {"stalled_at": 7},
        {"compared": 0},
    ],
)
def test_a_verification_passes_only_whole(run, folder, tmp_path, change):
    path = edited(folder, tmp_path, "verify", lambda tree: tree.update(change))
    assert "FAIL" in drawn(run, tmp_path, path, code=1)


def test_results_that_compare_nothing_are_not_judged(run, folder, tmp_path):
    text = drawn(run, tmp_path, *files(folder, "study", "synth", "quantize"))
    assert "NOTHING JUDGED" in text and "PASS" not in text


def test_published_figures_that_differ_fail(run, folder, tmp_path):
    def change(tree):
        mean = {"mean": 0.5, "standard_error": 0.1}
        row = {"width": 5, "figure": "accuracy", "found": mean, "published": 0.9}
        row |= {"difference": -0.4, "allowed": 0.2, "within": False}
        tree["reference"] = {"file": "theirs.csv", "source": "a paper", "line": "fit"}
        tree["reference"] |= {"agrees": False, "verdict": "0 of 1 agree", "figures": [row]}

    text = drawn(run, tmp_path, edited(folder, tmp_path, "study", change), code=1)
    assert "accuracy, 5 bits: 0.5, published 0.9" in text and "a paper" in text


REFUSED = {
    "no file": (None, "a result must be a file that is there, got {path}"),
    "empty": (b"", "{path} must be a result as JSON or a store of a sweep, got expecting value "),
    "cut": (b'{"schema": "bitt', "{path} must be a result as JSON or a store of a sweep, got un"),
    "binary": (b"\xff\xfe\x00", "{path} must be a result .*, got bytes that are no text"),
    "a list": (b"[1]", "{path} must be a result of verify, .*, got JSON without a schema"),
    "no schema": (b"{}", "{path} must be a result of verify, .*, got JSON without a schema"),
    "a design": (
        b'{"schema": "bittrue.design"}',
        '.* must be a result of .*, got "bittrue.design"',
    ),
    "newer": (
        b'{"schema": "bittrue.sweep/2"}',
        '.* must be of bittrue.sweep/1, got "bittrue.sweep/2": another version of bittrue wrote it',
    ),
    "a part": (
        b'{"schema": "bittrue.prove/1"}',
        ".* must be a whole result of bittrue prove, got a damaged one: proven is missing",
    ),
    "not a number": (b'{"schema": NaN}', ".*, got the number NaN, which is not JSON"),
    "deep": (b"[" * 5000, ".*, got lists within lists without end"),
    "nested": (
        b'{"schema": "bittrue.prove/1", "machine": ' + b"[" * 99 + b"]" * 99 + b"}",
        ".* a damaged one: a result must be nested at most 40 deep, got more",
    ),
    "a damaged store": (b"SQLite format 3\0" + b"\1" * 500, "{path} must be a whole store, got .*"),
    "html": (b'{"schema": "<b>\x1b[31m"}', ".*got invalid control character .*"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_result_is_refused_in_one_sentence(run, tmp_path, name):
    content, message = REFUSED[name]
    if content is not None:
        (tmp_path / "in.json").write_bytes(content)
    code, out, err = run("report", "in.json", "-o", "page.html", "--json", "page.json")
    assert (code, out) == (2, "")
    assert re.match(f"bittrue: {message.format(path='in.json')}", err), err
    assert err.count("\n") == 1 and err.isprintable() is False and err[:-1].isprintable()
    assert not (tmp_path / "page.html").exists() and not (tmp_path / "page.json").exists()


def test_folders_repeats_and_targets_are_refused(run, folder, tmp_path):
    shutil.copy(folder / "prove.json", tmp_path / "a.json")
    shutil.copy(folder / "prove.json", tmp_path / "b.json")
    for words, message in (
        ((".", "-o", "p.html"), "a result must be a file that can be read, got .*: a folder"),
        (("a.json", "b.json", "-o", "p.html"), "each result must be given once, got b.json twice"),
        (("a.json", "-o", "p.pdf"), "--output must end in .html or .htm, got p.pdf"),
        (("a.json", "-o", "no/p.html"), "--output must lie in a folder that can be written, .*"),
        (("a.json", "--json", "a.json"), "a report must not overwrite a result, got a.json as .*"),
        (("a.json", "-o", "p.html", "--json", "p.html"), "each result must have a file .* twice"),
    ):
        code, out, err = run("report", *words)
        assert (code, out) == (2, "")
        assert re.fullmatch(f"bittrue: {message}\n", err), err
    assert run("report")[0] == 2


def test_an_empty_store_is_refused(run, folder, tmp_path):
    shutil.copy(folder / "space.sqlite", tmp_path / "s.sqlite")
    database = sqlite3.connect(tmp_path / "s.sqlite")
    database.execute("DELETE FROM rows")
    database.commit()
    database.close()
    code, _, err = run("report", "s.sqlite")
    assert (code, err) == (2, "bittrue: s.sqlite must be a store with rows, got an empty one\n")


ODD = (None, -1, 0, 1, 2**62, 1e-300, 1e99, "", "fxp-u1/0", [], {}, True, [[]], "x" * 99)


def mutated(tree, rng):
    """Change one place of a result: take it away, or put something there, mostly of its type."""
    place = tree
    while True:
        key = rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
        inner = place[key]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.85:
            place = inner
            continue
        if rng.random() < 0.05:
            del place[key]
        else:
            alike = [odd for odd in ODD if type(odd) is type(inner)]
            place[key] = rng.choice(alike if alike and rng.random() < 0.8 else ODD)
        return


@pytest.mark.parametrize("name", [*ALL, "fail"])
def test_damaged_results_are_drawn_or_refused(folder, tmp_path, name):
    """No other end: drawn well-formed, or refused by a message of ours."""
    rng, path = random.Random(name), tmp_path / "damaged.json"
    text = (folder / f"{name}.json").read_text()
    ends = {"drawn": 0, "refused": 0}
    for _ in range(25):
        tree = json.loads(text)
        for _ in range(rng.randint(1, 3)):
            mutated(tree, rng)
        path.write_text(json.dumps(tree))
        try:
            stored = in_order(read_results([path]))
        except BittrueError:
            ends["refused"] += 1
            continue
        assert Page(html_of(stored, checks_of(stored))).open == []
        ends["drawn"] += 1
    assert ends["refused"] > 2 and ends["drawn"] > 2


@pytest.mark.parametrize("dropped", [0, 1, 2, 3])
@pytest.mark.parametrize("mode", Rounding)
def test_the_uniform_model_is_what_rounding_does_to_all_codes(mode, dropped):
    """Every code of a format once, both signs alike: the model is exact."""
    source, target = Format(True, 8 + dropped, dropped), Format(True, 9, 0)
    codes = source.codes()
    errors = requantize(codes, source, target, mode, Overflow.SAT) - codes * source.lsb
    finest = 2.0**-dropped
    low = float(errors.min()) - finest / 2
    count = round((float(errors.max()) - float(errors.min())) / finest) + 1
    at = np.rint((errors - errors.min()) / finest).astype(int)
    found = np.bincount(at, minlength=count)
    bins = Bins(width=finest, first=low, counts=found.tolist())
    expected = uniform_model(
        bins, centres_of(mode.value, dropped, float(errors.mean())), len(codes)
    )
    # of 2**8 words between two multiples, those at the ends of the range are on one side only
    np.testing.assert_allclose(expected, found, atol=len(codes) / 2**8)


def test_windows():
    assert window_of(Format(True, 8, 3)) == (-3, 4)
    assert window_of(Format(False, 8, 7)) == (-7, 1)


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        (Scale(0, 10, 0, 1), [0, 2, 4, 6, 8, 10]),
        (Scale(-0.3, 0.3, 0, 1), [-0.2, 0, 0.2]),
        (Scale(2, 4, 0, 1, whole=True), [2, 3, 4]),
        (Scale(0.5, 2000, 0, 1, log=True), [1, 10, 100, 1000]),
        (Scale(0.5, 30, 0, 1, log=True), [0.5, 1, 2, 5, 10, 20]),
        (Scale(1e-9, 1e9, 0, 1, log=True), [1e-9, 1e-5, 1e-1, 1e3, 1e7]),
    ],
)
def test_ticks(scale, ticks):
    np.testing.assert_allclose(scale.ticks(), ticks, atol=1e-12)


def test_spans_have_room():
    for values in ([], [3.0], [0.0, 0.0], [1e90, 1e90], [None, 2.0], [-5.0, 5.0]):
        low, high = spanned(values)
        assert low < high
        assert all(low < value < high for value in values if value is not None)


def test_the_command_knows_every_kind():
    assert {command for command, _ in KINDS.values()} == {
        *("verify", "prove", "quantize", "study", "sweep", "synth"),
    }


def test_help_teaches(run):
    code, out, _ = run("report", "--help")
    assert code == 0
    for word in ("Example", "--junit-xml", "--json", "Exit codes", "--objectives"):
        assert word in out
