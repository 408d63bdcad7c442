"""A store of sweeps: one SQLite file of rows by key, written by coordinators only.

Rows are never changed. What a coordinator is at work on is claimed in the store; a claim holds as
long as its owner lives, which is known from a lock on one byte of the file beside the store: the
system gives it back however a process ends.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from bittrue.model.exceptions import BittrueError

from .locks import ByteLocks
from .space import FIGURES

APPLICATION = 0x62747275
"""What SQLite keeps as a file's application: "btru"."""

VERSION = 3
HEADER = b"SQLite format 3\0"
JOURNALED = b"\1\1"
"""What stands behind the header and the size of pages: another number has SQLite write files
beside one that is only read."""

PATIENCE = 60.0
"""Seconds that another coordinator's transaction is waited for."""

NETWORK_SYSTEMS = (
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "lustre", "glusterfs"),
    *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "beegfs", "gpfs", "ocfs2", "gfs2"),
)
"""File systems whose locks do not hold between machines, or not surely."""

MOUNTS = Path("/proc/self/mounts")
FIELDS = ("key", "config", "weights", "data", "version", "design", "reason", *FIGURES)


KEPT = "ON CONFLICT (key) DO NOTHING"


Value = TypeVar("Value")


class Row(NamedTuple):
    """What became of one point.

    Members
    -------
    key : str
        SHA-256 of configuration, weights, data and code version.
    config : dict
        The point.
    weights, data, version : str
        Digests of the golden network and of the held-out samples, and bittrue's version.
    design : str or None
        The design's digest; None of a failed point.
    reason : str or None
        Why a point failed.
    figures : dict
        By name in `FIGURES`; empty of a failed point.
    """

    key: str
    config: dict[str, Any]
    weights: str
    data: str
    version: str
    design: str | None
    reason: str | None
    figures: dict[str, float]


