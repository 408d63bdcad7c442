"""The readers that are fuzzed, and for each the files that its inputs are made from."""

import gzip
import json
import struct
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
from designs import drawn_design
from qonnx_networks import Drawn
from stored_results import PROVE, SYNTH, command

from bittrue.flow.config import resolve
from bittrue.flow.data import load
from bittrue.flow.designs import read_either
from bittrue.flow.importers import read_model
from bittrue.flow.onnx_export import onnx_model
from bittrue.flow.report_results import read_results
from bittrue.flow.space import FIGURES, read_space
from bittrue.flow.store import Row, Store
from bittrue.flow.study_config import study_settings
from bittrue.flow.study_reference import read_reference
from bittrue.flow.sweep_designs import kept_designs
from bittrue.flow.sweep_network import kept_network
from bittrue.hdl.machine import Machine
from bittrue.model.exceptions import BittrueError
from bittrue.model.files import dump_json
from bittrue.model.golden import GoldenNetwork
from bittrue.model.golden_file import save_golden
from bittrue.sim.mutate_vectors import read_lessons, read_sessions, read_vectors

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
FIXTURES = Path(__file__).parent.parent / "fixtures"


VECTORS_FOR = drawn_design(1, (1, 1))
VECTORS_ON = Machine(VECTORS_FOR.shape)
"""What the vectors are for: the smallest network."""

LONG_SCRIPT = 4000
"""Bytes of a file of vectors that is no longer short."""


@dataclass(frozen=True)
class Target:
    """A reader under fuzz.

    Members
    -------
    name : str
        What it is called in options, tallies and the corpus.
    kind : str
        Of the file, which says how it is spoilt with a sense of its structure.
    file : str
        The name that inputs are given.
    seeds : callable
        Whole files that the reader takes.
    read : callable
        Reads a file as the command line would.
    beside : dict
        Files that stand beside it.
    writes : bool
        Whether it may write to the file, and to files beside it named after it.
    """

    name: str
    kind: str
    file: str
    seeds: Callable[[], list[bytes]]
    read: Callable[[Path], object]
    beside: Mapping[str, bytes] = field(default_factory=dict)
    writes: bool = False


def _saved(save: Callable[[Path], object]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        save(path)
        [written] = [p for p in Path(folder).iterdir() if not p.name.endswith(".lock")]
        return written.read_bytes()


def design_files() -> list[bytes]:
    """Return designs: without and with biases, of a mirrored curve and of one that is not."""
    designs = [
        drawn_design(1, (3, 3, 3)),
        drawn_design(2, (2, 1), "fxp-u6/3", bias=True, curve="relu"),
        drawn_design(3, (1, 2, 1, 2), bias=True),
    ]
    return [_saved(design.save) for design in designs]


def golden_files() -> list[bytes]:
    """Return golden networks, plain ones and one that was trained."""
    book = GoldenNetwork(3, 3, 3, 0.3, 1)
    deep = GoldenNetwork(2, (2, 1), 2, 0.1, 2, biases=True, rule="gradient", activation="tanh")
    training = {"digest": "0", "held_out": 10, "epochs": [{"accuracy": 0.5}]}
    return [
        _saved(lambda path: save_golden(book, path)),
        _saved(lambda path: save_golden(deep, path, training)),
    ]


def data_files() -> list[bytes]:
    """Return ``.npz`` files of samples: floats, pixels, packed, of other types of labels."""
    rng = np.random.default_rng(3)
    labels = np.array([0, 1, 2])
    floats = rng.random((3, 4))
    pixels = rng.integers(0, 256, (3, 4), np.uint8)

    def saved(write: Callable[..., None], **arrays: object) -> bytes:
        def save(path: Path) -> None:
            with path.open("wb") as file:
                write(file, **arrays)

        return _saved(save)

    return [
        saved(np.savez, inputs=floats, labels=labels),
        saved(np.savez, x=np.asfortranarray(floats.astype(np.float32)), y=labels.astype(np.uint8)),
        saved(np.savez_compressed, inputs=pixels, labels=labels.astype(np.int16)),
    ]


def idx_file(shape: tuple[int, ...], seed: int = 4) -> bytes:
    """Return an IDX file of drawn bytes; of a single dimension, of labels."""
    drawn = np.random.default_rng(seed).integers(0, 10 if len(shape) == 1 else 256, shape, np.uint8)
    header = struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape)
    return header + drawn.tobytes()


def packed(content: bytes) -> bytes:
    """Return a gzip file, fast and always the same."""
    return gzip.compress(content, 1, mtime=0)


def image_files() -> list[bytes]:
    """Return files of three images."""
    return [idx_file((3, 2, 2)), packed(idx_file((3, 4, 4))), idx_file((3, 1, 1))]


def label_files() -> list[bytes]:
    """Return files of three labels."""
    return [idx_file((3,)), packed(idx_file((3,), 5))]


