"""Are instructions of people and platform possible? Whatever is refused is refused whole, in words they understand."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from pilotfish.copying.extension import sizer
from pilotfish.domain.arith import Ints
from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instructions import (
    Committed,
    DisclosureSet,
    ExecutionSet,
    FeesSet,
    FollowControl,
    HedgeMapped,
    InstrumentMapped,
    LeadOrder,
    LeadStatus,
    LeadStop,
    MandateChanged,
    Rebalance,
    Revealed,
    RiskSet,
    RulesSet,
)
from pilotfish.domain.mandate import BPS, Follows, Sizing
from pilotfish.domain.mandate_checks import check_follows
from pilotfish.engine.follows.control import control_refused
from pilotfish.engine.follows.mandates import widened
from pilotfish.engine.leads.disclosure import commitment_refused, disclosure_refused, reveal_refused
from pilotfish.engine.orders.working import execution_refused
from pilotfish.engine.risk.terms import risk_refused, rules_refused
from pilotfish.engine.state import State

FACTOR_MAX = 10**12
LOTS_MAX = 2**42
PRICE_MAX = 2**53


def follows_refused(state: State, follows: Follows, replacing: Ints | None = None) -> str:
    """Why this table of follows cannot be; `replacing`: rows whose mandates it would change."""
    try:
        check_follows(follows)
        for number in np.unique(follows.value[follows.sizing == Sizing.EXTENSION]).tolist():
            sizer(follows.sizers[number])
    except ConfigError as bad:
        return str(bad)
    leads = follows.lead
    if leads.size and not (int(leads.min()) >= 0 and int(leads.max()) < len(state.leads)):
        return "a follow names a lead that is not listed"
    return _circle(state, follows) or _weights(state, follows, replacing) or _too_small(state, follows)


def _circle(state: State, follows: Follows) -> str:
    """A lead that follows itself, straight or through other leads, would copy its own copies without end."""
    own = {lead.account: number for number, lead in enumerate(state.leads) if lead.account >= 0}
    if not own:
        return ""
    edges: dict[int, set[int]] = {}
    for table in (state.follows, follows):
        for row in np.flatnonzero(np.isin(table.follower, list(own))).tolist():
            edges.setdefault(own[int(table.follower[row])], set()).add(int(table.lead[row]))
    for start, first in edges.items():
        seen, ahead = set[int](), list(first)
        while ahead:
            lead = ahead.pop()
            if lead == start:
                return f"lead {state.leads[start].name} would follow itself: leads must not go round in a circle"
            if lead not in seen:
                seen.add(lead)
                ahead += edges.get(lead, ())
    return ""


def _weights(state: State, follows: Follows, replacing: Ints | None) -> str:
    """All weights of a follower's leads make 100%, or none is set."""
    old = state.follows
    kept = np.ones(len(old), dtype=bool)
    if replacing is not None:
        kept[replacing] = False
    followers = np.concatenate([old.follower[kept], follows.follower])
    weights = np.concatenate([old.weight_bps[kept], follows.weight_bps])
    who, where = np.unique(followers, return_inverse=True)
    sums = np.zeros(who.size, dtype=np.int64)
    np.add.at(sums, where, weights)
    wrong = np.flatnonzero((sums != 0) & (sums != BPS) & np.isin(who, follows.follower))
    if not wrong.size:
        return ""
    total = int(sums[wrong[0]]) / 100
    return f"the weights of follower {int(who[wrong[0]])} sum to {total:g}%, not 100%: mend one, or set none"


def _too_small(state: State, follows: Follows) -> str:
    """On separate accounts a cap below every allowed instrument's minimum order would never let anything trade."""
    if state.omnibus or not state.listings:
        return ""
    own = [listing.instrument for listing in state.listings if listing.instrument.quote == state.quote]
    least = np.array(
        [min((i.min_notional for i in own if rule.allows(i.symbol)), default=0) for rule in follows.rules],
        dtype=np.int64,
    )[follows.rule]
    for name in ("order_cap", "position_cap", "total_cap"):
        bad = np.flatnonzero(getattr(follows, name) < least)
        if bad.size:
            row, need = int(bad[0]), int(least[bad[0]])
            return f"follow row {row}: its {name} is below the venue's minimum order of {need} money units; raise it"
    return ""


def rows_refused(state: State, rows: Ints) -> str:
    """Rows must be follows, each once."""
    if rows.dtype != np.int64 or rows.ndim != 1 or np.unique(rows).size != rows.size:
        return "rows repeat, or are not int64"
    n = len(state.follows)
    return "" if not rows.size or 0 <= int(rows.min()) <= int(rows.max()) < n else "a row is not a follow"


