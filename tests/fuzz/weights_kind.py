"""Spoiling files of weights, ``.keras`` and ``.safetensors``, deep inside of what wraps them."""

import io
import json
import zipfile
from random import Random

from .bytewise import spoilt
from .json_kind import json_spoilt

NAMES = ("../config.json", "config.json", "model.weights.h5", "\x1b.json", "assets/x", "x")
LENGTHS = (0, 1, 8, 1 << 20, 1 << 32, (1 << 63) - 1, (1 << 64) - 1)


def keras_spoilt(rng: Random, content: bytes) -> bytes:
    """Return a zip with a text or the weights spoilt, an entry gone, renamed or packed."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            entries = {info.filename: file.read(info) for info in file.infolist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return content
    name = rng.choice(("config.json", "config.json", "model.weights.h5", "metadata.json"))
    data = entries.pop(name, b"")
    act = rng.randrange(10)
    if act == 0:
        name = rng.choice(NAMES)
    elif act == 1:
        data += bytes(rng.choice((1, 8, 1 << 20)))
    elif act > 2:
        texts = name.endswith(".json") and rng.random() < 0.9
        data = json_spoilt(rng, data) if texts else spoilt(rng, data, "keras", [data])
    if act != 2:
        entries[name] = data
    page = io.BytesIO()
    method = rng.choice((0, 0, 0, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    with zipfile.ZipFile(page, "w", method) as file:
        for entry, kept in entries.items():
            file.writestr(entry, kept)
    return page.getvalue()


def safetensors_spoilt(rng: Random, content: bytes) -> bytes:
    """Return tensors with another header, other bytes, or another length of either."""
    length = int.from_bytes(content[:8], "little")
    header, data = content[8 : 8 + length], content[8 + length :]
    act = rng.randrange(8)
    if act == 0:
        return rng.choice(LENGTHS).to_bytes(8, "little") + header + data
    if act == 1:
        data = data[: rng.randrange(len(data) + 1)] + bytes(rng.choice((0, 1, 4, 1 << 20)))
    elif act == 2:
        data = rng.choice((b"\x00\x00\xc0\x7f", b"\xff\xff\x7f\x7f")) * (len(data) // 4)
    elif act == 3:
        header = _moved(rng, header)
    else:
        header = json_spoilt(rng, header)
    return len(header).to_bytes(8, "little") + header + data


def _moved(rng: Random, header: bytes) -> bytes:
    """Return a header in which a tensor lies elsewhere, or is of another shape or type."""
    try:
        tree = json.loads(header)
        said = tree[rng.choice(sorted(tree))]
        field = rng.choice(("data_offsets", "shape", "dtype"))
        numbers = [rng.choice((0, 1, 2, 5, 160, 1 << 40, 1 << 70, -1)) for _ in "ab"]
        said[field] = rng.choice(("F16", "BF16", "I8", "F8_E4M3")) if field == "dtype" else numbers
        return json.dumps(tree).encode()
    except (ValueError, LookupError, TypeError):
        return header
