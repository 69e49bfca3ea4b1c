"""One step: a program run beside a clock that shows, and what came of it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SHOWN_S = 15.0


@dataclass(frozen=True)
class Outcome:
    """`faults` empty: passed. Each fault is one line that says what and where."""

    step: str
    told: str
    faults: Sequence[str]
    took_s: float


def run(what: str, command: Sequence[str | Path], folder: Path, env: dict[str, str], log: Path) -> tuple[int, str]:
    """The program's exit code and standard output; its errors go to `log`. Now and then a line says that it runs."""
    log.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with log.open("w") as errors, log.with_suffix(".out").open("w+") as told:
        with subprocess.Popen(command, cwd=folder, env=env, stdout=told, stderr=errors, text=True) as program:
            while True:
                try:
                    code = program.wait(SHOWN_S)
                    break
                except subprocess.TimeoutExpired:
                    print(f"  {what}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        told.seek(0)
        return code, told.read()