class Store:
    """The rows of sweeps in a file; one a process and file.

    Parameters
    ----------
    path : Path
        Made where it is not there yet.
    writable : bool
        Without it the file must be there, and is left as it is to the byte.

    Raises
    ------
    BittrueError
        If the file is no store, one of another version, damaged, or on a network file system. It
        is left as it is.
    """

    def __init__(self, path: Path, *, writable: bool = True) -> None:
        self.path = path
        # one byte for each coordinator
        self._owners: ByteLocks | None = None
        if writable:
            refuse_network(path)
        elif not path.is_file():
            raise BittrueError(f"a store must be a file that is there, got {path}")
        _check_header(path)
        place = f"{path.resolve().as_uri()}?mode={'rwc' if writable else 'ro'}"
        try:
            self._db = sqlite3.connect(place, timeout=PATIENCE, isolation_level=None, uri=True)
        except sqlite3.Error as error:
            raise BittrueError(f"a store must be a file that can be opened, got {error}") from None
        try:
            self._prepare(writable)
            if not writable:
                return
            self._owners = ByteLocks(Path(f"{path}.lock"))
            with self._transaction():
                self._db.execute("INSERT INTO owners DEFAULT VALUES")
                self.owner = int(self._db.execute("SELECT max(id) FROM owners").fetchone()[0])
                self._owners.hold(self.owner)
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up all claims, and close the file."""
        try:
            if self._owners is not None:
                with self._transaction():
                    self._db.execute("DELETE FROM claims WHERE owner = ?", (self.owner,))
                    self._db.execute("DELETE FROM owners WHERE id = ?", (self.owner,))
        finally:
            self._db.close()
            if self._owners is not None:
                self._owners.close()

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM rows").fetchone()[0])

    def rows(self, keys: Iterable[str] | None = None) -> dict[str, Row]:
        """Return rows by key: those of given keys that are there, or all."""
        select = f"SELECT {', '.join(FIELDS)} FROM rows"
        with self._reading():
            if keys is None:
                found = self._db.execute(f"{select} ORDER BY key").fetchall()
            else:
                one = f"{select} WHERE key = ?"
                found = [row for key in keys if (row := self._db.execute(one, (key,)).fetchone())]
            return {values[0]: _row(values) for values in found}

    def claim(self, keys: Sequence[str], most: int) -> list[str]:
        """Claim at most so many keys that have no row and no living claim, and return them."""
        if not keys or most < 1:
            return []
        with self._transaction():
            self._drop_dead_claims()
            taken = {key for (key,) in self._db.execute("SELECT key FROM claims")}
            free: list[str] = []
            for key in keys:
                if len(free) == most:
                    break
                has = self._db.execute("SELECT 1 FROM rows WHERE key = ?", (key,)).fetchone()
                if key not in taken and has is None:
                    free.append(key)
            pairs = [(key, self.owner) for key in free]
            self._db.executemany("INSERT INTO claims VALUES (?, ?)", pairs)
        return free

    def add(self, rows: Iterable[Row]) -> None:
        """Write rows and give up their claims, all or none; a row that is there stays."""
        marks = ", ".join("?" for _ in FIELDS)
        with self._transaction():
            for row in rows:
                figures = [row.figures.get(name) for name in FIGURES]
                values = (row.key, _canonical(row.config), *row[2:7], *figures)
                self._db.execute(f"INSERT INTO rows VALUES ({marks}) {KEPT}", values)
                self._db.execute("DELETE FROM claims WHERE key = ?", (row.key,))

    def network(self, recipe: str) -> bytes | None:
        """Return the file of the network that was trained by a recipe, given by its digest."""
        one = "SELECT file FROM networks WHERE recipe = ?"
        with self._reading():
            found = self._db.execute(one, (recipe,)).fetchone()
            return None if found is None else _blob(found[0])

    def add_network(self, recipe: str, file: bytes) -> None:
        """Keep a trained network; one that is there stays."""
        self._db.execute("INSERT OR IGNORE INTO networks VALUES (?, ?)", (recipe, file))

    def designs(self) -> dict[str, bytes]:
        """Return the files of designs that are kept, by digest."""
        with self._reading():
            found = self._db.execute("SELECT digest, file FROM designs ORDER BY digest")
            return {_of_type(digest, str): _blob(file) for digest, file in found}

    def add_designs(self, files: Mapping[str, bytes]) -> None:
        """Keep files of designs, by digest; one that is there stays."""
        with self._transaction():
            for pair in files.items():
                self._db.execute("INSERT OR IGNORE INTO designs VALUES (?, ?)", pair)

    def _drop_dead_claims(self) -> None:
        owners = [owner for (owner,) in self._db.execute("SELECT DISTINCT owner FROM claims")]
        for owner in owners:
            alive = owner == self.owner or (self._owners and self._owners.lives(owner))
            if not alive:
                self._db.execute("DELETE FROM claims WHERE owner = ?", (owner,))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Refuse what others have put into the tables."""
        try:
            yield
        except (sqlite3.Error, ValueError, TypeError, RecursionError) as error:
            raise BittrueError(f"{self.path} must be a whole store, got: {error}") from None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise BittrueError(
                f"{self.path} must be a store that can be written, got: {error}"
            ) from None

    def _prepare(self, writable: bool) -> None:
        """Check the file, or make the tables of a new one."""
        try:
            if self._checked():
                return
            if not writable:
                raise BittrueError(f"{self.path} must be a store of sweeps, got an empty file")
            with self._transaction():
                for table in _tables():
                    self._db.execute(table)
                self._db.execute(f"PRAGMA application_id = {APPLICATION}")
                self._db.execute(f"PRAGMA user_version = {VERSION}")
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise BittrueError(self._damage(str(error))) from None

    def _checked(self) -> bool:
        """Refuse a file that is no whole store of this version; tell whether it has tables."""
        tables = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not tables:
            return False
        application = self._db.execute("PRAGMA application_id").fetchone()[0]
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if application != APPLICATION:
            raise BittrueError(f"{self.path} must be a store of sweeps, got another database")
        if version != VERSION:
            raise BittrueError(
                f"{self.path} must be a store of version {VERSION}, got version {version}; it was "
                "left as it is"
            )
        self._check_tables()
        verdict = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise BittrueError(self._damage(str(verdict)))
        return True

    def _check_tables(self) -> None:
        """Refuse views, triggers and other tables: nothing that runs when it is read."""
        made = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name != 'sqlite_sequence'"
        found = {str(text) for (text,) in self._db.execute(made)}
        if found != {table.replace("IF NOT EXISTS ", "") for table in _tables()}:
            raise BittrueError(f"{self.path} must be a store of sweeps, got other tables in it")

    def _damage(self, what: str) -> str:
        """Say what of a damaged file can be read."""
        read, ended = 0, "to the end"
        try:
            for values in self._db.execute(f"SELECT {', '.join(FIELDS)} FROM rows NOT INDEXED"):
                _row(values)
                read += 1
        except (sqlite3.Error, ValueError, TypeError, RecursionError):
            ended = "and nothing after them"
        line = " ".join(what.split())
        return (
            f"{self.path} must be a whole store, got a damaged one ({line}): {read} rows could be "
            f"read {ended}; it was left as it is"
        )


