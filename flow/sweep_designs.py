"""The designs of a sweep's front: kept in its store, and in its JSON with each part stored once."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bittrue.model.design import Design
from bittrue.model.exceptions import BittrueError
from bittrue.model.files import dump_json

from .points import Bench, Task
from .store import Row, Store

PARTS = ("shape", "weights")


def front_designs(store: Store, task: Task, rows: Iterable[Row]) -> dict[str, Any]:
    """Return the designs of rows, each part stored once; what a store lacks is made and kept.

    Parameters
    ----------
    store : Store
        Of the rows.
    task : Task
        Network and data, from which the design of a point is made again.
    rows : iterable of Row
        Failed ones are passed over.

    Returns
    -------
    dict
        As `parted` does.
    """
    wanted = {row.design: row for row in rows if row.design is not None}
    lacking = wanted.keys() - store.designs().keys()
    if lacking:
        bench = Bench(task)
        made = (bench.design(wanted[digest].config) for digest in sorted(lacking))
        store.add_designs({d.digest: dump_json(d.to_json()).encode() for d in made})
    return parted(kept_designs(store, wanted))


def kept_designs(store: Store, digests: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return what the files of kept designs hold, by digest.

    Raises
    ------
    BittrueError
        If one is no design, or another than its digest says.
    """
    kept = store.designs()
    trees = {}
    for digest in sorted(digests):
        place = f"design {digest!r} of {store.path.name}"
        design = Design.read(kept[digest], place)
        if design.digest != digest:
            raise BittrueError(f"{place} must be that design, got {design.digest}")
        trees[digest] = design.to_json()
    return trees


def parted(files: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return design files with parts that several have stored once.

    Parameters
    ----------
    files : mapping
        What `Design.save` writes, by digest.

    Returns
    -------
    dict
        ``files``: for each digest the file with numbers for its parts; ``parts``: those.
    """
    numbers: dict[str, int] = {}
    parts: list[Any] = []
    numbered = {}
    for digest, file in files.items():
        numbered[digest] = dict(file)
        for name in PARTS:
            text = json.dumps(file[name], sort_keys=True)
            if text not in numbers:
                numbers[text] = len(parts)
                parts.append(file[name])
            numbered[digest][name] = numbers[text]
    return {"files": numbered, "parts": parts}
