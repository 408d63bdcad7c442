"""Spoiling a file without a sense of what it is."""

from random import Random

from .hostile import NUMBERS, TOKENS

LARGEST = 1 << 16
"""Bytes beyond which an input is not grown."""


def spoilt(rng: Random, content: bytes, kind: str, others: list[bytes]) -> bytes:
    """Return a file with one to eight things done to its bytes."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5, 8))):
        rng.choice(ACTS)(rng, data, kind, others)
    return bytes(data)


def _place(rng: Random, data: bytearray) -> int:
    return rng.randrange(len(data) + 1)


def _flip(rng: Random, data: bytearray, kind: str, others: list[bytes]) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _set(rng: Random, data: bytearray, kind: str, others: list[bytes]) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.choice((0, 1, 10, 34, 44, 127, 128, 255, 0x1F))


def _word(rng: Random, data: bytearray, kind: str, others: list[bytes]) -> None:
    size, order = rng.choice((2, 4, 8)), rng.choice(("big", "little"))
    value = rng.choice((0, 1, 2, 127, 1 << 15, 1 << 16, 1 << 31, 1 << 32, 1 << 63, -1, len(data)))
    place = _place(rng, data)
    data[place : place + size] = (value % (1 << 8 * size)).to_bytes(size, order)


def _insert(rng: Random, data: bytearray, kind: str, others: list[bytes]) -> None:
    place = _place(rng, data)
    data[place:place] = rng.choice(TOKENS[kind])


def _overwrite(rng: Random, data: bytearray, kind: str, others: list[bytes]) -> None:
    place, token = _place(rng, data), rng.choice(TOKENS[kind])
    data[place : place + len(token)] = token


def _cut(rng: Random, data: bytearray, kind: str, others: list[bytes]) -> None:
    start = _place(rng, data)
    del data[start : start + rng.choice((1, 2, 4, 16, 100, len(data) or 1))]


def _repeat(rng: Random, data: bytearray, kind: str, others: list[bytes]) -> None:
    start = _place(rng, data)
    part = data[start : start + rng.choice((1, 2, 7, 40))]
    times = rng.choice((1, 2, 10, 1000, 20_000))
    data[start:start] = (part * times)[: max(0, LARGEST - len(data))]


def _splice(rng: Random, data: bytearray, kind: str, others: list[bytes]) -> None:
    other = rng.choice(others)
    data[_place(rng, data) :] = other[rng.randrange(len(other) + 1) :]


def _number(rng: Random, data: bytearray, kind: str, others: list[bytes]) -> None:
    """Put another number in the place of a run of digits."""
    place = start = _place(rng, data)
    while start < len(data) and not chr(data[start]).isdigit() and start < place + 200:
        start += 1
    end = start
    while end < len(data) and chr(data[end]).isdigit():
        end += 1
    data[start:end] = rng.choice(NUMBERS).encode()


ACTS = (_flip, _flip, _set, _word, _insert, _overwrite, _cut, _repeat, _splice, _number, _number)
