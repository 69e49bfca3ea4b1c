"""Recordings as accounts: each with all its fills of all files, against everything that anybody traded there."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.events import LeadFill
from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.evidence.schema import Unjudged
from pilotfish.venues.recordings import Recording, read_recordings

ALL = 1_000_000  # accounts of a file
UNCOVERED_MAX = 0.1  # of what was sold; beyond it the record is not the account's whole story
FILLS_MIN = 10

Print = tuple[int, int, int]  # (ns, price, side)


class Account(msgspec.Struct):
    """One account's fills in time order, under the tape's instrument ids, and what each cost in fees.

    Sales of what it never bought here are cut out of `fills`: see `sales`.
    """

    name: str
    venue: str
    fills: list[LeadFill] = []
    fees: list[int] = []
    stamps: list[int] = []  # of all fills, those too that nobody could copy
    first: dict[int, int] = {}  # lots before its first fill, where the venue states them
    sales: list[tuple[int, int, int]] = []  # of fully paid instruments: ns, money, and of that never bought here

    def uncovered(self, until_ns: int) -> float:
        """Share of what was sold until then that it never bought here."""
        sold = sum(money for ns, money, _ in self.sales if ns <= until_ns)
        return sum(money for ns, _, money in self.sales if ns <= until_ns) / sold if sold else 0.0


class Prints(msgspec.Struct):
    """All known trades by instrument, in time order."""

    rows: dict[int, list[Print]]
    times: dict[int, list[int]]

    def mark(self, instrument: int, ns: int) -> int:
        """The last price at or before `ns`; the first one where there is none yet, 0 where there never is."""
        rows = self.rows.get(instrument)
        return rows[max(bisect_right(self.times[instrument], ns) - 1, 0)][1] if rows else 0

    def age_ns(self, instrument: int, ns: int) -> int:
        times = self.times.get(instrument)
        return max(ns - times[max(bisect_right(times, ns) - 1, 0)], 0) if times else 0


class LeadsTape(msgspec.Struct):
    instruments: list[Instrument]
    accounts: list[Account]
    prints: Prints
    issues: list[str]
    notes: list[str]

    @property
    def start_ns(self) -> int:
        return min(account.stamps[0] for account in self.accounts)

    @property
    def end_ns(self) -> int:
        return max(account.stamps[-1] for account in self.accounts)


def read_leads(files: Sequence[Path], *, strict: bool = False) -> LeadsTape:
    """Every account of every file. An address is the same account in all of them. Raises ConfigError without a fill."""
    recordings = read_recordings(files, strict=strict, accounts=ALL)
    issues = [str(issue) for r in recordings for issue in r.issues]
    notes = list(dict.fromkeys(f"{Path(r.file).name}: {note}" for r in recordings for note in r.notes if r.fills))
    with_trades = [r for r in recordings if r.fills]
    if not with_trades:
        why = "; ".join([*issues, *(note for r in recordings for note in r.notes)][:3]) or "no fill was read"
        raise ConfigError(
            "the recordings hold no account's trades", why, "name a file of fills, see docs/recordings.md"
        )
    instruments = _common(with_trades)
    ids = {(i.venue, i.symbol): i.id for i in instruments}
    accounts: dict[str, Account] = {}
    for r in with_trades:
        _add(accounts, r, [instruments[ids[i.venue, i.symbol]] for i in r.instruments])
    rows: dict[int, list[Print]] = {}
    for account in accounts.values():
        _in_order(account)
        for fill in account.fills:
            rows.setdefault(fill.instrument, []).append((fill.venue_ns, fill.price, fill.side))
    for path in rows.values():
        path.sort()
    for account in accounts.values():
        _cover(account, instruments)
    return LeadsTape(
        instruments,
        list(accounts.values()),
        Prints(rows, {k: [p[0] for p in v] for k, v in rows.items()}),
        issues,
        notes,
    )


def _common(recordings: Sequence[Recording]) -> list[Instrument]:
    """One instrument for all recordings of it, with the finest decimals that any of them shows."""
    found: dict[tuple[str, str], Instrument] = {}
    for one in (i for r in recordings for i in r.instruments):
        known = found.get((one.venue, one.symbol))
        if known is None:
            found[one.venue, one.symbol] = msgspec.structs.replace(one, id=len(found))
            continue
        lot, price = max(known.lot_decimals, one.lot_decimals), max(known.price_decimals, one.price_decimals)
        ticks = [i.tick * 10 ** (price - i.price_decimals) for i in (known, one)]
        tick = known.tick if known.tick_rule.name == "SIGNIFICANT" else min(ticks)
        found[one.venue, one.symbol] = msgspec.structs.replace(known, lot_decimals=lot, price_decimals=price, tick=tick)
    return list(found.values())


def _add(accounts: dict[str, Account], recording: Recording, common: Sequence[Instrument]) -> None:
    name = recording.account or Path(recording.file).name.split(".")[0]
    if not name.startswith("0x") and name in accounts:  # a file's name is no proof that two files are one account
        name = f"{name}#{sum(known.split('#')[0] == name for known in accounts) + 1}"
    account = accounts.setdefault(name, Account(name, recording.venue))
    scale = [10 ** (c.lot_decimals - i.lot_decimals) for c, i in zip(common, recording.instruments, strict=True)]
    for fill, fee in zip(recording.fills, recording.fees, strict=True):
        k, own, one = fill.instrument, recording.instruments[fill.instrument], common[fill.instrument]
        start = None if fill.start is None else fill.start * scale[k]
        price = fill.price * 10 ** (one.price_decimals - own.price_decimals)
        account.fills.append(
            msgspec.structs.replace(
                fill,
                lead=0,
                instrument=one.id,
                lots=fill.lots * scale[k],
                price=price,
                start=start,
                held_back=fill.held_back * scale[k],
            )
        )
        account.fees.append(fee)
    for k, lots in recording.first_positions.items():
        if lots:
            account.first.setdefault(common[k].id, lots * scale[k])


def _in_order(account: Account) -> None:
    """By time, stable; a fill that two files tell counts once."""
    seen: set[tuple[int, int]] = set()
    rows = sorted(zip(account.fills, account.fees, strict=True), key=lambda row: row[0].venue_ns)
    account.fills, account.fees = [], []
    for fill, fee in rows:
        if (fill.instrument, fill.fill_id) not in seen:
            seen.add((fill.instrument, fill.fill_id))
            account.fills.append(fill)
            account.fees.append(fee)
            account.stamps.append(fill.venue_ns)


def _cover(account: Account, instruments: Sequence[Instrument]) -> None:
    """Cut sales of fully paid instruments to what was bought here: the rest was minted, or came from a pool."""
    held: dict[int, int] = dict(account.first)
    rows = list(zip(account.fills, account.fees, strict=True))
    account.fills, account.fees = [], []
    for fill, fee in rows:
        k, instrument = fill.instrument, instruments[fill.instrument]
        kept = fill
        if instrument.kind != Kind.PERP and fill.side < 0 and fill.start is None:
            lots = min(fill.lots, max(held.get(k, 0), 0))
            money, missing = (instrument.notional_floor(n, fill.price) for n in (fill.lots, fill.lots - lots))
            account.sales.append((fill.venue_ns, money, missing))
            kept = msgspec.structs.replace(fill, lots=lots)
        if kept.lots:
            held[k] = (held.get(k, 0) if fill.start is None else fill.start) + kept.side * kept.lots
            account.fills.append(kept)
            account.fees.append(fee)


def choose(
    tape: LeadsTape, count: int, until_ns: int, names: Sequence[str] = ()
) -> tuple[list[Account], list[Unjudged]]:
    """The `count` accounts with most fills until `until_ns`, and why some of them cannot be judged.

    By activity and not by result, so that the choice says nothing of what is to be found out.
    """
    before = {a.name: bisect_right(a.stamps, until_ns) for a in tape.accounts}
    ranked = sorted(tape.accounts, key=lambda a: (-before[a.name], a.name))[:count]
    chosen, unjudged = list[Account](), list[Unjudged]()
    for account in ranked:
        share = account.uncovered(until_ns)
        if before[account.name] < FILLS_MIN:
            why = f"{FILLS_MIN} fills are needed"
        elif share > UNCOVERED_MAX:
            why = (
                f"{share:.0%} of what it sold it never bought here (minted pairs, pool shares, transfers): "
                "its cost is unknown and a copier could not have it"
            )
        else:
            chosen.append(account)
            continue
        unjudged.append(Unjudged(account.name, before[account.name], why))
    return chosen, unjudged
