"""What is shipped, tried in empty environments: ``make dist-test`` and ``make oldest-test``.

``dist`` builds the source archive, and the wheel from it; each goes into an environment of its
own, the wheel into one for every Python that is found. ``oldest`` installs the lower bounds of
`pyproject.toml`, and runs a part of the tests with them.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("model", "hdl", "sim", "flow")
PYTHONS = ("python3.11", "python3.12", "python3.13", "python3.14")
QUICK = (
    *("model_types", "model_formats", "model_curves", "model_golden", "model_golden_file"),
    *("model_design", "model_quantize", "model_fixed", "model_fit", "model_kernels"),
    *("hdl_requantize", "hdl_mac", "hdl_netlist", "sim_assertion", "sim_engines", "sim_compare"),
    *("flow_cli", "flow_config", "flow_doctor", "flow_report", "flow_curve", "main_job", "api"),
)
"""Tests that `oldest` runs: something of every dependency of the base."""

SMOKE = """
import hashlib, json, sys
from importlib.resources import files
import bittrue

for name in bittrue.__all__:
    getattr(bittrue, name)
package, wanted = files("bittrue"), json.load(sys.stdin)
assert str(package).startswith(sys.prefix), package
for name, digest in wanted.items():
    content = package.joinpath(*name.split("/")).read_bytes()
    assert hashlib.sha256(content).hexdigest() == digest, f"{name} differs"
print(len(bittrue.__all__), "names,", len(wanted), "files as in the repository")
"""


def main() -> None:
    """Run one of the two; leave with 1 if anything fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("dist", "oldest"))
    parser.add_argument("--python", action="append", help="instead of those that are found")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bittrue-release-") as name:
        folder = Path(name)
        if given.what == "oldest":
            oldest((given.python or [sys.executable])[0], folder)
        else:
            dist(given.python or found_pythons(), folder)


def found_pythons() -> list[str]:
    """Return the Pythons that are here, of those that bittrue is for; say which are not."""
    found = []
    for name in PYTHONS:
        version = name.removeprefix("python")
        root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
        kept = sorted(str(path) for path in root.glob(f"versions/{version}.*/bin/python"))
        here = [python for python in (name, *kept) if runs(python)]
        found += here[:1]
        if not here:
            say(f"{name}: left out, not installed here")
    return found or [sys.executable]


def runs(python: str) -> bool:
    """Tell whether a Python is on the path, and starts."""
    path = shutil.which(python)
    return path is not None and not subprocess.run([path, "-c", ""], capture_output=True).returncode


def dist(pythons: list[str], folder: Path) -> None:
    """Build, and try what was built."""
    source = snapshot(folder / "source")
    tools = environment(sys.executable, folder / "tools", "build")
    call([tools, "-m", "build", "--outdir", str(folder / "dist"), str(source)])
    (wheel,), (archive,) = ((folder / "dist").glob(end) for end in ("*.whl", "*.tar.gz"))
    say(f"built {archive.name}, and {wheel.name} from it")
    for number, python in enumerate(pythons):
        tried(python, wheel, source, folder / f"wheel-{number}")
    tried(pythons[0], archive, source, folder / "archive")


def snapshot(folder: Path) -> Path:
    """Copy the repository's files as they are now, new ones too, links as links."""
    listed = call(["git", "ls-files", "--cached", "--others", "--exclude-standard"], ROOT)
    for name in listed.splitlines():
        if os.path.lexists(ROOT / name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return folder


def tried(python: str, package: Path, source: Path, folder: Path) -> None:
    """Install a package into an empty environment, and try it there in an empty folder."""
    start = time.perf_counter()
    inside = environment(python, folder, str(package))
    empty = folder / "empty"
    empty.mkdir()
    bittrue = str(inside.parent / "bittrue")
    project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    told = call([bittrue, "--version"], empty)
    if told != f"bittrue {project['version']}\n":
        raise SystemExit(f"bittrue --version must tell {project['version']}, got {told}")
    smoke = call([inside, "-I", "-c", SMOKE], empty, json.dumps(shipped(source)))
    doctor = json.loads(call([bittrue, "doctor", "--json"], empty))
    verdict = call([bittrue, "verify"], empty).splitlines()[-1]
    version = call([inside, "-c", "import platform; print(platform.python_version())"], empty)
    engines = sum(check["outcome"] == "passed" for check in doctor["engines"])
    say(
        f"{package.name} on Python {version.strip()}: {smoke.strip()}; {engines} of "
        f"{len(doctor['engines'])} engines work; {verdict}; {time.perf_counter() - start:.0f} s"
    )


def shipped(source: Path) -> dict[str, str]:
    """Return the digest of every file of the four rooms, by its place in the package."""
    return {
        path.relative_to(source).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for room in ROOMS
        for path in (source / room).rglob("*")
        if path.is_file()
    }


def oldest(python: str, folder: Path) -> None:
    """Install the lower bounds, and run the quick tests with them."""
    constraints = folder / "oldest.txt"
    constraints.write_text("\n".join(lower_bounds()) + "\n", encoding="utf-8")
    say(constraints.read_text())
    inside = environment(
        python, folder / "oldest", "--constraint", str(constraints), "--editable", f"{ROOT}[test]"
    )
    tests = [f"tests/test_{name}.py" for name in QUICK if (ROOT / f"tests/test_{name}.py").exists()]
    words = ["-m", "pytest", "-q", "-n", "2", "-m", "not long", "-p", "no:cacheprovider"]
    # old packages use what is deprecated in new ones that they need
    words += ["-W", "ignore::DeprecationWarning", *tests]
    done = subprocess.run([inside, *words], cwd=ROOT, stdin=subprocess.DEVNULL, check=False)
    raise SystemExit(done.returncode)


def lower_bounds() -> list[str]:
    """Return what `pyproject.toml` allows at least of what bittrue and its tests need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = {}
    for line in [*project["dependencies"], *project["optional-dependencies"]["test"]]:
        name, bound = re.fullmatch(r"([\w.-]+)(?:>=|==)([\w.]+)(?:,.*)?", line).groups()
        # versions of a tool as WebAssembly have its own in front, and numbers of their own behind
        found[name] = f"{name}=={bound}.*" if name.endswith("-yosys") else f"{name}=={bound}"
    return sorted(found.values())


def environment(python: str, folder: Path, *packages: str) -> Path:
    """Make an environment with some packages, and return its Python."""
    call([python, "-m", "venv", str(folder)])
    inside = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    words = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-input"]
    call([inside, *words, *packages])
    return inside


def say(text: str) -> None:
    """Write a line on standard output, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def call(words: list, folder: Path | None = None, text: str = "") -> str:
    """Run a program and return what it printed; end here if it fails."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        words, cwd=folder, input=text, capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        say(f"{done.stdout}\n{done.stderr}")
        raise SystemExit(f"{' '.join(map(str, words))[:200]}\nleft with {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    main()
