"""The attack suite (tests/contracts/test_attacks_*.py), and what a trade costs with 32,000 holders, on chains."""

from __future__ import annotations

import re
import sys

from contracts.verify.running import run
from contracts.verify.tools import OUT, ROOT, environment


def attacks() -> tuple[str, list[str]]:
    """How many attacks were tried, and those that succeed: expected to or not, what is open is a fault."""
    files = sorted((ROOT / "tests/contracts").glob("test_attacks_*.py"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rx", "-n", "2", *files]
    code, told = run("attacks", command, ROOT, environment(), OUT / "logs/attacks.log")
    faults = [line for line in told.splitlines() if line.startswith(("FAILED", "ERROR", "XFAIL"))]
    if code and not faults:
        faults = [f"pytest ended with {code}: {told[-500:]}"]
    counted = re.findall(r"\d+ (?:passed|failed|skipped|xfailed)", told)
    return f"{len(files)} files: {', '.join(counted)}", faults


def holders() -> tuple[str, list[str]]:
    """The gas of a mirrored trade with 1, 200 and 32,000 holders, measured again on anvil."""
    command = [sys.executable, ROOT / "contracts/measure_holders.py"]
    code, told = run("holders", command, ROOT, environment(), OUT / "logs/holders.log")
    said = (OUT / "logs/holders.log").read_text().strip()
    return "gas of a trade with 1, 200 and 32,000 holders", [f"{told} {said}"[-500:]] if code else []
