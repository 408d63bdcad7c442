"""Options of the C++ compiler, the same for all engines that need one."""

import os
import shlex

FLAGS_VARIABLE = "CXXFLAGS"


def flags(*more: str) -> list[str]:
    """Return the options of a library: best speed, then those given, then ``$CXXFLAGS``."""
    named = shlex.split(os.environ.get(FLAGS_VARIABLE, ""))
    # libraries of several machines live in one process: none may lend the others a symbol
    shared = ["-DNDEBUG", "-fPIC", "-fvisibility=hidden", *more]
    return ["-std=c++17", "-O3", "-march=native", *shared, *named]
