"""Spoiling a file with a sense of what it is, so that what is spoilt lies deep inside."""

import gzip
import io
import json
import re
import sqlite3
import struct
import warnings
import zipfile
from collections.abc import Callable
from random import Random

from .bytewise import spoilt
from .hostile import NUMBERS, TEXTS
from .json_kind import DEEP, json_spoilt
from .onnx_kind import onnx_spoilt
from .weights_kind import keras_spoilt, safetensors_spoilt


def toml_spoilt(rng: Random, content: bytes) -> bytes:
    """Return TOML with lines taken out, doubled, moved, or with another value."""
    lines = content.decode("utf-8", "replace").splitlines()
    for _ in range(rng.choice((1, 1, 2, 4))):
        if not lines:
            break
        place = rng.randrange(len(lines))
        act = rng.randrange(5)
        if act == 0:
            lines.pop(place)
        elif act == 1:
            lines.insert(rng.randrange(len(lines) + 1), lines[place])
        else:
            name = lines[place].partition("=")[0]
            lines[place] = f"{name.strip() or rng.choice(TEXTS)} = {_toml_value(rng)}"
    return "\n".join(lines).encode("utf-8", "replace")


def _toml_value(rng: Random, depth: int = 0) -> str:
    kind = rng.randrange(9 if depth < 2 else 4)
    if kind < 2:
        return rng.choice(NUMBERS)
    if kind < 4:
        return json.dumps(rng.choice(TEXTS), ensure_ascii=rng.random() < 0.5)
    if kind < 6:
        items = (_toml_value(rng, depth + 1) for _ in range(rng.choice((0, 1, 2, 3))))
        return f"[{', '.join(items)}]"
    return rng.choice(
        (
            "[" * DEEP,
            "[" * 300 + "]" * 300,
            "{a = " * 300 + "1" + "}" * 300,
            f"{{ {rng.choice('abc')} = {_toml_value(rng, depth + 1)} }}",
            "1979-05-27",
            "[" + "0," * 20_000 + "]",
            "1\n" + ".".join("a" * 2000) + " = 1",
            "1\n[" + ".".join("ab" * 500) + "]",
        )
    )


def csv_spoilt(rng: Random, content: bytes) -> bytes:
    """Return CSV with cells and rows replaced, taken out or doubled."""
    if content[:2] == b"\x1f\x8b":
        return _inside_gzip(rng, content, csv_spoilt)
    rows = [line.split(b",") for line in content.split(b"\n")]
    for _ in range(rng.choice((1, 1, 2, 4))):
        row = rng.choice(rows)
        place = rng.randrange(len(row)) if row else 0
        act = rng.randrange(6)
        if act == 0 and row:
            row.pop(place)
        elif act == 1 and len(rows) < 100:
            rows.append(list(row))
        elif act == 2:
            row[place:place] = [rng.choice(NUMBERS).encode()] * rng.choice((1, 2, 3000))
        else:
            cell = rng.choice((rng.choice(NUMBERS), rng.choice(TEXTS)))
            row[place : place + 1] = [cell.encode("utf-8", "surrogatepass")]
    return b"\n".join(b",".join(row) for row in rows)


def idx_spoilt(rng: Random, content: bytes) -> bytes:
    """Return an IDX file of other dimensions, of another type, or with another length."""
    if content[:2] == b"\x1f\x8b":
        return _inside_gzip(rng, content, idx_spoilt)
    sizes = [rng.choice((0, 1, 2, 3, 4, 12, 255, 1 << 16, 1 << 31, (1 << 32) - 1)) for _ in "abcd"]
    dimensions = rng.choice((1, 1, 2, 3, 3, 3, 4, 255))
    kind = rng.choice((8, 8, 8, 8, 9, 0x0B, 0x0E, 0xFF))
    kept = content[3] if len(content) > 3 and rng.random() < 0.6 else dimensions
    header = struct.pack(">BBBB", rng.choice((0, 0, 0, 1)), 0, kind, kept)
    body = content[rng.choice((4, 8, 16)) :] * rng.choice((0, 1, 1, 2, 100))
    return header + struct.pack(f">{min(kept, 4)}I", *sizes[: min(kept, 4)]) + body


