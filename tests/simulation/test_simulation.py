"""Whole systems from seeds: whatever goes wrong, nothing is lost, doubled or done without leave."""

import io
from collections import Counter
from functools import cache

import pytest
from rich.console import Console

from pilotfish.domain.mandate import Direction, LeadGone, Minimum, Route, Sides, Sizing, Start
from pilotfish.domain.terms import Execution, Outage
from pilotfish.worlds.fuzz import simulate_command
from pilotfish.worlds.fuzz.modes import OPTIONS, drawn
from pilotfish.worlds.fuzz.platform import RULES
from pilotfish.worlds.fuzz.scenario import draw
from pilotfish.worlds.fuzz.simulation import SeedReport, Simulation, simulate_seed

SEEDS = (
    54,
    66,
    129,
    139,
    146,
    187,
    196,
    216,
    223,
    244,
    278,
    351,
    507,
    513,
    559,
    560,
    567,
    626,
    642,
    646,
    649,
    650,
    693,
    720,
    723,
    757,
    777,
    789,
    832,
    892,
)

ENUMS = {
    "route": Route, "sizing": Sizing, "direction": Direction, "sides": Sides, "start": Start, "minimum": Minimum,
    "lead_gone": LeadGone, "execution": Execution,
}  # fmt: skip
DRAWN = {f"{name}: {mode.name.lower()}" for name, kind in ENUMS.items() for mode in kind} | {
    "plain", "fees", "fees: subscription", "execution: participation", "risk: breaker", "risk: liquidator",
    "risk: rate budget", "mapped: another quote", "mapped: another contract", "mapped: routes",
    "disclosed later, mirrored at once", "disclosed later, mirrored later", *(f"rule: {rule.name}" for rule in RULES),
    *(f"risk: outage {policy.name.lower()}" for policy in Outage), *(f"mandate: {name}" for name in OPTIONS),
}  # fmt: skip
HAPPENED = {
    "copies", "control: pause", "control: resume", "control: close", "control: leave", "paid out", "lead gone",
    "lead back", "lead liquidated", "mandate: tightened", "mandate: widened", "mandate: resized", "rebalances",
    "moved between leads", "hedge: targets", "depth: our orders", "fee: subscription", "fee: performance",
    "insurance: paid", "commitments opened", "extension failed", "terms changed", "transfers", "halted: breaker",
    "halted: outage", "halted: rule", "refused: budget", "refused: cooling", "refused: rule", "refused: unmapped",
    *(f"stopped: {name}" for name in (
        "take_profit", "stop_loss", "trailing_stop", "price_stop", "account_stop", "liquidator", "outage",
        "lead_liquidated", "lead_gone", "closed", "left",
    )),
}  # fmt: skip


@cache
def report_of(seed: int) -> SeedReport:
    return simulate_seed(seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_fuzzed_world_holds(seed: int) -> None:
    report = report_of(seed)
    assert report.problems == [], report.rerun
    assert report.events > 100


def test_the_seeds_are_not_idle() -> None:
    """What the fixed seeds exercise: without these, a clean run would say nothing."""
    reports = [report_of(seed) for seed in SEEDS]
    faults = sum((Counter(report.faults) for report in reports), Counter())
    rare = {"stale books", "stale marks"}
    common = {"duplicate", "drop", "delay or reorder", "partial", "lost ack", "lost then filled", "disconnects"}
    assert common | {"reject then fill"} <= {kind for kind, count in faults.items() if count}
    assert rare & set(faults)
    assert {mode for report in reports for mode in report.drawn} >= DRAWN
    assert {what for report in reports for what in report.happened} >= HAPPENED
    assert sum(report.orders for report in reports) > 1_000
    assert sum(report.fills for report in reports) > 1_000
    assert sum(report.restarts for report in reports) >= 10
    assert sum(report.garbage for report in reports) > 100


@pytest.mark.parametrize("seed", [9, 46, 117])
def test_a_seed_gives_the_same_journal_twice(seed: int) -> None:
    assert simulate_seed(seed) == report_of(seed)
    assert report_of(seed).root != report_of(10).root


def test_scenarios_differ_in_everything_that_is_drawn() -> None:
    worlds = [draw(seed) for seed in range(200)]
    assert {world.config.route.name for world in worlds} == {"OMNIBUS", "SEGREGATED"}
    assert {i.kind.name for world in worlds for i in world.instruments} == {"PERP", "SPOT", "OUTCOME"}
    assert {mode for world in worlds for mode in drawn(world)} >= DRAWN
    assert 10 < sum(world.plain for world in worlds) < 60
    assert {len(world.leads) for world in worlds} == {1, 2, 3, 4}
    assert {type(source).__name__ for w in worlds for source in w.sources.values()} == {"OrderFlow", "ModelledBook"}
    assert any(world.venue.rate_limit for world in worlds)
    assert any(world.venue.funding for world in worlds)


def test_an_exception_in_a_world_is_a_problem_and_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Simulation) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(Simulation, "_act", broken)
    (problem,) = simulate_seed(4).problems
    assert problem.startswith("seed 4, step ")
    assert "ZeroDivisionError: planted" in problem


def made_up(outcomes: dict[int, list[str]]):
    return lambda seed: SeedReport(seed, outcomes.get(seed, []), 10, drawn=["fees"], happened={"copies": 1_000})


def run_command(monkeypatch: pytest.MonkeyPatch, outcomes: dict[int, list[str]]) -> tuple[bool, str]:
    monkeypatch.setattr(simulate_command, "simulate_seed", made_up(outcomes))
    out = io.StringIO()
    held = simulate_command.simulate_seeds(5, 3, 1, Console(file=out, width=100))
    return held, out.getvalue()


def test_the_command_says_what_failed_and_how_to_see_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    held, said = run_command(monkeypatch, {6: ["seed 6, step 1, 0.5 s: planted [1, 2]"]})
    assert not held
    assert "planted [1, 2]" in said
    assert "pilotfish simulate --first 6 --seeds 1" in said
    assert "1 of 3 worlds failed" in said


def test_the_command_is_content_when_every_world_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    held, said = run_command(monkeypatch, {})
    assert held
    assert "3 worlds, nothing found" in said


def test_the_command_shows_which_modes_were_drawn_and_what_came_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    _, said = run_command(monkeypatch, {})
    (row,) = [line.split() for line in said.splitlines() if "copies" in line]
    assert row == ["fees", "3", "copies", "3,000"]
