"""What copying one lead fill to many followers costs: the decision, the allocation, the postings, the memory.

python -m bench.fanout engine|objects <followers>     one side in a process of its own, as JSON
"""

from __future__ import annotations

import sys
from statistics import median
from time import perf_counter

import msgspec

from bench.baseline import Copier
from bench.compare import both, taken_over
from bench.curve import draw, sketch
from bench.measure import ROOT, Row, alone, no_collector, peak_mib, progress, row
from bench.scene import INSTRUMENTS, Scene, all_rules, checked, every_limit, fee_of
from pilotfish.engine.step import step

FOLLOWERS = 32_000
CURVE = (100, 300, 1_000, 3_000, 10_000, 32_000, 100_000)
FLAT_FROM = 1_000
WARM = 14  # turns until every instrument is traded
TURNS = 42
BOUNDS = (25, 50, 100)
OBJECTS = "an object with Decimals for each follower, same allocations"


def run() -> list[Row]:
    """Fan-out and allocation, the whole step with its memory, three bound classes, and the curve."""
    progress.log(f"fan-out: {FOLLOWERS:,} followers, engine and objects")
    rows = [_fanout(), _bound_classes(), _all_rules(), *_whole(), *_curve()]
    return rows


def turn_times(scene: Scene, turns: int) -> tuple[list[float], list[float]]:
    """Seconds of each turn: the lead fill's step with the fills' steps, and all of it with the last order updates."""
    copies, whole = [], []
    with no_collector():
        for _ in range(turns):
            turn = scene.turn()
            scene.market(turn)
            began = perf_counter()
            outcome = step(scene.state, turn.fill)
            decided = perf_counter() - began
            answers = scene.answers(outcome, turn.fill.price)
            began = perf_counter()
            outcomes = [step(scene.state, fill) for fill in answers[::2]]
            shared = perf_counter() - began
            outcomes += [step(scene.state, update) for update in answers[1::2]]
            ended = perf_counter() - began
            for each in (outcome, *outcomes):
                checked(each)
            copies.append(decided + shared)
            whole.append(decided + ended)
    if any(scene.state.ledger.sums().values()):
        raise AssertionError(f"the ledger does not sum to zero: {scene.state.ledger.sums()}")
    return copies, whole


def warm_scene(count: int, bounds: tuple[int, ...] = (50,)) -> Scene:
    scene = Scene(every_limit(count, bounds))
    for _ in range(WARM):
        scene.play()
    return scene


def objects_s(scene: Scene, turns: int = 3) -> float:
    """Median seconds of a turn by the baseline, which must give what the engine gives; three turns have two opens."""
    copier, times = taken_over(scene), []
    for _ in range(turns):
        with no_collector():
            turn = both(scene, copier)
        if not turn.equal:
            raise AssertionError("the baseline allocated otherwise: the comparison means nothing")
        times.append(turn.theirs_s)
    return median(times)


def _fanout() -> Row:
    scene = warm_scene(FOLLOWERS)
    ours = median(turn_times(scene, TURNS)[0])
    return row(
        f"fan-out and allocation, {FOLLOWERS:,} followers", ours * 1e3, "ms", objects_s(scene) * 1e3,
        against=OBJECTS, target="≤ 10 ms, ≥ 20×",
    )  # fmt: skip


def _bound_classes() -> Row:
    scene = warm_scene(FOLLOWERS, BOUNDS)
    ours = median(turn_times(scene, TURNS)[0])
    return row(
        f"fan-out and allocation, {len(BOUNDS)} classes of slippage bound", ours * 1e3, "ms",
        objects_s(scene) * 1e3, against=OBJECTS, note="one block order for each class",
    )  # fmt: skip


def _all_rules() -> Row:
    """Every limit of the mandates, the platform's risk terms, and eight rules that are all asked and never fire."""
    scene = Scene(every_limit(FOLLOWERS))
    for event in all_rules(scene.now):
        checked(step(scene.state, event))
    for _ in range(WARM):
        scene.play()
    ours = median(turn_times(scene, TURNS)[0])
    without = median(turn_times(warm_scene(FOLLOWERS), TURNS)[0])
    return row(
        f"fan-out with all rules, {FOLLOWERS:,} followers", ours * 1e3, "ms", without * 1e3,
        against="the same without risk terms and rules", target="≤ 15 ms", note="eight CEL rules",
    )  # fmt: skip


def _whole() -> list[Row]:
    """Each side in a process of its own, so that the memory is its own."""
    progress.log("fan-out: memory, each side in its own process")
    ours, theirs = (alone("bench.fanout", side, FOLLOWERS) for side in ("engine", "objects"))
    name = f"lead fill to the last posting, {FOLLOWERS:,} followers"
    return [
        row(name, ours["ms"], "ms", theirs["ms"], against=OBJECTS, target="≤ 50 ms"),
        row(f"{name}: peak memory", ours["mib"], "MiB", theirs["mib"], against=OBJECTS, target="≤ 1,024 MiB"),
    ]


def _curve() -> list[Row]:
    points: dict[int, float] = {}
    for count in CURVE:
        progress.log(f"fan-out curve: {count:,} followers")
        points[count] = median(turn_times(warm_scene(count), TURNS)[0]) / count * 1e6
    objects = objects_s(warm_scene(FLAT_FROM)) / FLAT_FROM * 1e6
    flat = [cost for count, cost in points.items() if count >= FLAT_FROM]
    fixed = (points[CURVE[0]] - points[FLAT_FROM]) * CURVE[0] / (1 - CURVE[0] / FLAT_FROM)
    text = f"each fill has a fixed cost of about {fixed:,.0f} µs"
    (ROOT / "bench/fanout_curve.svg").write_text(draw(points, objects, text))
    progress.print(sketch(points))
    most, name = CURVE[-1], "fan-out and allocation, per follower"
    spread = max(flat) / min(flat)
    per_follower = row(f"{name} at {most:,}", points[most], "µs", objects, against=f"{OBJECTS}, at {FLAT_FROM:,}")
    flatness = row(f"{name}: most / least, {FLAT_FROM:,} to {most:,}", spread, "×", 1.0, against="a line", note=text)
    return [per_follower | {"points": [[count, round(cost, 4)] for count, cost in points.items()]}, flatness]


def _side(side: str, count: int) -> dict[str, float]:
    spent = median(turn_times(warm_scene(count), TURNS)[1]) if side == "engine" else _objects_alone(count)
    return {"ms": spent * 1e3, "mib": peak_mib()}


def _objects_alone(count: int) -> float:
    """Median seconds of the three turns after the warm ones, as the engine's process plays them."""
    scene, copier, times = Scene(every_limit(1)), Copier.of(every_limit(count)), []
    for _ in range(WARM + 3):
        turn = scene.turn()
        k, price = turn.fill.instrument, turn.fill.price
        copier.marks = {top.instrument: INSTRUMENTS[k].show_price((top.bid + top.ask) // 2) for top in turn.tops}
        with no_collector():
            began = perf_counter()
            for block in copier.decide(k, turn.before, scene.lead[k], price):
                cost = INSTRUMENTS[k].cost(block.side, block.lots, price)
                copier.settle(block, block.lots, cost, fee_of(INSTRUMENTS[k], cost))
            times.append(perf_counter() - began)
    return median(times[WARM:])


if __name__ == "__main__":
    print(msgspec.json.encode(_side(sys.argv[1], int(sys.argv[2]))).decode())
