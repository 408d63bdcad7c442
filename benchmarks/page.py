"""Tables that are kept in README.md, between marks that name the command that makes them."""

import json
import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def put_into_readme(name: str, page: str) -> None:
    """Replace what stands between the two marks of a name."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    if start not in text or end not in text:
        raise SystemExit(f"README.md must have the marks {start} and {end}")
    pattern = re.compile(f"{re.escape(start)}.*{re.escape(end)}", re.S)
    readme.write_text(pattern.sub(lambda _: f"{start}\n{page}\n{end}", text), encoding="utf-8")


def put_into_build(name: str, content: Any) -> None:
    """Write a result as JSON to build/."""
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    (build / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def markdown(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def processor() -> str:
    """Return the processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
