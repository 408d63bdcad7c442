"""The errors and warnings that bittrue raises on purpose."""


class BittrueError(ValueError):
    """Something given does not fit: the message says what must be and what was given."""


class ToolMissing(BittrueError):
    """A program that is needed is not installed: the message says how to get it."""


class DefaultsWarning(UserWarning):
    """A notation left something open, and a default of bittrue's was taken."""


class BittrueWarning(UserWarning):
    """Something is slower or plainer than it could be; results are the same."""
