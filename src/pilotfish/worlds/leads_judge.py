"""Every lead of some recordings replayed, compared and ranked; with a split, judged again on what came after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console

from pilotfish import __version__
from pilotfish.domain.errors import ConfigError
from pilotfish.evidence.clones import CloneLink, find_clones
from pilotfish.evidence.life import DAY_NS
from pilotfish.evidence.luck import luckiest, rank_correlation, rank_interval
from pilotfish.evidence.schema import Later, LeadsReport, Unjudged
from pilotfish.worlds.commands import progress_bar
from pilotfish.worlds.leads_measure import STEPS_MIN, Measured, evidence, measure, money_weighted, orders_of, rung
from pilotfish.worlds.leads_replay import COPIERS, EXIT_BPS, OPEN_BPS, Copied, copy_lead, pooled
from pilotfish.worlds.leads_tape import Account, LeadsTape, choose, read_leads
from pilotfish.worlds.leads_window import USDC, Window, window_of
from pilotfish.worlds.replay import ASSUMED_LEVERAGE

LADDER = (1, 10, 100, 1_000)  # times what the copiers bring together


class LeadsJob(msgspec.Struct, frozen=True):
    """What `pilotfish leads` was asked for. `capital`: USDC that all copiers of one lead bring together."""

    files: Sequence[Path]
    accounts: int = 10
    seed: int = 1
    capital: float = 10_000.0
    split: str = ""
    lead_equity: dict[str, int] = {}
    ladder: bool = True
    replays: int = 3
    strict: bool = False
    out: Path | None = None


def judge(job: LeadsJob, console: Console) -> LeadsReport:
    """Read, choose, replay and rank; with a split, rank on the first period and judge on the second."""
    if job.accounts < 1 or not 1 <= job.replays <= 100 or not 100 <= job.capital <= 1e8:
        asked = f"--accounts {job.accounts}, --replays {job.replays}, --copiers-capital {job.capital:g}"
        raise ConfigError(asked, "is no comparison", "one account, 1 to 100 replays, 100 to 100,000,000 USDC")
    tape = read_leads(job.files, strict=job.strict)
    begin, end = tape.start_ns - 1, tape.end_ns
    middle = split_ns(tape, job.split) if job.split else end
    chosen, unjudged = choose(tape, job.accounts, middle)
    if unknown := sorted(set(job.lead_equity) - {account.name for account in chosen}):
        named = ", ".join(account.name for account in chosen) or "none"
        raise ConfigError(f"--lead-equity {unknown[0]}", "is no lead that is judged", f"they are {named}")
    step = step_of(middle - begin)
    windows = [w for a in chosen if (w := window_of(tape, a, begin, middle, job.lead_equity.get(a.name, 0)))]
    later = [_later(tape, a, middle, end, job) for a in chosen] if job.split else []
    capitals = [job.capital * times for times in (LADDER if job.ladder else LADDER[:1])]
    total = sum(len(w.fills) for w in windows) * len(capitals) + sum(len(w.fills) for w in later if w)
    total *= job.replays
    with progress_bar("replaying leads", total, console) as show:
        told = _teller(total, show)
        found = [_measured(window, capitals, step, job, told) for window in windows]
        second = [None if w is None else _second(w, job, step_of(end - middle), told) for w in later]
    links = _clones(windows)
    report = _report(job, tape, found, links, unjudged, (begin, middle), step)
    if not job.split:
        return report
    return _with_later(report, [w.name for w in windows], second, middle)


def split_ns(tape: LeadsTape, text: str) -> int:
    """A date (UTC), or the share of all fills that the first period holds. Raises ConfigError when it is neither."""
    try:
        share = float(text)
    except ValueError:
        try:
            at = int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9
        except ValueError:
            at = -1
    else:
        stamps = np.sort(np.array([ns for account in tape.accounts for ns in account.stamps]))
        at = int(stamps[int(share * (stamps.size - 1))]) if 0 < share < 1 else -1
    if not tape.start_ns < at < tape.end_ns:
        raise ConfigError(
            f"--split {text}", "is no point inside the recordings", "a share of the fills like 0.5, or 2022-11-01"
        )
    return at


def step_of(span_ns: int) -> int:
    """A day where the period has thirty of them, an hour where it has as many, else a fortieth of it."""
    hour = DAY_NS // 24
    return DAY_NS if span_ns >= 30 * DAY_NS else hour if span_ns >= 30 * hour else max(span_ns // 40, 10**9)


def _teller(total: int, show: Callable[[int, int], None]) -> Callable[[int], None]:
    done = 0

    def told(fills: int) -> None:
        nonlocal done
        done += fills
        show(done, total)

    return told


def _worlds(window: Window, capital: float, job: LeadsJob, step: int, told: Callable[[int], None]) -> list[Copied]:
    return [copy_lead(window, int(capital * USDC), job.seed + k, step, told) for k in range(job.replays)]


def _measured(
    window: Window, capitals: Sequence[float], step: int, job: LeadsJob, told: Callable[[int], None]
) -> Measured:
    """The lead with the least capital in full; more of it only while there is an edge left to eat."""
    found = measure(window, _worlds(window, capitals[0], job, step, told), capitals[0], step, job.seed)
    edge = found.copying.money_weighted
    for at, capital in enumerate(capitals[1:], 1):
        if found.ladder[-1].copier_return < edge / 2 or edge <= 0:
            told(len(window.fills) * (len(capitals) - at) * job.replays)
            break
        found.ladder.append(rung(capital, pooled(_worlds(window, capital, job, step, told))))
    return found


def _later(tape: LeadsTape, account: Account, start: int, end: int, job: LeadsJob) -> Window | None:
    return window_of(tape, account, start, end, job.lead_equity.get(account.name, 0))


def _second(window: Window, job: LeadsJob, step: int, told: Callable[[int], None]) -> float:
    return money_weighted(pooled(_worlds(window, job.capital, job, step, told)))


def _clones(windows: Sequence[Window]) -> list[CloneLink]:
    symbols = sorted({(i.venue, i.symbol) for w in windows for i in w.instruments})
    ids = {key: n for n, key in enumerate(symbols)}
    return find_clones([orders_of(w, ids) for w in windows if w.fills])


def _report(
    job: LeadsJob, tape: LeadsTape, found: Sequence[Measured], links: Sequence[CloneLink],
    unjudged: Sequence[Unjudged], period: tuple[int, int], step: int,
) -> LeadsReport:  # fmt: skip
    ranked = sorted(found, key=lambda one: (-one.copying.money_weighted, one.window.name))
    ratios = [one.per_step for one in found if one.per_step is not None and one.steps.size >= STEPS_MIN]
    twins: dict[str, list[str]] = {}
    for link in links:
        twins.setdefault(link.first, []).append(link.second)
        twins.setdefault(link.second, []).append(link.first)
    luck = luckiest(ratios, len(found))
    leads = [evidence(one, rank, luck, twins.get(one.window.name, ())) for rank, one in enumerate(ranked, 1)]
    return LeadsReport(
        version=__version__,
        seed=job.seed,
        files=[Path(file).name for file in job.files],
        start_ms=period[0] // 10**6,
        end_ms=period[1] // 10**6,
        step_hours=step / DAY_NS * 24,
        accounts_seen=len(tape.accounts),
        copiers=COPIERS,
        copier_capital=job.capital,
        replays=job.replays,
        luckiest_per_step=luck,
        leads=leads,
        unjudged=list(unjudged),
        clones=list(links),
        assumptions=assumptions(),
        issues=tape.issues,
    )


def assumptions() -> list[str]:
    return [
        f"equity, where not given: the most cash that paid positions bound, and peak perpetuals / {ASSUMED_LEVERAGE}",
        f"{COPIERS} copiers join at 0, 1/{COPIERS}, 2/{COPIERS}, … of each lead's life and take over what it holds",
        f"their orders are one block: opens within {OPEN_BPS} bps of the lead's price, exits {EXIT_BPS} of the mark",
        "prices between recorded trades, depth and impact are those of the market model (docs/market-model.md)",
        "marks are the last price anybody in the files traded at; fees of the platform are not counted",
    ]


def _with_later(report: LeadsReport, names: Sequence[str], second: Sequence[float | None], middle: int) -> LeadsReport:
    """What became of each lead after the split, ranked again, and how far the two rankings agree."""
    got = dict(zip(names, second, strict=True))
    order = sorted((n for n, value in got.items() if value is not None), key=lambda n: (-(got[n] or 0.0), n))
    ranks = {name: rank for rank, name in enumerate(order, 1)}
    rows = []
    for lead in report.leads:
        value = got[lead.name]
        why = "" if value is not None else "neither traded nor held anything"
        rows.append(Later(lead.name, lead.rank, lead.copying.money_weighted, value, ranks.get(lead.name), why))
    both = [(row.first, row.second) for row in rows if row.second is not None]
    agree = rank_correlation([a for a, _ in both], [b for _, b in both])
    low, high = (agree is not None and rank_interval(agree, len(both))) or (None, None)
    return msgspec.structs.replace(
        report, split_ms=middle // 10**6, later=rows, rank_correlation=agree, rank_low=low, rank_high=high
    )
