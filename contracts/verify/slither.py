"""Static analysis by slither: every finding is either mended or accepted with its reason in accepted.toml."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from typing import Any

from contracts.verify.running import run
from contracts.verify.tools import CONTRACTS, HERE, OUT, environment, program

ACCEPTED = HERE / "accepted.toml"


def place(finding: dict[str, Any]) -> str:
    """What a finding is about, without line numbers: `Contract.function` of its first element, or the file."""
    if not finding["elements"]:
        return "everywhere"
    element = finding["elements"][0]
    fields, names = element.get("type_specific_fields", {}), [element["name"]]
    while parent := fields.get("parent"):
        if parent["type"] in ("function", "contract"):
            names.append(parent["name"])
        fields = parent.get("type_specific_fields", {})
    if element["type"] == "node":
        names = names[1:]
    return ".".join(reversed(names)) or str(element["source_mapping"]["filename_relative"])


def allowance(accepted: list[dict[str, Any]]) -> tuple[set[str], Counter[tuple[str, str]]]:
    """Detectors that are not followed at all, and how many findings of each other are accepted at which place."""
    everywhere = {entry["check"] for entry in accepted if entry["where"] == ["*"]}
    allowed: Counter[tuple[str, str]] = Counter()
    for entry in accepted:
        for where in entry["where"] if entry["check"] not in everywhere else ():
            name, _, times = where.partition(" ×")
            allowed[entry["check"], name] += int(times or 1)
    return everywhere, allowed


def unexplained(found: list[dict[str, Any]], accepted: list[dict[str, Any]]) -> list[str]:
    """Findings beyond those accepted, and acceptances that nothing needs any more."""
    everywhere, allowed = allowance(accepted)
    counted = Counter((f["check"], place(f)) for f in found if f["check"] not in everywhere)
    words = {(f["check"], place(f)): " ".join(f["description"].split())[:300] for f in found}
    faults = [
        f"{check} ({times} found, {allowed[check, where]} accepted) at {where}: {words[check, where]}"
        for (check, where), times in sorted(counted.items())
        if times > allowed[check, where]
    ]
    faults += [
        f"accepted.toml: {check} at {where} is accepted {times} times and found {counted[check, where]}"
        for (check, where), times in sorted(allowed.items())
        if counted[check, where] < times
    ]
    return faults + [f"accepted.toml: no reason for {entry['check']}" for entry in accepted if not entry.get("why")]


def slither() -> tuple[str, list[str]]:
    """All detectors, over our own sources (findings wholly in packages are theirs)."""
    report = OUT / "slither.json"
    report.unlink(missing_ok=True)
    env = environment() | {"FOUNDRY_OUT": str(OUT / "slither-built"), "FOUNDRY_CACHE_PATH": str(OUT / "slither-cache")}
    command = [program("slither"), ".", "--foundry-out-directory", env["FOUNDRY_OUT"]]
    command += ["--filter-paths", "node_modules|contracts/test", "--json", report]
    code, _ = run("slither", command, CONTRACTS, env, OUT / "logs/slither.log")
    if not report.exists():
        return "did not run", [f"slither ended with {code}: {(OUT / 'logs/slither.log').read_text()[-1500:]}"]
    answer = json.loads(report.read_text())
    if not answer["success"]:
        return "did not run", [str(answer["error"])[-1500:]]
    found = answer["results"].get("detectors", [])
    accepted = tomllib.loads(ACCEPTED.read_text())["accepted"]
    return f"{len(found)} findings, each mended or accepted", unexplained(found, accepted)