def _control(state: State, event: FollowControl) -> str:
    return rows_refused(state, event.rows) or control_refused(state, event)


def _mandate(state: State, event: MandateChanged) -> str:
    if why := rows_refused(state, event.rows):
        return why
    if len(event.follows) != event.rows.size:
        return f"{len(event.follows)} mandates for {event.rows.size} follows"
    old = state.follows.take(event.rows)
    for name in ("follower", "lead", "allocation"):
        if (getattr(old, name) != getattr(event.follows, name)).any():
            return f"a mandate's {name} cannot change: open another follow, or move cash"
    return follows_refused(state, event.follows, event.rows) or widened(state, event)


def _rebalance(state: State, event: Rebalance) -> str:
    if not 0 <= event.band_bps < BPS:
        return f"band {event.band_bps} bps"
    known = np.isin(event.followers, state.follows.follower[state.follows.weight_bps > 0])
    return "" if known.all() else f"follower {int(event.followers[~known][0])} has no weights"


def _lead(state: State, lead: int, instrument: int = 0) -> str:
    if not 0 <= lead < len(state.leads):
        return f"lead {lead} is not listed"
    return "" if 0 <= instrument < len(state.listings) else f"instrument {instrument} is not listed"


def _status(state: State, event: LeadStatus) -> str:
    return "" if 0 <= event.lead < len(state.leads) else f"lead {event.lead} is not listed"


def _stop(state: State, event: LeadStop) -> str:
    return _lead(state, event.lead, event.instrument) or ("" if 0 <= event.price <= PRICE_MAX else "an absurd price")


def _order(state: State, event: LeadOrder) -> str:
    if why := _lead(state, event.lead, event.instrument):
        return why
    possible = event.side in (1, -1) and 0 <= event.lots <= LOTS_MAX and 0 < event.price <= PRICE_MAX
    return "" if possible and event.order > 0 else "an order that cannot be"


def _mapped(state: State, event: InstrumentMapped) -> str:
    if not (0 <= event.source < len(state.listings) and 0 <= event.target < len(state.listings)):
        return f"instrument {event.source} or {event.target} is not listed"
    factors = (event.lots_num, event.lots_den, event.price_num, event.price_den)
    if not all(0 < factor <= FACTOR_MAX for factor in factors):
        return f"factors {factors}: each must be between 1 and {FACTOR_MAX}"
    return _ours(state, event.target)


def _hedged(state: State, event: HedgeMapped) -> str:
    n = len(state.listings)
    if not (0 <= event.instrument < n and 0 <= event.hedge < n) or event.instrument == event.hedge:
        return f"instrument {event.instrument} cannot be hedged with {event.hedge}"
    return _ours(state, event.hedge)


def _ours(state: State, instrument: int) -> str:
    quote = state.listings[instrument].instrument.quote
    return "" if quote == state.quote else f"instrument {instrument} is quoted in {quote}, this shard in {state.quote}"


def _fees(state: State, event: FeesSet) -> str:
    terms = event.terms
    if terms.subscription and not 2_000_000 <= terms.subscription <= 5_000_000:
        return f"a subscription of {terms.subscription} money units: it is none, or 2 to 5 USDC a month"
    if min(terms.month_ns, terms.period_ns) < 1 or not (
        0 <= terms.coupon_bps <= BPS and 0 <= terms.insurance_bps <= BPS
    ):
        return "a month, a period, the coupon or the insurance share cannot be"
    gains, rates = [gain for gain, _ in terms.steps], [rate for _, rate in terms.steps]
    rising = all(a < b for column in (gains, rates) for a, b in pairwise(column))
    if not rates or gains[0] != 0 or gains[-1] > 30_000 or not rising or not 500 <= rates[0] <= rates[-1] <= 1_500:
        return "the performance fee's steps start at 0, rise, and charge 5 to 15%"
    return ""


CHECKS: dict[type, Callable[[State, Any], str]] = {
    FollowControl: _control,
    MandateChanged: _mandate,
    Rebalance: _rebalance,
    LeadStatus: _status,
    LeadStop: _stop,
    LeadOrder: _order,
    InstrumentMapped: _mapped,
    HedgeMapped: _hedged,
    DisclosureSet: disclosure_refused,
    Committed: commitment_refused,
    Revealed: reveal_refused,
    FeesSet: _fees,
    RiskSet: risk_refused,
    RulesSet: rules_refused,
    ExecutionSet: execution_refused,
}
