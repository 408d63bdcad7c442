"""Files that may be gzipped, read with errors that say what is wrong with them."""

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from bittrue.model.exceptions import BittrueError
from bittrue.model.files import SPARE, unpacked_limit

GZIP_MAGIC = b"\x1f\x8b"


class _Bounded(io.RawIOBase):
    """What a packed file unpacks to, up to a limit."""

    def __init__(self, unpacked: gzip.GzipFile, path: Path, limit: int) -> None:
        self._unpacked, self._path, self._limit = unpacked, path, limit
        self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, place: memoryview) -> int:  # type: ignore[override]
        count = self._unpacked.readinto(place)
        self._left -= count
        if self._left < 0:
            raise BittrueError(
                f"{self._path} must unpack to at most {self._limit} bytes, twice its size and "
                f"{SPARE >> 20} MiB, got more"
            )
        return count


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Yield a file's bytes as a stream, unpacked where it is gzipped, whatever its name.

    Raises
    ------
    BittrueError
        If the file is empty, cannot be read, or is a gzip file that is damaged, cut short, or
        unpacks to too much; also where that shows only while the block reads.
    """
    try:
        with path.open("rb") as file:
            first = file.read(len(GZIP_MAGIC))
            if not first:
                raise BittrueError(f"{path} must hold samples, got an empty file")
            file.seek(0)
            if first == GZIP_MAGIC:
                limit = unpacked_limit(os.fstat(file.fileno()).st_size)
                with gzip.GzipFile(fileobj=file) as unpacked:
                    yield cast(BinaryIO, io.BufferedReader(_Bounded(unpacked, path, limit)))
            else:
                yield file
    except EOFError:
        raise BittrueError(f"{path} must be a whole gzip file, got a truncated one") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise BittrueError(f"{path} must be a whole gzip file, got: {error}") from None
    except OSError as error:
        raise BittrueError(f"{path} must be a readable file, got {error.strerror}") from None
