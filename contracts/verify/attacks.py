"""The attack suite: tests/contracts/test_attacks_*.py, on the chain in the process and on anvil."""

from __future__ import annotations

import re
import sys

from contracts.verify.running import run
from contracts.verify.tools import OUT, ROOT, environment


def attacks() -> tuple[str, list[str]]:
    """How many attacks were tried, and those that succeeded."""
    files = sorted((ROOT / "tests/contracts").glob("test_attacks_*.py"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", *files]
    code, told = run("attacks", command, ROOT, environment(), OUT / "logs/attacks.log")
    faults = [line for line in told.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if code and not faults:
        faults = [f"pytest ended with {code}: {told[-500:]}"]
    counted = re.findall(r"\d+ (?:passed|failed|skipped)", told)
    return f"{len(files)} files: {', '.join(counted)}", faults
