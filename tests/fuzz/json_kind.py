"""Spoiling JSON in its nodes."""

import copy
import json
from functools import lru_cache
from random import Random
from typing import Any

from .hostile import NUMBERS, TEXTS

DEEP = 20_000
"""Levels of the deepest nesting."""


def json_spoilt(rng: Random, content: bytes) -> bytes:
    """Return JSON with one to four of its nodes replaced, taken out, doubled or renamed."""
    tree = copy.deepcopy(_parsed(content))
    if not isinstance(tree, dict | list):
        return content
    for _ in range(rng.choice((1, 1, 2, 4))):
        _spoil_node(rng, tree)
    text = json.dumps(tree)
    return _with_raw(rng, text).encode("utf-8", "surrogatepass")


@lru_cache(maxsize=64)
def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _spoil_node(rng: Random, tree: Any) -> None:
    """Walk down by chance, and do something where that ends."""
    node = tree
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(node[key], dict | list) and node[key] and rng.random() < 0.85:
            node = node[key]
            continue
        break
    act = rng.randrange(7)
    if act == 0:
        del node[key]
    elif act == 1 and isinstance(node, dict):
        node[rng.choice(TEXTS)] = node.pop(key)
    elif act == 2 and isinstance(node, list):
        node[key:key] = [node[key]] * rng.choice((1, 2, 5000))
    elif act == 3:
        node[key] = [node[key]]
    elif act == 4:
        node[key] = "@raw"
    else:
        node[key] = rng.choice((None, True, {}, [], 0, -1, 1.5, 10**30, rng.choice(TEXTS)))


def _with_raw(rng: Random, text: str) -> str:
    """Put in what `json.dumps` would not write."""
    raw = rng.choice(
        (
            rng.choice(NUMBERS),
            "[" * DEEP,
            "[" * 400 + "]" * 400,
            '{"a":' * DEEP,
            '{"a": 1, "a": 2}',
            '"\\ud800"',
            "NaN",
            json.dumps(rng.choice(TEXTS)),
        )
    )
    return text.replace('"@raw"', raw, 1)
