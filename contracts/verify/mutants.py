"""Deliberate defects, one at a time, in a copy of the sources: each must be caught, or the tests do not bite."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from queue import SimpleQueue

from contracts.verify.tools import CONTRACTS, FORGE, HERE, OUT, environment, program, proofs

LIST = HERE / "mutants.toml"
AT_ONCE = 2
TIME_MAX_S = 1_200


@dataclass(frozen=True)
class Mutant:
    """`find` stands once in `file` (below contracts/src) and becomes `replace`; contract `by` must then fail."""

    name: str
    file: str
    find: str
    replace: str
    by: str


def listed() -> list[Mutant]:
    return [Mutant(**entry) for entry in tomllib.loads(LIST.read_text())["mutant"]]


def planted(mutant: Mutant, source: str) -> str:
    """The source with the defect. Raises SystemExit where the list no longer fits the source."""
    if source.count(mutant.find) != 1:
        raise SystemExit(
            f"mutants.toml: {mutant.name}: {source.count(mutant.find)} places in {mutant.file} read {mutant.find!r}"
        )
    return source.replace(mutant.find, mutant.replace)


def projects() -> Iterator[Path]:
    """Copies of the project in which mutants are planted; what is compiled stays from run to run."""
    n = 0
    while True:
        project = OUT / f"mutants/{n}"
        for folder in ("src", "test"):
            shutil.rmtree(project / folder, ignore_errors=True)
            shutil.copytree(CONTRACTS / folder, project / folder)
        shutil.copy(CONTRACTS / "foundry.toml", project)
        if not (project / "node_modules").exists():
            (project / "node_modules").symlink_to(CONTRACTS / "node_modules")
        _seed(project)
        yield project
        n += 1


def _seed(project: Path) -> None:
    """Begin with what the tests proper have compiled: then a planted defect costs one compilation, of its own file."""
    here, there = environment(), environment(project)
    for folder in ("FOUNDRY_OUT", "FOUNDRY_CACHE_PATH"):
        if Path(here[folder]).exists() and not Path(there[folder]).exists():
            shutil.copytree(here[folder], there[folder])


def caught(mutant: Mutant, project: Path) -> bool:
    """Whether the tests fail with the mutant in; that they pass without it is what the steps before have shown."""
    file = project / "src" / mutant.file
    sound = file.read_text()
    file.write_text(planted(mutant, sound))
    try:
        if mutant.by.endswith("Proofs"):
            return _refuted(mutant, project)
        command: list[str | Path] = [FORGE, "test", "--json", "--fail-fast", "--match-contract", f"^{mutant.by}$"]
        done = _run(command, project, environment(project))
        if not done.stdout.startswith("{"):
            raise SystemExit(
                f"mutant {mutant.name} does not compile or run:\n{done.stderr[-2000:]}{done.stdout[-500:]}"
            )
        results = [r for suite in json.loads(done.stdout).values() for r in suite["test_results"].values()]
        if not results:
            raise SystemExit(f"mutants.toml: {mutant.name}: no test in a contract called {mutant.by}")
        return any(result["status"] == "Failure" for result in results)
    finally:
        file.write_text(sound)


def _refuted(mutant: Mutant, project: Path) -> bool:
    report = project / "halmos.json"
    report.unlink(missing_ok=True)
    own = proofs(project)
    command: list[str | Path] = [program("halmos"), "--forge-build-out", own["FOUNDRY_OUT"], "--contract", mutant.by]
    command += ["--json-output", report, "--no-status", "--solver-timeout-assertion", "60000"]
    _run(command, project, own)
    if not report.exists():
        raise SystemExit(f"mutant {mutant.name}: halmos did not run")
    suites = json.loads(report.read_text())["test_results"].values()
    return any(proof["num_models"] for told in suites for proof in told)


def _run(command: list[str | Path], project: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, cwd=project, env=env, capture_output=True, text=True, timeout=TIME_MAX_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise SystemExit(f"mutants: {command[0]} took more than {TIME_MAX_S} s") from None


def mutants() -> tuple[str, list[str]]:
    """How many of them were caught, and which were not."""
    wanted = listed()
    free: SimpleQueue[Path] = SimpleQueue()
    for project in islice(projects(), min(AT_ONCE, os.cpu_count() or 1)):
        free.put(project)

    def one(mutant: Mutant) -> bool:
        project = free.get()
        try:
            found = caught(mutant, project)
        finally:
            free.put(project)
        print(f"  {'caught' if found else 'MISSED'}: {mutant.name}", flush=True)
        return found

    with ThreadPoolExecutor(free.qsize()) as pool:
        outcomes = list(pool.map(one, wanted))
    missed = [f"{m.name} ({m.file}) was not caught by {m.by}" for m, ok in zip(wanted, outcomes, strict=True) if not ok]
    return f"{len(wanted) - len(missed)} of {len(wanted)} deliberate defects caught", missed