def _tables() -> tuple[str, ...]:
    texts = ", ".join(f"{name} TEXT NOT NULL" for name in FIELDS[1:5])
    figures = ", ".join(f"{name} REAL" for name in FIGURES)
    columns = f"key TEXT PRIMARY KEY, {texts}, design TEXT, reason TEXT, {figures}"
    return (
        f"CREATE TABLE IF NOT EXISTS rows ({columns})",
        "CREATE TABLE IF NOT EXISTS claims (key TEXT PRIMARY KEY, owner INTEGER NOT NULL)",
        "CREATE TABLE IF NOT EXISTS owners (id INTEGER PRIMARY KEY AUTOINCREMENT)",
        "CREATE TABLE IF NOT EXISTS networks (recipe TEXT PRIMARY KEY, file BLOB NOT NULL)",
        "CREATE TABLE IF NOT EXISTS designs (digest TEXT PRIMARY KEY, file BLOB NOT NULL)",
    )


def _canonical(tree: dict[str, Any]) -> str:
    return json.dumps(tree, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _row(values: Sequence[Any]) -> Row:
    key, config, weights, data, version = (_of_type(value, str) for value in values[:5])
    design, reason = (None if value is None else _of_type(value, str) for value in values[5:7])
    figures = dict(zip(FIGURES, values[7:], strict=True))
    kept = {name: _of_type(value, float) for name, value in figures.items() if value is not None}
    tree = _of_type(json.loads(config), dict)
    return Row(key, tree, weights, data, version, design, reason, kept)


def _of_type(value: Any, wanted: type[Value]) -> Value:
    """Return a value; SQLite keeps any type in any column."""
    if not isinstance(value, wanted):
        raise TypeError(f"{type(value).__name__} where {wanted.__name__} belongs")
    return value


def _blob(value: Any) -> bytes:
    return _of_type(value, bytes)


def _check_header(path: Path) -> None:
    """Refuse a file that is no SQLite file; an empty one is new."""
    try:
        with path.open("rb") as file:
            start = file.read(len(HEADER) + 4)
    except FileNotFoundError:
        return
    except OSError as error:
        raise BittrueError(f"a store must be a file that can be read, got {error}") from None
    if start and not start.startswith(HEADER):
        raise BittrueError(f"{path} must be a store of sweeps, got another file; it was not read")
    if start and start[-2:] != JOURNALED:
        raise BittrueError(
            f"{path} must be a store with a rollback journal, got another way of writing; it was "
            "not read"
        )


def refuse_network(path: Path, mounts: str | None = None) -> None:
    """Refuse a file on a network file system, where locks may not hold.

    Parameters
    ----------
    path : Path
        The file, there or not.
    mounts : str, optional
        What is mounted where, as in ``/proc/self/mounts``; read there where there is one.

    Raises
    ------
    BittrueError
        If the file lies on one.
    """
    if mounts is None:
        mounts = MOUNTS.read_text(encoding="utf-8") if MOUNTS.exists() else ""
    place, kind = Path(), ""
    target = path.resolve()
    for line in mounts.splitlines():
        _, folder, system, *_ = line.split()
        mounted = Path(folder.replace("\\040", " "))
        if target.is_relative_to(mounted) and len(mounted.parts) >= len(place.parts):
            place, kind = mounted, system
    if kind in NETWORK_SYSTEMS:
        raise BittrueError(f"a store must lie on a disk of this machine, got {path} on {kind}")
