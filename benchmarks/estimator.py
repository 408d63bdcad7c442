"""The estimator: fitted on stored synthesis runs, and its error on others.

Without options the stored runs are read, and the error of the estimator as it is on those that were
not fitted is printed: of shapes and of widths that no fitted run has. ``--fit`` fits it anew,
``--synthesize`` makes runs that are missing or of other hardware before, which takes half an hour.
``make bench-hardware`` prints the table, and ``--readme`` puts it into README.md.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from estimator_set import (
    FIGURES,
    FITTED,
    HELD_OUT,
    RUNS,
    SEED,
    WIDTHS,
    Recipe,
    Run,
    chosen,
    read_runs,
    write_runs,
)
from page import markdown, put_into_build, put_into_readme
from scipy.optimize import nnls

from bittrue.flow import estimate
from bittrue.flow.estimate_layer import parts_of
from bittrue.flow.estimate_parts import Parts
from bittrue.flow.synthesis import Source, network_source, synthesize

COSTS = Path(estimate.__file__).with_name("estimator.json")
TARGET = "ecp5"
PLACED = {FITTED: 14, HELD_OUT: 8}
"""How many of the smaller networks are placed and routed too."""

MOST_PLACED = 600
"""LUT of the largest network that is placed."""

PRIOR = {"network": 30.0, "layers": 10.0, "counters": 36.0, "dropped bits": 1 / 3}
"""What a part is thought to cost before anything is fitted; all others 1."""

PERIOD_PRIOR = {"register to register": 4.0, "joined products": 3.0}
PERIOD_SHARE = 0.03
"""Nanoseconds of a period, and of what is added for one of all else it depends on."""

CHECKED = 3
STALE = "These runs are of other hardware than this: `--synthesize` makes them anew."
STIFFNESS = {"lut": 1e-2, "ff": 1e-2, "carry": 1e-2, "period": 1e-4}
"""How strongly costs are held at what was thought, beside relative errors squared."""

Floats = npt.NDArray[np.float64]


def main(words: Sequence[str] | None = None) -> None:
    """Synthesise, fit, and print the errors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readme", action="store_true", help="put the table into README.md")
    parser.add_argument("--fit", action="store_true", help="fit the estimator anew")
    parser.add_argument("--synthesize", action="store_true", help="make what is missing, and fit")
    parser.add_argument("--limit", type=int, help="only the first so many networks")
    options = parser.parse_args(words)
    if options.synthesize:
        synthesised(options.limit)
    runs = read_runs()
    if options.fit or options.synthesize:
        COSTS.write_text(json.dumps(fitted(runs), indent=1) + "\n", encoding="utf-8")
        estimate.forget()
    errors = errors_of(runs)
    print(page := table(runs, errors))
    put_into_build("estimator", errors)
    if options.readme:
        put_into_readme("make bench-hardware, estimator", page)


def of_other_hardware(runs: Sequence[Run]) -> bool:
    """Tell whether the hardware has changed since the runs were made, from a few of them."""
    few = sorted(runs, key=_lut)[:CHECKED]
    return any(_digest(network_source(run.recipe.machine())) != run.source for run in few)


def _digest(source: Source) -> str:
    return hashlib.sha256(source.verilog.encode()).hexdigest()[:12]


def synthesised(limit: int | None = None) -> None:
    """Make the runs that are missing, and store each as soon as it is there."""
    recipes = [recipe for part in WIDTHS for recipe in chosen(part)]
    stored = {run.recipe: run for run in read_runs() if run.recipe in recipes}
    for recipe in recipes[:limit]:
        source = network_source(recipe.machine())
        digest = _digest(source)
        if recipe in stored and stored[recipe].source == digest:
            continue
        found = synthesize(source, TARGET, seeds=())
        figures = {name: getattr(found.resources, name) for name in FIGURES}
        stored[recipe] = Run(recipe, digest, ", ".join(found.tools), figures)
        _keep(stored, recipe)
    for part, count in PLACED.items():
        small = [r for r in recipes[:limit] if r.part == part and fits(stored[r])]
        for recipe in small[:count]:
            if "fmax" not in stored[recipe].figures:
                placed = synthesize(network_source(recipe.machine()), TARGET, seeds=(1,))
                if placed.timing is not None:
                    run, fmax = stored[recipe], placed.timing.fmax
                    figures = {**run.figures, "fmax": fmax}
                    stored[recipe] = Run(recipe, run.source, ", ".join(placed.tools), figures)
                    _keep(stored, recipe)


def fits(run: Run) -> bool:
    """Tell whether a network is small enough to be placed."""
    return run.figures["lut"] <= MOST_PLACED


def _keep(stored: Mapping[Recipe, Run], recipe: Recipe) -> None:
    write_runs(stored.values())
    print(f"{len(stored)}: {recipe}: {stored[recipe].figures}", file=sys.stderr, flush=True)


def fitted(runs: Sequence[Run]) -> dict[str, Any]:
    """Return what a part costs by the runs that may be fitted, as the estimator reads it."""
    used = [run for run in runs if run.recipe.part == FITTED]
    parts = {run.recipe.number: parts_of(run.recipe.machine()) for run in used}
    costs = {}
    for kind in estimate.FITTED:
        rows = [estimate.logic_of(parts[run.recipe.number], kind) for run in used]
        costs[kind] = _solved(rows, [run.figures[kind] for run in used], PRIOR, STIFFNESS[kind])
    timed = [run for run in used if "fmax" in run.figures]
    rows = [estimate.period_parts(parts[run.recipe.number], run.figures["ff"]) for run in timed]
    periods = [1000 / run.figures["fmax"] for run in timed]
    costs["period"] = _solved(rows, periods, _period_prior(), STIFFNESS["period"])
    return {
        "schema": "bittrue.estimator/1",
        "targets": {
            TARGET: {
                "runs": len(used),
                "placed": len(timed),
                "tools": sorted({tool for run in used for tool in run.tools.split(", ")}),
                "costs": costs,
            }
        },
    }