def _inside_gzip(rng: Random, content: bytes, inner: Callable[[Random, bytes], bytes]) -> bytes:
    try:
        plain = gzip.decompress(content)
    except (OSError, EOFError, ValueError):
        plain = b""
    made = inner(rng, plain)
    if rng.random() < 0.1:
        made += bytes(1 << 22)
    found = gzip.compress(made, 1, mtime=0)
    return found + rng.choice((b"", b"", b"", found, b"\0" * 9, b"tail", found[: len(found) // 2]))


HEADER = re.compile(rb"'descr': '([^']*)', 'fortran_order': (\w+), 'shape': \(([^)]*)\)")
TYPES = (
    *(b"<f8", b"<f4", b">f8", b"<f2", b"<f16", b"<c16", b"|b1", b"|u1", b"<i8", b"<u8", b">i4"),
    *(b"|O", b"|V8", b"|S0", b"|S9999999", b"<U1000000", b"<M8[s]", b"<m8[as]", b"f8", b"x", b""),
    *(b"<f8,<f8", b"(2,)<f8", b"|V2147483647", b"<U2147483647"),
)
SHAPES = (
    *(b"", b"0,", b"1,", b"3,", b"3, 4", b"12, 1", b"0, 0", b"-1,", b"3, -4", b"3, 4, 1"),
    *(b"100000000,", b"4294967296, 4294967296", b"9223372036854775807,", b"9" * 5000 + b","),
    *(b"1000000, 1000000, 0", b"True,", b"3.0,", b"3L, 4L", b"(" * 3000, b"1," * 60, b"'a',"),
)


def npz_spoilt(rng: Random, content: bytes) -> bytes:
    """Return a zip of arrays with others of their headers, names, sizes or ways of packing."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            entries = [(info.filename, file.read(info)) for info in file.infolist()]
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return content
    for _ in range(rng.choice((1, 1, 2))):
        _spoil_entry(rng, entries)
    page = io.BytesIO()
    method = rng.choice((0, 0, 0, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    with warnings.catch_warnings(), zipfile.ZipFile(page, "w", method) as file:
        warnings.simplefilter("ignore")
        for name, data in entries:
            file.writestr(name, data)
    return page.getvalue()


def _spoil_entry(rng: Random, entries: list[tuple[str, bytes]]) -> None:
    if not entries:
        return
    place = rng.randrange(len(entries))
    name, data = entries[place]
    act = rng.randrange(9)
    if act == 0:
        entries.pop(place)
    elif act == 1:
        entries.append(entries[place])
    elif act == 2:
        others = (
            "../../x.npy",
            "/x.npy",
            "\x1b.npy",
            "x",
            "a\nb.npy",
            "about.npy",
            "inputs.npy",
            "x.npy",
        )
        entries[place] = (rng.choice(others), data)
    elif act == 3:
        entries[place] = (name, spoilt(rng, data, "npz", [data]))
    elif act == 4 and name == "about.npy":
        entries[place] = (name, _with_length(data[:128], json_spoilt(rng, data[128:])))
    elif act == 5:
        entries[place] = (name, data + bytes(rng.choice((1, 8, 1 << 20))))
    else:
        found = HEADER.search(data)
        if found:
            parts = list(found.groups())
            parts[rng.choice((0, 2))] = rng.choice(TYPES if rng.random() < 0.5 else SHAPES)
            parts[1] = rng.choice((b"False", b"False", b"True", b"None", b"1"))
            entries[place] = (name, _with_header(data, parts))


def _with_header(data: bytes, parts: list[bytes]) -> bytes:
    """Return an array file with another header, padded as NumPy pads it."""
    text = b"{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }" % tuple(parts)
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    start = 10 + int.from_bytes(data[8:10], "little")
    return data[:8] + (len(text) % (1 << 16)).to_bytes(2, "little") + text + data[start:]


def _with_length(head: bytes, body: bytes) -> bytes:
    return _with_header(head, [b"|u1", b"False", b"%d," % len(body)]) + body


STATEMENTS = (
    "UPDATE rows SET {column} = {value}",
    "UPDATE rows SET {column} = {value} WHERE key = 'b'",
    "UPDATE designs SET file = {value}",
    "UPDATE designs SET digest = {value}",
    "UPDATE networks SET file = {value}",
    "UPDATE networks SET recipe = 'r', file = substr(file, 1, 200)",
    "INSERT INTO claims VALUES ({value}, 1)",
    "INSERT INTO claims VALUES ('a', {value})",
    "UPDATE sqlite_sequence SET seq = {value}",
    "DROP TABLE {table}",
    "ALTER TABLE rows RENAME COLUMN {column} TO other",
    "ALTER TABLE rows ADD COLUMN more",
    "CREATE TABLE more (x)",
    "DROP TABLE rows; CREATE VIEW rows AS WITH RECURSIVE n(i) AS "
    "(VALUES(1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
    "CREATE TRIGGER t AFTER INSERT ON owners BEGIN DELETE FROM rows; END",
    "CREATE TRIGGER t AFTER INSERT ON owners BEGIN SELECT load_extension('x'); END",
    "DROP TABLE rows; CREATE TABLE rows (key TEXT, config AS (hex(zeroblob(100000000))))",
    "PRAGMA user_version = {number}",
    "PRAGMA application_id = {number}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA encoding = 'UTF-16'",
)
COLUMNS = ("key", "config", "weights", "data", "version", "design", "reason", "accuracy", "fmax")


def sqlite_spoilt(rng: Random, content: bytes) -> bytes:
    """Return a database in which statements have been at work."""
    base = sqlite3.connect(":memory:", isolation_level=None)
    try:
        base.deserialize(content)
        for _ in range(rng.choice((1, 1, 2, 3))):
            base.executescript(_statement(rng))
    except (sqlite3.Error, ValueError):
        pass
    try:
        return bytes(base.serialize())
    except sqlite3.Error:
        return content
    finally:
        base.close()


def _statement(rng: Random) -> str:
    text = rng.choice(TEXTS).replace("'", "''").replace("\x00", "")
    value = rng.choice(
        (
            *("NULL", "0", "-1", "9223372036854775807", "1e999", "x'ff00ff'", "zeroblob(100000)"),
            *("'[1]'", "'{{\"a\": 1'", "CAST(x'ff' AS TEXT)", f"'{'[' * 5000}'", f"'{text}'"),
            *(f"'{rng.choice(NUMBERS)}'", "'NaN'", "char(10)"),
        )
    )
    return rng.choice(STATEMENTS).format(
        column=rng.choice(COLUMNS),
        value=value,
        table=rng.choice(("rows", "claims", "owners", "networks", "designs")),
        number=rng.choice((0, 1, 2, 3, 4, -1, 1 << 31)),
    )


STRUCTURED: dict[str, Callable[[Random, bytes], bytes]] = {
    "json": json_spoilt,
    "toml": toml_spoilt,
    "csv": csv_spoilt,
    "idx": idx_spoilt,
    "npz": npz_spoilt,
    "sqlite": sqlite_spoilt,
    "onnx": onnx_spoilt,
    "keras": keras_spoilt,
    "safetensors": safetensors_spoilt,
}
