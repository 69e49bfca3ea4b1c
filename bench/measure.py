"""How figures are taken: medians of repeats, each beside a baseline of the same run."""

from __future__ import annotations

import gc
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

import msgspec
from rich.console import Console

ROOT = Path(__file__).parents[1]
progress = Console(stderr=True)
Row = dict[str, object]


def row(name: str, value: float, unit: str, baseline: float, **notes: str) -> Row:
    """One figure. `ratio` is how many times better than the baseline; notes: `against`, `target`, `note`."""
    better = value / baseline if unit.endswith("/s") else baseline / value
    figures = {"value": _short(value), "unit": unit, "baseline": _short(baseline), "ratio": _short(better)}
    return {"name": name, **figures, **notes}


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def median_of(repeats: int, work: Callable[[], float]) -> float:
    return median(work() for _ in range(repeats))


@contextmanager
def no_collector() -> Iterator[None]:
    """Collect before and not while measuring: what a service does with `gc.freeze` once it is warm."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def alone(module: str, *arguments: object) -> dict[str, float]:
    """Run `python -m module arguments` in a process of its own; it prints one JSON object. Raises when it fails."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"{module} failed:\n{done.stderr}")
    return msgspec.json.decode(done.stdout, type=dict[str, float])


def peak_mib() -> float:
    """The most memory this process had resident. On Linux `ru_maxrss` would count the parent's before the exec too."""
    status = Path("/proc/self/status")
    peak = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return (int(peak[1]) if peak else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024
