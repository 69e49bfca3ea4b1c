"""From parsed rows to recordings, the same for every shape: duplicates, order, units, chain, and who is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from pilotfish.domain.errors import NumericOverflow
from pilotfish.domain.events import ORDER_MASK, LeadFill
from pilotfish.domain.instrument import Instrument, to_units_ceil
from pilotfish.venues.recordings.fills import RawFill, check_chain, in_order
from pilotfish.venues.recordings.instruments import Seen
from pilotfish.venues.recordings.rows import Issues, decimals, stable_id
from pilotfish.venues.recordings.types import Accounts, AccountSummary, Recording

INT64_MAX = 2**63 - 1
_MONEY_MAX = Decimal(INT64_MAX).scaleb(-6)


@dataclass(slots=True)
class Draft:
    """What an importer found in one file."""

    file: str
    shape: str
    venue: str
    issues: Issues
    instrument: Callable[[int, str, Seen, list[str]], Instrument]
    fills: list[RawFill] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    newest_first: bool = False  # how this shape is sorted where its stamps do not tell
    identify: bool = True  # rows with the same key are the same fill; False: the file has no ids, equal rows both count


def recordings(draft: Draft, accounts: Accounts) -> list[Recording]:
    """One recording for each account asked for. A file without any is one empty recording that says why."""
    by_account: dict[str, list[RawFill]] = {}
    for fill in draft.fills:
        by_account.setdefault(fill.account, []).append(fill)
    traded = {a: sum((f.size * f.price for f in fills), Decimal(0)) for a, fills in by_account.items()}
    ranked = sorted(by_account, key=lambda a: (-traded[a], a))
    if isinstance(accounts, int):
        wanted = ranked[: max(0, accounts)]
    else:
        asked = {a.lower() for a in ([accounts] if isinstance(accounts, str) else accounts)}
        wanted = [a for a in ranked if a.lower() in asked]
    rest = [AccountSummary(a, len(by_account[a]), _money(traded[a])) for a in ranked if a not in wanted]
    made = [_recording(draft, a, by_account[a]) for a in wanted]
    if not made:
        made = [Recording("", draft.venue, draft.file, draft.shape)]
        if ranked:
            made[0].notes.append(f"none of its {len(ranked)} accounts is asked for")
        elif not draft.notes:
            made[0].notes.append("holds no fills")
    for one in made:
        one.notes[:0] = draft.notes
        one.other_accounts = rest
    made[0].issues = draft.issues.found  # a file's issues are told once
    return made


def _recording(draft: Draft, account: str, raws: list[RawFill]) -> Recording:
    out = Recording(account, draft.venue, draft.file, draft.shape)
    kept = in_order(_distinct(raws, draft), draft.newest_first, out.notes)
    kept = _fitting(kept, draft, out)
    index = {i.symbol: i for i in out.instruments}
    taken: set[int] = set()
    stood: dict[str, Decimal] = {}  # where the last fill left each symbol
    for raw in kept:
        instrument = index[raw.symbol]
        exact = _unrounded(raw, stood.get(raw.symbol))
        start = None if exact is None else int(exact.scaleb(instrument.lot_decimals))
        held_back = 0
        if exact is not None and start is not None:
            stood[raw.symbol] = exact + raw.side * raw.size - raw.held_back
            end = int(stood[raw.symbol].scaleb(instrument.lot_decimals))
            held_back = start + raw.side * instrument.lots(raw.size) - end if raw.held_back else 0
        fill_id = stable_id(raw.key) if raw.fill_id is None or raw.fill_id in taken else raw.fill_id
        while fill_id in taken:
            fill_id = stable_id(fill_id, raw.line)
        taken.add(fill_id)
        out.fills.append(
            LeadFill(
                raw.ns,
                raw.ns,
                0,
                instrument.id,
                int(raw.side),
                instrument.lots(raw.size),
                instrument.price(raw.price),
                fill_id,
                start,
                (raw.order_id or 0) & ORDER_MASK,
                held_back,
            )
        )
        out.fees.append(_money(raw.fee))
        out.order_ids.append(raw.order_id)
        if start is not None:
            out.first_positions.setdefault(instrument.id, start)
        if raw.token:
            out.tokens.setdefault(instrument.id, raw.token)
    check_chain(kept, index, out)
    return out


def _unrounded(raw: RawFill, before: Decimal | None) -> Decimal | None:
    """The position before a fill: what the fill before it left, where the file's own statement is that but rounded."""
    if raw.start is None or before is None or abs(before - raw.start) > raw.tolerance:
        return raw.start
    return before


def _distinct(raws: Iterable[RawFill], draft: Draft) -> list[RawFill]:
    """Without repeated fills: an overlap of two exports, or a row pasted twice."""
    first: dict[tuple[object, ...], RawFill] = {}
    kept: list[RawFill] = []
    for raw in raws:
        known = first.setdefault(raw.key, raw)
        if known is raw or not draft.identify:
            kept.append(raw)
            continue
        same = (known.ns, known.side, known.size, known.price) == (raw.ns, raw.side, raw.size, raw.price)
        draft.issues.add(
            raw.line,
            "id",
            f"repeats the fill of line {known.line}" if same else f"has the id of line {known.line} but other content",
            "it is left out" if same else "the first is kept: check which is right",
        )
    return kept


def _fitting(raws: list[RawFill], draft: Draft, out: Recording) -> list[RawFill]:
    """Make the instruments; leave out (with an issue) fills whose quantities leave int64 in their units."""
    by_symbol: dict[str, list[RawFill]] = {}
    for raw in raws:
        by_symbol.setdefault(raw.symbol, []).append(raw)
    refused: set[int] = set()
    for symbol, all_fills in by_symbol.items():
        fills = all_fills
        while fills:
            seen = Seen(
                [f.size for f in fills], [f.price for f in fills], [f.start for f in fills if f.start is not None]
            )
            notes: list[str] = []
            made = draft.instrument(len(out.instruments), symbol, seen, notes)
            bad = [f for f in fills if _overflows(f, made)]
            if not bad:
                out.instruments.append(made)
                out.notes += notes
                break
            # First rows too large in any unit; else those with most digits, which make the unit too fine for the rest.
            alone = [f for f in bad if f.size * f.price >= _MONEY_MAX]
            finest = max(map(_digits, fills))
            for worst in alone or [f for f in fills if _digits(f) == finest]:
                units = f"units of 10^-{made.lot_decimals} and 10^-{made.price_decimals}"
                why = f"{worst.size} {symbol} at {worst.price} leaves int64 in {units}"
                draft.issues.add(worst.line, "size", why, "the row is left out")
                refused.add(id(worst))
            fills = [f for f in fills if id(f) not in refused]
    return [r for r in raws if id(r) not in refused]


def _digits(raw: RawFill) -> int:
    return max(decimals(raw.size), decimals(raw.start or Decimal(0))) + decimals(raw.price)


def _overflows(raw: RawFill, instrument: Instrument) -> bool:
    try:
        instrument.notional_ceil(instrument.lots(raw.size), instrument.price(raw.price))
    except NumericOverflow:
        return True
    fee = raw.fee.scaleb(6)
    start = Decimal(0) if raw.start is None else raw.start.scaleb(instrument.lot_decimals)
    return max(abs(fee), abs(start)) > INT64_MAX


def _money(value: Decimal) -> int:
    return to_units_ceil(value, 6)
