"""Measure, each figure against a baseline of the same run, and keep the figures in bench/latest.json.

python -m bench [names...]      without names: all of them
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.measure import ROOT, Row, progress

NAMES = (
    "fanout", "rates", "attribution", "journal", "restart", "signing", "polymarket_signing", "live_path", "segregated",
    "evm",
)  # fmt: skip
LATEST = ROOT / "bench/latest.json"
KEPT = ("value", "unit", "baseline", "ratio", "against", "target", "note", "points")


def main(names: list[str]) -> int:
    """Runs the named benchmarks; figures of the others stay in the file. Unknown names: exit code 2."""
    if unknown := [name for name in names if name not in NAMES]:
        progress.print(f"unknown: {', '.join(unknown)}. Known: {', '.join(NAMES)}", style="red")
        return 2
    rows: list[Row] = []
    for name in names or NAMES:
        progress.rule(name)
        rows += importlib.import_module(f"bench.{name}").run()
    keep(LATEST, rows, whole=not names)
    Console().print(drawn(rows))
    return 0


def keep(file: Path, rows: list[Row], *, whole: bool) -> None:
    """Write {name: {value, unit, baseline, ratio, …}}; a run of all benchmarks replaces the file."""
    before = {} if whole or not file.exists() else json.loads(file.read_text())
    figures = before | {str(r["name"]): {key: r[key] for key in KEPT if key in r} for r in rows}
    fresh = file.with_suffix(".tmp")
    fresh.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    fresh.replace(file)


def drawn(rows: list[Row]) -> Table:
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.machine()}"
    table = Table(title=f"Medians on this machine ({machine})", title_justify="left")
    table.add_column("figure", min_width=36)
    for column in ("value", "baseline", "better by"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("target")
    for r in rows:
        against = f"\n[dim]against: {r['against']}[/dim]" if r.get("against") else ""
        value, baseline, ratio = (plain(float(str(r[key]))) for key in ("value", "baseline", "ratio"))
        unit = r["unit"]
        table.add_row(
            f"{r['name']}{against}", f"{value} {unit}", f"{baseline} {unit}", f"{ratio}×", str(r.get("target", ""))
        )
    return table


def plain(figure: float) -> str:
    return f"{figure:,.0f}" if abs(figure) >= 1_000 else f"{figure:g}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
