"""The risk rules, asked before an open leaves: once for a whole block or batch, whatever the number of follows."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints, total_of
from pilotfish.domain.instrument import Instrument
from pilotfish.domain.orders import OrderState
from pilotfish.domain.reasons import Reason
from pilotfish.domain.rules import RuleAction
from pilotfish.engine.facts import Fact, RuleFired
from pilotfish.engine.follows.standing import Mode
from pilotfish.engine.orders.leg import Leg, Out, refresh
from pilotfish.engine.risk.halting import halt_opens
from pilotfish.engine.state import State
from pilotfish.gate.extension import OrderCase
from pilotfish.gate.gate import order_refusal
from pilotfish.gate.rules import rulebook
from pilotfish.gate.rules_variables import RuleValues

LIQUIDATIONS_NS = 300_000_000_000


class Size(msgspec.Struct, frozen=True):
    """A whole block or batch: lots, the dearest limit price, and lots times limit price in money units."""

    lots: int
    price: int
    notional: int

    @classmethod
    def of(cls, instrument: Instrument, side: int, lots: Ints, prices: Ints) -> Size:
        """Of a batch; its prices are one for each class of bounds, so few."""
        parts = [(price, total_of(lots[prices == price])) for price in np.unique(prices).tolist()]
        dearest = max(side * price for price, _ in parts) * side
        notional = sum(instrument.notional_floor(part, price) for price, part in parts)
        return cls(sum(part for _, part in parts), dearest, notional)


def ruled(state: State, leg: Leg, size: Size, which: NDArray[np.bool_], facts: list[Fact]) -> tuple[Reason, Out]:
    """RULE when a rule forbids this open of the lead's follows `which`, with what that leads to.

    What the gate refuses anyway is not asked about. A rule is said once a leg (`facts`), and not again at every retry.
    """
    if leg.exit or not state.rules:
        return Reason.NONE, ([], [])
    if order_refusal(state.guard, state.market(leg.instrument), size.price, exit=False):
        return Reason.NONE, ([], [])
    book = rulebook(state.rules)
    case = _case(state, leg, size) if book.extended else None
    fired = book.first_firing(_values(state, leg, size, book.uses), case)
    if fired is None:
        return Reason.NONE, ([], [])
    state.guard.refuse(Reason.RULE)
    noted = state.columns[leg.instrument].reasons[state.leads[leg.lead].rows][which]
    known = not leg.occasion.first and (noted == Reason.RULE).all()
    known = known or any(isinstance(fact, RuleFired) and fact.rule == fired.rule.name for fact in facts)
    said: list[Fact] = [] if known else [RuleFired(fired.rule.name, fired.explain)]
    if fired.rule.action is not RuleAction.HALT_OPENS:
        return Reason.RULE, ([], said)
    commands, more = halt_opens(state, Reason.RULE, fired.explain)
    return Reason.RULE, (commands, said + more)


def _case(state: State, leg: Leg, size: Size) -> OrderCase:
    lead, listing = state.leads[leg.lead], state.listings[leg.instrument]
    return OrderCase(
        listing.instrument, leg.side, size.lots, size.price, listing.mark, listing.bid, listing.ask, lead.name,
        lead.equity, state.now_ns,
    )  # fmt: skip


def _values(state: State, leg: Leg, size: Size, uses: frozenset[str]) -> RuleValues:
    """Everything a rule may look at. What costs more than a look is only worked out when some rule `uses` it."""
    lead, listing = state.leads[leg.lead], state.listings[leg.instrument]
    instrument = listing.instrument
    point, money = 10.0**instrument.price_decimals, 10.0**instrument.money_decimals
    both = listing.bid > 0 and listing.ask > 0
    platform = _platform(state, money, uses) if any(name.startswith("platform.") for name in uses) else {}
    return RuleValues(
        order_side=leg.side, order_notional_usdc=size.notional / money, order_lots=size.lots,
        order_price=size.price / point, instrument_symbol=instrument.symbol, instrument_venue=instrument.venue,
        instrument_kind=instrument.kind.name.lower(), market_mark=listing.mark / point if listing.mark else None,
        market_spread_bps=20_000 * (listing.ask - listing.bid) / (listing.ask + listing.bid) if both else None,
        market_age_ms=(state.now_ns - listing.seen_ns) // 1_000_000, lead_name=lead.name,
        lead_equity_usdc=lead.equity / money, lead_position_usdc=_lead_position(state, leg, money),
        time_ns=state.now_ns, **platform,
    )  # fmt: skip


def _lead_position(state: State, leg: Leg, money: float) -> float | None:
    """What the lead holds in whatever is copied here, at the marks; None while one of them has none."""
    lead, total = state.leads[leg.lead], 0
    sources = [s for s, routes in state.routes.items() if any(route.target == leg.instrument for route in routes)]
    for source in sources if leg.instrument in state.routes else [leg.instrument, *sources]:
        lots, listing = lead.positions.get(source, 0), state.listings[source]
        if lots and not listing.mark:
            return None
        total += (1 if lots > 0 else -1) * listing.instrument.notional_floor(abs(lots), listing.mark) if lots else 0
    return total / money


def _platform(state: State, money: float, uses: frozenset[str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "platform_insurance_usdc": state.ledger.insurance / money,
        "platform_refusals": sum(state.guard.refusals.values()),
        "platform_liquidations_5m": len(state.liquidated_ns)
        - bisect_right(state.liquidated_ns, state.now_ns - LIQUIDATIONS_NS),
    }
    if "platform.followers" in uses:
        found["platform_followers"] = int(np.count_nonzero(state.standing.mode == Mode.ACTIVE))
    if "platform.equity_usdc" in uses:
        found["platform_equity_usdc"] = (total_of(state.ledger.money.rows) + total_of(refresh(state).value)) / money
    if "platform.gross_usdc" in uses:
        gross = np.zeros(len(state.follows), dtype=np.int64)
        for part in refresh(state).parts.values():
            gross += np.abs(part.value)
        found["platform_gross_usdc"] = total_of(gross) / money
    if "platform.open_orders" in uses:
        batches = sum(int(np.count_nonzero(o.states < OrderState.FILLED)) for o in state.batches.values())
        mirrors = sum(int(np.count_nonzero(mirror.alive)) for mirror in state.mirrors.values())
        found["platform_open_orders"] = len(state.blocks) + batches + mirrors
    return found
