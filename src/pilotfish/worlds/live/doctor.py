"""`pilotfish doctor`: whether a run can be started with this clock, these keys, this money and this venue."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import IntEnum

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pilotfish.domain.mandate import NO_LIMIT, OMNIBUS, Follows
from pilotfish.venues.gateway import AccountSurvey, Survey
from pilotfish.worlds.live.chains import CHAIN
from pilotfish.worlds.live.opening import name_of
from pilotfish.worlds.live.settings import Limits, LiveSettings

USDC = 10**6
MS = 1_000_000
SKEW_WARN_NS, SKEW_NS_MAX = 250 * MS, 1_000 * MS
LATENCY_WARN_NS = 500 * MS
BUDGET_WARN_PERCENT = 80


class Level(IntEnum):
    OK = 0
    WARNING = 1
    ERROR = 2


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at; `to_do` says how to mend it."""

    level: Level
    what: str
    why: str = ""
    to_do: str = ""


def examine(settings: LiveSettings, survey: Survey, follows: Follows, keys: Sequence[str]) -> list[Finding]:
    """Everything, good findings too. `keys`: addresses that can sign here."""
    found = [*_clock(survey), *_latency(survey), *_budgets(survey), *_leads(settings, survey)]
    if settings.run.mode == "live":
        found += [*_limits(settings, follows), *_accounts(settings, survey, follows, keys)]
    return [*found, *(Finding(Level.WARNING, survey.venue, note) for note in survey.notes)]


def passed(found: Sequence[Finding]) -> bool:
    return all(one.level is not Level.ERROR for one in found)


def show(found: Sequence[Finding], console: Console) -> None:
    """What was found, the worst last, where it is read."""
    signs = {Level.OK: ("✓", "green"), Level.WARNING: ("!", "yellow"), Level.ERROR: ("✗", "bold red")}
    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column(no_wrap=True)
    made.add_column(style="bold", overflow="fold", max_width=34)
    made.add_column(overflow="fold")
    for one in sorted(found, key=lambda one: one.level):
        sign, style = signs[one.level]
        made.add_row(Text(sign, style=style), Text(one.what), Text(one.why + (f". {one.to_do}" if one.to_do else "")))
    console.print(made)


def _clock(survey: Survey) -> list[Finding]:
    off = survey.clock_offset_ns
    why = f"{off / MS:+,.0f} ms between the venue's clock and ours"
    if abs(off) > SKEW_NS_MAX:
        return [
            Finding(Level.ERROR, "clock", why, "synchronise this machine (chrony or systemd-timesyncd), then again")
        ]
    return [Finding(Level.WARNING if abs(off) > SKEW_WARN_NS else Level.OK, "clock", why)]


