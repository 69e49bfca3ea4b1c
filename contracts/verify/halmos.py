"""Proofs over all inputs by halmos."""

from __future__ import annotations

import json

from contracts.verify.running import run
from contracts.verify.tools import CONTRACTS, OUT, program, proofs

SOLVER_MS = 60_000
"""A query that takes longer is not proven, and says so."""


def halmos() -> tuple[str, list[str]]:
    """What was proven, and what was not: refuted, timed out, or without any path that ends well."""
    report = OUT / "halmos.json"
    report.unlink(missing_ok=True)
    env = proofs()
    command = [
        program("halmos"),
        "--forge-build-out",
        env["FOUNDRY_OUT"],
        "--match-contract",
        "Proofs$",
        "--json-output",
        report,
    ]
    command += ["--solver-timeout-assertion", str(SOLVER_MS), "--no-status"]
    code, told = run("halmos", command, CONTRACTS, env, OUT / "logs/halmos.log")
    if not report.exists():
        return "did not run", [(OUT / "logs/halmos.log").read_text()[-1000:] + told[-1000:]]
    results = [proof for suite in json.loads(report.read_text())["test_results"].values() for proof in suite]
    faults = [f"{proof['name']}: not proven (exit code {proof['exitcode']})" for proof in results if proof["exitcode"]]
    if not results or (code and not faults):
        faults.append(f"halmos ended with {code}: {told[-1000:]}")
    return f"{len(results)} proofs", faults