def csv_files() -> list[bytes]:
    """Return rows of labels and pixels, with a header, blank lines and odd but whole numbers."""
    plain = b"7,0,255,12\n1,3,4,5\n0,0,0,0\n"
    odd = b"\xef\xbb\xbflabel,1x1,1x2\r\n\r\n 3, 7.0 ,2.5e1\r\n4,0,1"
    return [plain, odd, packed(plain)]


def toml_files(*names: str) -> Callable[[], list[bytes]]:
    """Return examples by name and other text as it is."""
    return lambda: [
        (EXAMPLES / name).read_bytes() if name.endswith(".toml") else name.encode()
        for name in names
    ]


def reference_files() -> list[bytes]:
    """Return published figures."""
    short = (
        b"# source: a paper, table 2\n# seeds: 3\nwidth,accuracy,agreement,sqnr\n"
        b'golden,0.97,,\n8,0.96,0.98,"31.5"\n12,0.97,,50\n'
    )
    return [short, (EXAMPLES / "digits-table.csv").read_bytes()]


def store_files() -> list[bytes]:
    """Return a store of rows, networks and designs, and one without rows."""

    def fill(path: Path) -> None:
        design = drawn_design(1, (1, 1))
        figures = dict.fromkeys(FIGURES, 0.5)
        with Store(path) as store:
            store.add(
                [
                    Row("a", {"width": 8}, "w", "d", "0", design.digest, None, figures),
                    Row("b", {"curve": ["fit", "plan"]}, "w", "d", "0", None, "too wide", {}),
                ]
            )
            store.add_network("r", golden_files()[0])
            store.add_designs({design.digest: dump_json(design.to_json()).encode()})

    return [_saved(fill), _saved(lambda path: Store(path).close())]


def read_store(path: Path, *, writable: bool = False) -> object:
    """Read all that a store holds."""
    with Store(path, writable=writable) as store:
        rows = store.rows()
        kept = kept_designs(store, store.designs())
        network = store.network("r")
        if network is not None:
            kept_network(network)
        return rows, kept, len(store)


def read_points(path: Path) -> object:
    """Read a space, and some of its points."""
    space = read_space(path)
    return list(islice(space.grid(), 3)), space.size


def vector_files() -> list[bytes]:
    """Return sessions with weights of their own and without, lessons, and driven cycles."""
    weights = [array.tolist() for array in VECTORS_FOR.weights.weights]
    sessions = [{"name": "a", "codes": [[1], [-1]], "weights": weights}, {"codes": [[0]]}]
    lesson = {"codes": [[1], [2]], "targets": [[1], [0]], "weights": weights, "state": 44257}
    cycles = {"machine": VECTORS_ON.digest, "driven": ["0", "3", "1f"], "deposits": {}}
    trees = [{"sessions": sessions}, {"lessons": [lesson]}, {"vectors": [cycles]}]
    return [json.dumps(tree).encode() for tree in trees]


def onnx_files() -> list[bytes]:
    """Return networks of torch and Brevitas, drawn ones, and one that we wrote."""
    fixtures = Path(__file__).parent.parent / "fixtures"
    names = ("torch-normed", "torch-clipped", "keras-exported", "brevitas-relu", "brevitas-sigmoid")
    ours = onnx_model(drawn_design(2, (2, 3, 1), bias=True, curve="relu"), "qdq")
    return [
        *((fixtures / f"{name}.onnx").read_bytes() for name in names),
        *(Drawn(seed, 1).model(1).SerializeToString() for seed in (2, 3)),
        ours.SerializeToString(),
    ]


def keras_files() -> list[bytes]:
    """Return networks of Keras, a Sequential and a Functional one."""
    return [
        (FIXTURES / f"keras-{kind}.keras").read_bytes() for kind in ("sequential", "functional")
    ]


def safetensors_files() -> list[bytes]:
    """Return weights of torch, and layers without numbers, one of them without biases."""
    half = {"dtype": "BF16", "shape": [3, 2], "data_offsets": [0, 12]}
    full = {"dtype": "F64", "shape": [1, 3], "data_offsets": [12, 36]}
    header = json.dumps({"__metadata__": {"a": "b"}, "in.weight": half, "out.weight": full})
    written = len(header).to_bytes(8, "little") + header.encode() + bytes(36)
    return [(FIXTURES / "torch-mlp.safetensors").read_bytes(), written]


def read_weights(path: Path) -> object:
    """Read a file of weights alone."""
    return read_model(path, "sigmoid")


def read_plain(path: Path) -> object:
    """Read arrays of weights, or else a network; refuse a file where both do."""
    return read_weights(path) if refused_or(lambda: read_model(path)) else None


def plain_files() -> list[bytes]:
    """Return arrays of weights and biases."""
    arrays = {"W0": np.ones((2, 3)), "b0": np.zeros(2), "W1": np.ones((1, 2), np.float32)}
    return [_saved(lambda path: _save_arrays(path, arrays)), *golden_files()]


