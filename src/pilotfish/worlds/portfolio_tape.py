"""Which leads a portfolio copies and when: the time in which all of them traded, as one tape for the replay."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import combinations

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instrument import Instrument
from pilotfish.domain.terms import DAY_NS
from pilotfish.worlds.leads_tape import Account, LeadsTape, Print, choose
from pilotfish.worlds.leads_window import Window, window_of
from pilotfish.worlds.movement import figures_of
from pilotfish.worlds.platform import nearest
from pilotfish.worlds.replay import AFTER_NS, SECOND, Tape
from pilotfish.worlds.world import LOOK_NS, LeadSetup

POOL = 30  # accounts among which leads are chosen …
COMBINATIONS_MAX = 20_000  # … fewer where many leads are wanted


def choose_leads(tape: LeadsTape, names: Sequence[str], count: int, days: float) -> list[Account]:
    """Those named (a unique beginning is enough); else of the most active the `count` that share the `days` asked for.

    By activity, never by result. Raises ConfigError where a name is no account, or too few accounts can be copied.
    """
    if names:
        return [_named(tape, name) for name in names]
    able, unjudged = choose(tape, POOL, tape.end_ns)
    if len(able) < count:
        why = "; ".join(f"{one.name}: {one.why}" for one in unjudged[:3])
        raise ConfigError(
            f"{count} leads are wanted", f"{len(able)} can be copied" + (f" ({why})" if why else ""), "give more files"
        )
    while math.comb(len(able), count) > COMBINATIONS_MAX:
        able.pop()

    def worth(group: Sequence[Account]) -> tuple[float, int]:
        start, end = overlap(group)
        return min(max(end - start, 0) / DAY_NS, days), sum(len(account.fills) for account in group)

    best = max(combinations(able, count), key=worth)
    return list(best)


def _named(tape: LeadsTape, name: str) -> Account:
    found = [a for a in tape.accounts if a.name == name] or [a for a in tape.accounts if a.name.startswith(name)]
    if len(found) != 1:
        known = nearest(name, [account.name for account in tape.accounts])
        why = f"{len(found)} accounts begin with it" if found else f"no such account; the nearest is {known}"
        raise ConfigError(f"--leads {name}", why, "write the whole name of one")
    return found[0]


def overlap(accounts: Sequence[Account]) -> tuple[int, int]:
    """From the last of the first fills to the first of the last; the end is before the start where there is none."""
    return max(a.stamps[0] for a in accounts), min(a.stamps[-1] for a in accounts)


class Span(msgspec.Struct, frozen=True):
    """What is replayed. `together`: whether all leads traded in it at the same time."""

    start_ns: int
    end_ns: int
    together: bool

    @property
    def days(self) -> float:
        return (self.end_ns - self.start_ns) / DAY_NS


def span_of(accounts: Sequence[Account], days: int) -> Span:
    """At most `days` from the start of the overlap; whole days UTC where two or more fit.

    Leads that never all traded at the same time are replayed one after the other, from the first fill on.
    """
    start, end = overlap(accounts)
    together = end > start
    if not together:
        start, end = min(a.stamps[0] for a in accounts) - SECOND, max(a.stamps[-1] for a in accounts) + AFTER_NS
    first = -(-start // DAY_NS) * DAY_NS
    last = min(first + days * DAY_NS, end // DAY_NS * DAY_NS)
    if together and last - first >= 2 * DAY_NS:
        return Span(first, last, together)
    return Span(start, min(end, start + days * DAY_NS), together)


def portfolio_tape(
    tape: LeadsTape, accounts: Sequence[Account], span: Span, equities: Mapping[str, int]
) -> tuple[Tape, list[Window]]:
    """The leads between the ends of `span`, at prices that everybody's trades show; and each lead by itself."""
    windows = list[Window]()
    for account in accounts:
        own = window_of(tape, account, span.start_ns, span.end_ns, equities.get(account.name, 0))
        if own is None:
            raise ConfigError(f"lead {account.name}", "neither traded nor held anything then", "choose another")
        windows.append(own)
    ids: dict[tuple[str, str], int] = {}
    instruments, fills, leads = list[Instrument](), [], list[LeadSetup]()
    anchors: dict[int, list[tuple[int, int, int]]] = {}
    for number, own in enumerate(windows):
        local = {i.id: ids.setdefault((i.venue, i.symbol), len(ids)) for i in own.instruments}
        instruments += [
            msgspec.structs.replace(i, id=local[i.id]) for i in own.instruments if local[i.id] >= len(instruments)
        ]
        anchors |= {local[k]: prints for k, prints in own.prints.items()}
        fills += [msgspec.structs.replace(f, lead=number, instrument=local[f.instrument]) for f in own.fills]
        leads.append(LeadSetup(own.name, own.equity, {local[k]: lots for k, lots in own.before.items()}))
    fills.sort(key=lambda fill: fill.venue_ns)
    found = figures_of(instruments, anchors)
    anchors = {key: valued(prints, span) for key, prints in anchors.items()}
    ends, figures, notes = (span.start_ns, span.end_ns), [f for f, _ in found], [n for _, n in found]
    return Tape([], instruments, figures, notes, leads, fills, anchors, {}, [], ends), windows


def valued(prints: Sequence[Print], span: Span) -> list[Print]:
    """The trades, and the last one's price again whenever the portfolio is valued: nothing is known of it but that."""
    times = [ns for ns, _, _ in prints]
    midnights = range((span.start_ns // DAY_NS + 1) * DAY_NS, span.end_ns, DAY_NS)
    looks = [span.start_ns, *(midnight - LOOK_NS for midnight in midnights), span.end_ns - LOOK_NS]
    known = [(ns, bisect_right(times, ns)) for ns in looks]
    return sorted([*prints, *((ns, prints[k - 1][1], 0) for ns, k in known if k and times[k - 1] < ns)])
