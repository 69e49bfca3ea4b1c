"""Events that come from people and from the platform, not from a market: mandates, switches, terms, lead notices."""

from __future__ import annotations

from enum import IntEnum

from pilotfish.domain.arith import Ints
from pilotfish.domain.mandate import Follows
from pilotfish.domain.rules import Rule
from pilotfish.domain.stamped import Stamped
from pilotfish.domain.terms import ExecutionTerms, FeeTerms, RiskTerms


class FollowAction(IntEnum):
    PAUSE = 0  # nothing is opened any more; reductions are still mirrored
    RESUME = 1  # from the lead's next trade on
    CLOSE = 2  # close everything, in stages where the mandate says so, and pause
    LEAVE = 3  # close everything, settle the fees, pay out


class FollowControl(Stamped, frozen=True, array_like=True, tag="follow_control"):
    rows: Ints
    action: FollowAction


class MandateChanged(Stamped, frozen=True, array_like=True, tag="mandate"):
    """New mandates of `rows`, one row of `follows` each; who follows whom with what stays. While a position is open
    limits can only be tightened: a change that widens one is refused whole.
    """

    rows: Ints
    follows: Follows


class Rebalance(Stamped, frozen=True, array_like=True, tag="rebalance"):
    """Bring each named follower's capital back to its weights, where it is off by more than `band_bps` of the whole."""

    followers: Ints
    band_bps: int = 0


class LeadNews(IntEnum):
    LIQUIDATED = 0  # copies are closed
    GONE = 1  # nobody hears of it any more: no opens, and each mandate's policy for what is open
    BACK = 2


class LeadStatus(Stamped, frozen=True, array_like=True, tag="lead_status"):
    lead: int
    news: LeadNews


class LeadStop(Stamped, frozen=True, array_like=True, tag="lead_stop"):
    """Where the lead would take its loss; 0 when it has no stop any more."""

    lead: int
    instrument: int
    price: int


class LeadOrder(Stamped, frozen=True, array_like=True, tag="lead_order"):
    """A resting order of the lead as it stands: `lots` are what is left of it, 0 when it is gone."""

    lead: int
    instrument: int
    order: int
    side: int
    lots: int
    price: int


class InstrumentMapped(Stamped, frozen=True, array_like=True, tag="mapped"):
    """What leads do in `source` is copied in `target`: `lots_num / lots_den` target lots per source lot, prices times
    `price_num / price_den` (contract size, quote currency). Several targets of one source are routes; where `open` is
    False a route is for exits alone.
    """

    source: int
    target: int
    lots_num: int = 1
    lots_den: int = 1
    price_num: int = 1
    price_den: int = 1
    open: bool = True


class HedgeMapped(Stamped, frozen=True, array_like=True, tag="hedge"):
    """Delta-neutral follows hedge positions in `instrument` with `hedge`."""

    instrument: int
    hedge: int


class FeesSet(Stamped, frozen=True, array_like=True, tag="fees_set"):
    terms: FeeTerms


class FeesDue(Stamped, frozen=True, array_like=True, tag="fees_due"):
    """A moment of settlement: subscriptions up to now, performance fees where a period has ended."""


class RiskSet(Stamped, frozen=True, array_like=True, tag="risk_set"):
    terms: RiskTerms


class RulesSet(Stamped, frozen=True, array_like=True, tag="rules_set"):
    """All risk rules from now on; a table with one that does not type-check is refused whole."""

    rules: tuple[Rule, ...]


class ExecutionSet(Stamped, frozen=True, array_like=True, tag="execution_set"):
    terms: ExecutionTerms


class DisclosureSet(Stamped, frozen=True, array_like=True, tag="disclosure"):
    """What this lead does is shown to others `delay_ns` later, and mirrored at once or only when it is shown."""

    lead: int
    delay_ns: int = 120_000_000_000
    mirrored_at_once: bool = True


class Committed(Stamped, frozen=True, array_like=True, tag="committed"):
    """A lead's order, committed by hash before anybody may see it."""

    lead: int
    commitment: bytes  # 32 bytes, sha-256 of the order and its salt
    number: int  # unique per lead, increasing


class Revealed(Stamped, frozen=True, array_like=True, tag="revealed"):
    """The order behind a commitment; its hash must be the one committed."""

    lead: int
    number: int
    instrument: int
    side: int
    lots: int
    price: int
    salt: bytes


Instruction = (
    FollowControl | MandateChanged | Rebalance | LeadStatus | LeadStop | LeadOrder | InstrumentMapped | HedgeMapped
    | FeesSet | FeesDue | RiskSet | RulesSet | ExecutionSet | DisclosureSet | Committed | Revealed
)  # fmt: skip
