"""Options of the C++ compiler, the same for all engines that need one."""

import os
import shlex

FLAGS_VARIABLE = "CXXFLAGS"


def flags(*more: str) -> list[str]:
    """Return the options of a shared library: best speed, then those given, then ``$CXXFLAGS``."""
    named = shlex.split(os.environ.get(FLAGS_VARIABLE, ""))
    return ["-std=c++17", "-O3", "-march=native", "-DNDEBUG", "-fPIC", "-shared", *more, *named]
