"""The errors and warnings that bittrue raises on purpose."""

LONGEST_LINE = 1000
"""Characters of a message's line; what was given may be a whole file."""


class BittrueError(ValueError):
    """Something given does not fit: the message says what must be and what was given.

    Parameters
    ----------
    message : str
        Kept printable, as it quotes what others have written: letters that a terminal would obey
        are escaped, and lines longer than `LONGEST_LINE` are cut.
    """

    def __init__(self, message: str) -> None:
        super().__init__("\n".join(_printable(line) for line in message.split("\n")))


def _printable(line: str) -> str:
    """Return a line as it may be shown."""
    cut = line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"
    if cut.isprintable():
        return cut
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in cut
    )


class ToolMissing(BittrueError):
    """A program that is needed is not installed: the message says how to get it.

    Parameters
    ----------
    message : str
        As of `BittrueError`.
    """


class DefaultsWarning(UserWarning):
    """A notation left something open, and a default of bittrue's was taken."""


class BittrueWarning(UserWarning):
    """Something is slower or plainer than it could be; results are the same."""
