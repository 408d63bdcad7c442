"""Files that are written down, not drawn: large, or telling of more than they hold."""

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterator

import h5py
import numpy as np
from designs import drawn_design

from bittrue.model.files import dump_json

from .readers import design_files, golden_files, keras_files

MIB = 1 << 20


def bombs() -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """Yield reader, what the file is, and a call that makes it."""
    yield "design", "8 million empty lists", lambda: b"[" + b"[]," * (8 * MIB) + b"[]]"
    yield "design", "12 million numbers", lambda: b"[" + b"1," * (12 * MIB) + b"1]"
    yield "design", "an open bracket 10 million times", lambda: b"[" * (10 * MIB)
    yield "design", "a text of 16 MiB for a name", lambda: _renamed("x" * (16 * MIB))
    yield "design", "one long text among many short ones", _uneven
    yield "design", "a number of 4 million digits", lambda: b"1" * (4 * MIB)
    yield "design", "1.7 million codes, all right", lambda: _large((1700, 1000, 1))
    yield "golden", "sizes without arrays", lambda: _retold(sizes=[10**9, 10**9, 10])
    yield "golden", "a learning rate above all floats", lambda: _retold(learning_rate=10**400)
    yield "golden", "64 MiB of weights", _heavy
    for name in ("golden", "data-npz"):
        yield name, "an array of 8 TB in 200 bytes", lambda: _zip({"inputs.npy": _npy("(10**12,)")})
        yield name, "1 TB told, none there", lambda: _zip({"inputs.npy": _npy("(137438953472,)")})
        yield name, "256 MiB of zeros, deflated", lambda: _zip({"x.npy": bytes(1 << 28)}, 8)
        yield name, "64 MiB of zeros, as LZMA", lambda: _zip({"x.npy": bytes(1 << 26)}, 14)
        yield name, "20,000 entries", lambda: _zip({f"{n}.npy": b"" for n in range(20_000)})
        yield name, "a list of entries and nothing else", lambda: _directory(200_000)
    yield "idx", "4 billion images told", lambda: _idx((0xFFFFFFFF, 65535, 65535))
    yield (
        "idx",
        "256 MiB of zeros, gzipped",
        lambda: gzip.compress(_idx((3, 2, 2)) + bytes(1 << 28), 1),
    )
    yield "idx-labels", "256 MiB of labels, gzipped", lambda: gzip.compress(bytes(1 << 28), 1)
    yield "csv", "256 MiB of blank lines, gzipped", lambda: gzip.compress(b"\n" * (1 << 28), 1)
    yield "csv", "a line of 32 MiB", lambda: b"0,10" * (8 * MIB)
    yield "csv", "a million rows", lambda: b"1,2\n" * MIB
    for name in ("config", "space", "study"):
        yield name, "a key of 30,000 parts", lambda: b".".join([b"a"] * 30_000) + b" = 1"
        yield name, "a table in 30,000 tables", lambda: b"[" + b".".join([b"a"] * 30_000) + b"]"
        yield name, "16 MiB of comment", lambda: b"#" * (16 * MIB)
        yield name, "an array in 30,000 arrays", lambda: b"seed = " + b"[" * 30_000
    for method, title in ((0, "stored"), (8, "deflated"), (14, "as LZMA")):
        yield "keras", f"256 MiB of zeros, {title}", lambda m=method: _keras(bytes(1 << 28), m)
    yield "keras", "20,000 entries", lambda: _zip({f"{n}.json": b"" for n in range(20_000)})
    yield "keras", "weights of 8 TB that are not there", _unwritten
    yield "keras", "a layer of 10**12 units", lambda: _keras(b"", units=10**12)
    yield "keras", "4 million layers", lambda: _keras(b"", layers=[0] * (1 << 22))
    yield "safetensors", "a header of 8 EB", lambda: b"\xff" * 7 + b"\x6f{}"
    yield "safetensors", "a tensor of 8 TB", lambda: _tensors([1 << 20, 1 << 20], 1 << 43)
    yield "safetensors", "10**12 empty rows", lambda: _tensors([10**12, 0], 0)
    yield "safetensors", "a header of 16 MiB", lambda: _tensors([1] * (4 * MIB), 8)
    yield "reference", "16 MiB of line ends", lambda: b"# source: x\n" + b"\n" * (16 * MIB)
    yield "reference", "a cell of 1 MiB", lambda: b"# source: x\nwidth,sqnr\n8," + b"1" * (MIB - 99)


def _large(sizes: tuple[int, ...]) -> bytes:
    return dump_json(drawn_design(1, sizes).to_json()).encode()


def _renamed(name: str) -> bytes:
    tree = json.loads(design_files()[0])
    tree["shape"]["layers"][0]["curve"]["name"] = name
    return json.dumps(tree).encode()


def _uneven() -> bytes:
    tree = json.loads(design_files()[0])
    tree["weights"][0]["weights"] = ["A" * 20_000] + [""] * 20_000
    return json.dumps(tree).encode()


def _retold(**fields: object) -> bytes:
    with np.load(io.BytesIO(golden_files()[0])) as file:
        arrays = dict(file)
    about = json.loads(arrays["about"].tobytes()) | fields
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    page = io.BytesIO()
    np.savez(page, **arrays)
    return page.getvalue()


def _heavy() -> bytes:
    """Return a network that is right, and large."""
    page = io.BytesIO()
    with np.load(io.BytesIO(golden_files()[0])) as file:
        about = json.loads(file["about"].tobytes()) | {
            "sizes": [2048, 4096],
            "activations": ["tanh"],
        }
    told = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(page, about=told, weights_0=np.zeros((4096, 2048)))
    return page.getvalue()


def _npy(shape: str) -> bytes:
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(64)


def _zip(entries: dict[str, bytes], method: int = 0) -> bytes:
    page = io.BytesIO()
    with zipfile.ZipFile(page, "w", method) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return page.getvalue()


def _keras(weights: bytes, method: int = 0, **fields: object) -> bytes:
    """Return a network of Keras with other weights, and fields of its first dense layer."""
    with zipfile.ZipFile(io.BytesIO(keras_files()[1])) as file:
        texts = {name: file.read(name) for name in ("metadata.json", "config.json")}
    tree = json.loads(texts["config.json"])
    (tree if "layers" in fields else tree["config"]["layers"][1])["config"].update(fields)
    texts["config.json"] = json.dumps(tree).encode()
    return _zip({**texts, "model.weights.h5": weights}, method)


def _unwritten() -> bytes:
    """Return a network of Keras whose weights are only told of, which HDF5 reads as zeros."""
    page = io.BytesIO()
    with h5py.File(page, "w") as file:
        file.create_dataset("layers/dense/vars/0", (1 << 20, 1 << 20), "<f8")
        file.create_dataset("layers/dense/vars/1", (1 << 20,), "<f8", compression="gzip")
    return _keras(page.getvalue(), units=1 << 20)


def _tensors(shape: list[int], size: int) -> bytes:
    said = {"0.weight": {"dtype": "F64", "shape": shape, "data_offsets": [0, size]}}
    header = json.dumps(said).encode()
    return len(header).to_bytes(8, "little") + header + bytes(min(size, 64))


def _directory(count: int) -> bytes:
    """Return a zip file's end: entries that all point to its start."""
    entry = b"PK\x01\x02" + bytes(24) + struct.pack("<H", 1) + bytes(16) + b"x"
    size = len(entry) * count
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 65535, 65535, size, 0, 0)
    return entry * count + end


def _idx(shape: tuple[int, ...]) -> bytes:
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape)
