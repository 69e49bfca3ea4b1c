"""Fuzzed and invariant tests by forge: what was tried, how often, and that no handler was idle."""

from __future__ import annotations

import json
from typing import Any

from contracts.verify.running import run
from contracts.verify.tools import CONTRACTS, FORGE, OUT, environment

CALLS_MIN = 100_000


def tested(told: str) -> dict[str, dict[str, Any]]:
    """Every test of forge's JSON as `Suite.test: result`."""
    suites = json.loads(told[told.index("{") :])
    return {
        f"{suite.rpartition(':')[2]}.{test.partition('(')[0]}": result
        for suite, tests in suites.items()
        for test, result in tests["test_results"].items()
    }


def calls(results: dict[str, dict[str, Any]]) -> int:
    """Calls of all fuzzed tests (one a run) and all invariants (runs times depth)."""
    total = 0
    for result in results.values():
        for name, counted in result["kind"].items():
            total += counted["runs"] if name == "Fuzz" else counted["calls"] if name == "Invariant" else 0
    return total


def idle(results: dict[str, dict[str, Any]]) -> list[str]:
    """Handlers' functions that never once succeeded: an invariant over them says nothing."""
    done: dict[str, int] = {}
    for result in results.values():
        for name, counted in result["kind"].get("Invariant", {}).get("metrics", {}).items():
            done[name] = done.get(name, 0) + counted["calls"] - counted["reverts"] - counted["discards"]
    return [f"{name.rpartition(':')[2]} never succeeded" for name, times in sorted(done.items()) if times <= 0]


def failures(results: dict[str, dict[str, Any]]) -> list[str]:
    return [
        f"{test}: {result['reason']} {json.dumps(result['counterexample'])[:600]}"
        for test, result in sorted(results.items())
        if result["status"] != "Success"
    ]


def forge(quick: bool) -> tuple[str, list[str]]:
    """What was run, and every fault."""
    env = environment() | ({"FOUNDRY_PROFILE": "quick"} if quick else {})
    code, told = run("forge", [FORGE, "test", "--json"], CONTRACTS, env, OUT / "logs/forge.log")
    if "{" not in told:
        return "did not run", [(OUT / "logs/forge.log").read_text()[-2000:] + told[-2000:]]
    results = tested(told)
    made, faults = calls(results), failures(results)
    if not quick:
        faults += idle(results)
        if made < CALLS_MIN:
            faults.append(f"only {made:,} calls; {CALLS_MIN:,} are asked for")
    if code and not faults:
        faults.append(f"forge ended with {code}: {(OUT / 'logs/forge.log').read_text()[-500:]}")
    return f"{len(results)} tests, {made:,} calls", faults