def _period_prior() -> dict[str, float]:
    names = estimate.period_parts(Parts(), 1)
    return dict.fromkeys(names, PERIOD_SHARE) | PERIOD_PRIOR


def _solved(
    rows: Sequence[Mapping[str, float]],
    figures: Sequence[float],
    prior: Mapping[str, float],
    stiffness: float,
) -> dict[str, float]:
    """Return costs, none negative, by least squares of relative errors, held at a prior."""
    if not rows:
        return dict(prior)
    names = sorted({name for row in rows for name in row})
    amounts = np.array([[row.get(name, 0.0) for name in names] for row in rows])
    expected = np.array([prior.get(name, 1.0) for name in names])
    found = np.maximum(np.array(figures), 1.0)
    held = np.sqrt(stiffness) * np.eye(len(names)) / expected
    left = np.vstack([amounts / found[:, None], held])
    costs, _ = nnls(left, np.concatenate([np.ones(len(found)), held @ expected]))
    return {name: round(float(cost), 4) for name, cost in zip(names, costs, strict=True)}


def errors_of(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """Return the symmetric percentage errors on what was not fitted, by figure."""
    used = [run for run in runs if run.recipe.part == FITTED]
    others = [run for run in runs if run.recipe.part == HELD_OUT]
    costs = estimate.costs_of(TARGET)
    found: dict[str, dict[str, Any]] = {}

    def compare(name: str, pairs: Iterable[tuple[float, float]]) -> None:
        both = np.array(list(pairs))
        if len(both):
            found[name] = _summary(both[:, 0], both[:, 1])

    estimates = [estimate.of_parts(parts_of(run.recipe.machine()), costs) for run in others]
    for kind in (*estimate.FITTED, *estimate.COUNTED):
        compare(
            kind, ((e[kind], run.figures[kind]) for e, run in zip(estimates, others, strict=True))
        )
    timed = [(e, run) for e, run in zip(estimates, others, strict=True) if "fmax" in run.figures]
    area = [
        (e["lut"] + 2 * e["carry"], _area(run)) for e, run in zip(estimates, others, strict=True)
    ]
    compare("area", area)
    compare("fmax", ((e["fmax"], run.figures["fmax"]) for e, run in timed))
    macs, luts = (
        np.array([value(run) for run in used], dtype=np.float64) for value in (_macs, _lut)
    )
    linear = np.stack([np.ones_like(macs), macs], axis=1) / luts[:, None]
    line, _ = nnls(linear, np.ones(len(luts)))
    compare("lut, linear in MACs", ((line[0] + line[1] * _macs(run), _lut(run)) for run in others))
    return found


def _macs(run: Run) -> int:
    """Return the multipliers of the neurons of a run."""
    return sum(pe * simd for pe, simd in zip(run.recipe.pe, run.recipe.simd, strict=True))


def _lut(run: Run) -> float:
    return run.figures["lut"]


def _area(run: Run) -> float:
    """Return the look-up tables of a run, those in carry cells counted."""
    return run.figures["lut"] + 2 * run.figures["carry"]


def _summary(estimated: Floats, actual: Floats) -> dict[str, Any]:
    total = estimated + actual
    errors = 200 * np.abs(estimated - actual) / np.where(total > 0, total, 1)
    return {
        "designs": len(errors),
        "mean": float(errors.mean()),
        "median": float(np.median(errors)),
        "percentile 95": float(np.percentile(errors, 95)),
        "worst": float(errors.max()),
        "exact": int((errors == 0).sum()),
    }


def table(runs: Sequence[Run], errors: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the errors in Markdown, under what they were measured on."""
    names = {
        "lut": "LUT4",
        "lut, linear in MACs": "LUT4, linear in multipliers of neurons",
        "ff": "FF",
        "carry": "CCU2C",
        "area": "LUT4 + 2 · CCU2C",
        "dsp": "MULT18X18D",
        "bram": "BRAM",
        "lutram": "LUT as memory",
        "fmax": "Fmax, one seed",
    }
    header = ("", "networks", "SMAPE", "median", "95th percentile", "worst", "exact")
    rows = []
    for name, title in names.items():
        if name in errors:
            e = errors[name]
            shown = [f"{e[key]:.1f} %" for key in ("mean", "median", "percentile 95", "worst")]
            rows.append((title, e["designs"], *shown, e["exact"]))
    count = sum(run.recipe.part == FITTED for run in runs)
    tools = ", ".join(sorted({tool for run in runs for tool in run.tools.split(", ")}))
    placed = sum(run.recipe.part == FITTED and "fmax" in run.figures for run in runs)
    changed = f" **{STALE}**" if of_other_hardware(runs) else ""
    return (
        f"The estimator without tools, fitted on {count} networks of words of "
        f"{_listed(WIDTHS[FITTED])} bits, tried on others, of other sizes, of "
        f"{_listed(WIDTHS[HELD_OUT])} bits; all drawn by seed {SEED}, synthesised for ECP5 by "
        f"{tools}, and kept in `benchmarks/{RUNS.name}`. Errors are symmetric, "
        f"2·|estimate − figure| / (estimate + figure). Cycles are exact. Fmax is "
        f"coarse: it is fitted on {placed} small networks, placed once each.{changed}\n\n"
        f"{markdown(header, rows)}"
    )


def _listed(widths: Sequence[int]) -> str:
    return f"{', '.join(map(str, widths[:-1]))} and {widths[-1]}"


if __name__ == "__main__":
    main()
