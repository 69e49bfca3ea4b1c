"""Verify the contracts: python -m contracts.verify [--quick] [step …]. Exit code 1 where a step finds anything."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from contracts.verify.attacks import attacks, holders
from contracts.verify.forge import forge
from contracts.verify.halmos import halmos
from contracts.verify.mutants import mutants
from contracts.verify.running import Outcome
from contracts.verify.slither import slither
from contracts.verify.tools import install_all

STEPS: dict[str, Callable[[bool], tuple[str, list[str]]]] = {
    "forge": forge,
    "halmos": lambda _: halmos(),
    "slither": lambda _: slither(),
    "attacks": lambda _: attacks(),
    "holders": lambda _: holders(),
    "mutants": lambda _: mutants(),
}
SLOW = {"holders", "mutants"}
"""Left out of a quick run."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="make verify", description=__doc__)
    parser.add_argument("steps", nargs="*", metavar="step", help=f"of: {', '.join(STEPS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="fewer runs, no holders, no mutants")
    asked = parser.parse_args()
    if unknown := set(asked.steps) - STEPS.keys():
        parser.error(f"no step is called {', '.join(sorted(unknown))}; there are {', '.join(STEPS)}")
    install_all()
    names = asked.steps or [name for name in STEPS if not (asked.quick and name in SLOW)]
    outcomes = [one(name, asked.quick) for name in names]
    print()
    for outcome in outcomes:
        mark = "FAILED" if outcome.faults else "passed"
        print(f"{outcome.step:<9}{mark:<8}{outcome.took_s:>6.0f} s   {outcome.told}")
    sys.exit(any(outcome.faults for outcome in outcomes))


def one(name: str, quick: bool) -> Outcome:
    print(f"verify: {name}", flush=True)
    began = time.monotonic()
    told, faults = STEPS[name](quick)
    for fault in faults:
        print(f"  FAULT {fault}", flush=True)
    return Outcome(name, told, faults, time.monotonic() - began)


if __name__ == "__main__":
    main()