def _latency(survey: Survey) -> list[Finding]:
    trips = sorted(survey.round_trips_ns)
    if not trips:
        return [Finding(Level.ERROR, "latency", "the venue answered nothing", "check the address and the network")]
    middle = trips[len(trips) // 2]
    why = f"{middle / MS:,.0f} ms there and back at the median of {len(trips)}, {trips[-1] / MS:,.0f} ms at worst"
    if middle > LATENCY_WARN_NS:
        return [Finding(Level.WARNING, "latency", why, "copies will be late by as much; run nearer to the venue")]
    return [Finding(Level.OK, "latency", why)]


def _budgets(survey: Survey) -> list[Finding]:
    out = []
    for one in survey.budgets:
        full = one.used * 100 >= one.cap * BUDGET_WARN_PERCENT
        why = f"{one.used:,} of {one.cap:,} used"
        to_do = "it grows with volume on most venues; fewer, larger orders use less" if full else ""
        out.append(Finding(Level.WARNING if full else Level.OK, f"budget: {one.name}", why, to_do))
    return out


def _leads(settings: LiveSettings, survey: Survey) -> list[Finding]:
    out = []
    for lead in survey.leads:
        name = f"lead {name_of(settings, lead)}"
        held = sum(1 for lots in lead.positions.values() if lots)
        if lead.equity <= 0:
            why, to_do = "has no equity on this venue", "check the address; copies in proportion to equity need some"
            out.append(Finding(Level.ERROR, name, f"{lead.address} {why}", to_do))
            continue
        out.append(Finding(Level.OK, name, f"{_usdc(lead.equity)} equity, {held} positions"))
    if not survey.leads:
        out.append(Finding(Level.ERROR, "leads", "none are named", "--lead ADDRESS, or [[leads]] in the file"))
    return out


def _limits(settings: LiveSettings, follows: Follows) -> list[Finding]:
    lacking = [name for name in Limits.__struct_fields__ if getattr(settings.limits, name) == 0]
    out = [
        Finding(Level.ERROR, f"limit {name}", "is not set", f"set it: {settings.where(f'limits.{name}')}")
        for name in lacking
    ]
    allocated = int(follows.allocation.sum())
    if not lacking and allocated > settings.limits.capital_usdc * USDC:
        why = f"{_usdc(allocated)} allocated, more than capital_usdc {settings.limits.capital_usdc:f}"
        out.append(Finding(Level.ERROR, "limit capital_usdc", why, "fewer followers or smaller allocations"))
    loose = int(((follows.open_bps == 0) | (follows.open_bps >= NO_LIMIT) | (follows.exit_bps == 0)).sum())
    if loose:
        why = f"{loose} follows have no slippage bound"
        out.append(Finding(Level.ERROR, "mandates", why, "set open_bps and exit_bps (docs/followers.md)"))
    return out or [Finding(Level.OK, "limits", "all five are set")]


def _accounts(settings: LiveSettings, survey: Survey, follows: Follows, keys: Sequence[str]) -> list[Finding]:
    out: list[Finding] = []
    allocated = {OMNIBUS: int(follows.allocation.sum())}
    for who, amount in zip(follows.follower.tolist(), follows.allocation.tolist(), strict=True):
        allocated[who] = allocated.get(who, 0) + amount
    for one in survey.accounts:
        may_withdraw = settings.keys.may_withdraw
        out += _account(survey.venue, one, allocated.get(one.ours.account, 0), keys, may_withdraw)
    wanted = {OMNIBUS} if settings.run.route == "omnibus" else set(follows.follower.tolist())
    missing = wanted - {one.ours.account for one in survey.accounts}
    if missing:
        why = f"{len(missing)} have none" if OMNIBUS not in missing else "none is named"
        out.append(Finding(Level.ERROR, "accounts", why, "add [[accounts]] with address and key"))
    return out


def _account(venue: str, one: AccountSurvey, allocated: int, keys: Sequence[str], may_withdraw: bool) -> list[Finding]:
    name, out = f"account {short(one.ours.address)}", list[Finding]()
    if one.ours.key.lower() not in keys:
        to_do = "pilotfish keys list shows what is there; pilotfish keys new, then approve it"
        out.append(Finding(Level.ERROR, name, f"its key {one.ours.key} cannot sign here", to_do))
    if one.may_withdraw:
        to_do = one.note or "make a key that trades only (pilotfish keys new, pilotfish approve) and name that one"
        if venue == CHAIN:
            to_do = "a chain knows no others: [keys] may_withdraw = true accepts it; keep little money there"
        why = f"the key {one.ours.key} could withdraw"
        accepted = Finding(Level.WARNING, name, why, "[keys] may_withdraw accepts it; keep little money there")
        out.append(accepted if may_withdraw else Finding(Level.ERROR, name, why, to_do))
    if one.may_trade is False:
        why = f"the key {one.ours.key} may not trade. {one.note}"
        out.append(Finding(Level.ERROR, name, why, "pilotfish approve" if venue != CHAIN else "mend it with a wallet"))
    if one.equity < allocated:
        why = f"{_usdc(one.equity)} equity, less than the {_usdc(allocated)} that followers allocated"
        out.append(Finding(Level.ERROR, name, why, "deposit, or allocate less"))
    if one.orders:
        why = f"{one.orders} open orders there now; those of other hands are left alone, and count against its margin"
        out.append(Finding(Level.WARNING, name, why))
    if out:
        return out
    return [Finding(Level.OK, name, f"{_usdc(one.equity)} equity, trades and cannot withdraw")]


def short(address: str) -> str:
    """Enough of an address to know it by."""
    return f"{address[:6]}…{address[-4:]}" if len(address) == 42 else address


def _usdc(money: int) -> str:
    return f"{Decimal(money) / USDC:,.2f} USDC"