def _save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    with path.open("wb") as file:
        np.savez(file, **arrays)


def code_files() -> list[bytes]:
    """Return lines of codes."""
    return [b"1\n-1\n\n0\n", b"0\n"]


def refused_or(read: Callable[[], object]) -> BittrueError | None:
    """Return the refusal of a file, if it is refused."""
    try:
        read()
    except BittrueError as error:
        return error
    return None


def read_all_vectors(path: Path) -> None:
    """Read a file as sessions, lessons and a script; refuse it where all of them do.

    A script is followed cycle by cycle, which is more than reading: only short ones are.
    """
    short = path.stat().st_size < LONG_SCRIPT
    refusals = [
        *([refused_or(lambda: read_vectors(path, VECTORS_FOR, VECTORS_ON))] if short else []),
        refused_or(lambda: read_sessions(path, VECTORS_FOR)),
        refused_or(lambda: read_lessons(path, VECTORS_FOR)),
    ]
    found = [refusal for refusal in refusals if refusal is not None]
    if len(found) == len(refusals):
        raise found[0]


@cache
def result_files() -> list[bytes]:
    """Return results of a verification, of synthesis and of proofs."""
    _, verified = command(
        "verify", "--queries", "1", "--no-ports", "--engine", "amaranth", "--json"
    )
    return [verified.encode(), *(json.dumps(tree).encode() for tree in (SYNTH, PROVE))]


CONFIG = """
format = "ap_fixed<16,4,AP_RND,AP_SAT>"
weight-type = ["fxp-s16/12", "Q4.12,TRN,WRAP"]
curve = ["fit", "plan"]
segments = 16
seed = 3
pe = [1, 2]
stalls = 0.25
"""
WIDTH = 'width = 8\nmethod = "l1"\nmargin = 0.5\ntolerance = 1e-3\nqueries = 5\nengine = "auto"\n'
SPACE = """
objectives = ["accuracy", "lut"]
choose = "lut"
[network]
data = "digits"
layers = [64, 10]
[space]
width = [8, 10]
curve = [["fit", "plan"], "plan"]
segments = [4, 8]
tolerance = 0.01
target = "ecp5"
[search]
method = "random"
points = 20
[hardware]
counters = "none"
[constraints]
accuracy = ">= 0.9"
"""
STUDY = 'data = "digits"\ntrain = [64, 10]\nseeds = 2\nreference = "a.csv"\n'
WIDTHS = (3, 4, 5, 6, 8, 10, 12, 16)

TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        Target("design", "json", "design.json", design_files, read_either),
        Target("golden", "npz", "golden.npz", golden_files, read_either),
        Target("data-npz", "npz", "data.npz", data_files, lambda path: load(str(path))),
        Target(
            "idx",
            "idx",
            "images-idx3-ubyte",
            image_files,
            lambda path: load(str(path)),
            {"labels-idx1-ubyte": idx_file((3,))},
        ),
        Target(
            "idx-labels",
            "idx",
            "labels-idx1-ubyte.gz",
            label_files,
            lambda path: load(f"{path.with_name('images')},{path}"),
            {"images": idx_file((3, 2, 2))},
        ),
        Target("csv", "csv", "data.csv", csv_files, lambda path: load(str(path))),
        Target(
            "unnamed",
            "csv",
            "images.bin",
            lambda: [*csv_files(), *image_files()],
            lambda path: load(str(path)),
            {"labels.bin": idx_file((3,))},
        ),
        Target(
            "config",
            "toml",
            "config.toml",
            toml_files(CONFIG, WIDTH),
            lambda path: resolve({}, path).config,
        ),
        Target("space", "toml", "space.toml", toml_files(SPACE, "digits.toml"), read_points),
        Target(
            "study",
            "toml",
            "study.toml",
            toml_files(STUDY, "digits-table.toml"),
            lambda path: study_settings({}, path, trained=False),
        ),
        Target(
            "reference",
            "csv",
            "reference.csv",
            reference_files,
            lambda path: read_reference(path, WIDTHS),
        ),
        Target("vectors", "json", "vectors.json", vector_files, read_all_vectors),
        Target("vectors-csv", "csv", "vectors.csv", code_files, read_all_vectors),
        Target("onnx", "onnx", "model.onnx", onnx_files, read_model),
        Target("keras", "keras", "model.keras", keras_files, read_model),
        Target("safetensors", "safetensors", "a.safetensors", safetensors_files, read_weights),
        Target("plain-npz", "npz", "plain.npz", plain_files, read_plain),
        Target("results", "json", "results.json", result_files, lambda path: read_results([path])),
        Target("store", "sqlite", "store.sqlite", store_files, read_store),
        Target(
            "store-writable",
            "sqlite",
            "store.sqlite",
            store_files,
            lambda path: read_store(path, writable=True),
            writes=True,
        ),
    )
}
