"""Files that may be gzipped, read with errors that say what is wrong with them."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from bittrue.model.exceptions import BittrueError

GZIP_MAGIC = b"\x1f\x8b"


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Yield a file's bytes as a stream, unpacked where it is gzipped, whatever its name.

    Raises
    ------
    BittrueError
        If the file is empty, cannot be read, or is a gzip file that is damaged or cut short; also
        where that shows only while the block reads.
    """
    try:
        with path.open("rb") as file:
            first = file.read(len(GZIP_MAGIC))
            if not first:
                raise BittrueError(f"{path} must hold samples, got an empty file")
            file.seek(0)
            if first == GZIP_MAGIC:
                with gzip.open(file) as unpacked:
                    yield cast(BinaryIO, unpacked)
            else:
                yield file
    except EOFError:
        raise BittrueError(f"{path} must be a whole gzip file, got a truncated one") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise BittrueError(f"{path} must be a whole gzip file, got: {error}") from None
    except OSError as error:
        raise BittrueError(f"{path} must be a readable file, got {error.strerror}") from None
