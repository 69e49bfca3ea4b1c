"""What a step found out, for the views. Facts are derived from the journal by replay; they are never an input."""

from __future__ import annotations

import msgspec

from pilotfish.domain.arith import Ints
from pilotfish.domain.doubt import Doubt
from pilotfish.domain.reasons import Reason
from pilotfish.ledger.book import Rows


class Targeted(msgspec.Struct, frozen=True):
    """A lead that traded at `price` moved the targets of `rows` by `delta` (signed sub-lots)."""

    lead: int
    instrument: int
    price: int
    rows: Rows
    delta: Ints
    lead_ns: int  # the venue's stamp of the lead's fill
    hedge: bool = False  # of a hedge, whose price is the decision's


class Intended(msgspec.Struct, frozen=True):
    """`count` follows wanted a copy of a lead's change, `lots` in all, before the gate looked at it."""

    lead: int
    instrument: int
    count: int
    lots: int


class Copied(msgspec.Struct, frozen=True):
    """An order of ours is over: what each follow got. Columns over `rows`; `quotas` in sub-lots, money base units."""

    coid: int
    lead: int
    instrument: int
    side: int
    exit: bool
    rows: Rows
    quotas: Ints
    lots: Ints
    costs: Ints
    fees: Ints
    reference: int  # the lead's price
    decision: int  # twice the mid (bid + ask) when we decided; 0 when unknown
    lead_ns: int  # lead's fill, venue's stamp
    filled_ns: Ints  # our last fill, venue's stamp; one element for a block
    retry: bool
    hedge: bool = False  # not a copy of what the lead did


class Settled(msgspec.Struct, frozen=True):
    """How copies ended: `filled` within one lot, `carried` (their part was less than a lot), `partly`, or missed."""

    lead: int
    instrument: int
    filled: int = 0
    carried: int = 0
    partly: int = 0
    missed: dict[int, int] = {}  # reason → copies
    missed_lots: dict[int, int] = {}  # reason → lots that were not had


class Refused(msgspec.Struct, frozen=True):
    """The gate or the venue refused; `count` follows were concerned."""

    lead: int
    instrument: int
    reason: Reason
    count: int


class PositionBreak(msgspec.Struct, frozen=True):
    """The venue's statement of a lead's position is not what we had: fills were lost, or came late."""

    lead: int
    instrument: int
    expected: int
    stated: int


class FeeCharged(msgspec.Struct, frozen=True):
    """A fee was taken from follows; `kind` is subscription or performance, money base units."""

    kind: str
    rows: Ints
    amounts: Ints
    to_insurance: int


class InsurancePaid(msgspec.Struct, frozen=True):
    """The pool paid accounts that had gone below zero; `unpaid` is what it still owes them."""

    rows: Ints
    amounts: Ints
    unpaid: Ints


class PaidOut(msgspec.Struct, frozen=True):
    """An outcome was decided: `rows` gave up `lots` (signed) and got `amounts` of money."""

    instrument: int
    price: int
    rows: Ints
    lots: Ints
    amounts: Ints


class Stopped(msgspec.Struct, frozen=True):
    """A stop, a policy or a person changed how these follows stand; `what` says it for people."""

    rows: Ints
    reason: Reason
    what: str


class Moved(msgspec.Struct, frozen=True):
    """Capital that is no income: between a follower's own follows (zero in all), or paid out on leaving (< 0)."""

    rows: Ints
    amounts: Ints


class RuleFired(msgspec.Struct, frozen=True):
    """A risk rule held opens back; `why` has the rule and the values it saw."""

    rule: str
    why: str


class ExtensionFailed(msgspec.Struct, frozen=True):
    """A sizing mode of another package could not be used: its follows did not open."""

    name: str
    why: str


class OpensHalted(msgspec.Struct, frozen=True):
    """Nothing is opened any more until the operator resumes; exits go on."""

    reason: Reason
    why: str


class Disclosed(msgspec.Struct, frozen=True):
    """A commitment was opened and is what was committed."""

    lead: int
    number: int


class Doubted(msgspec.Struct, frozen=True):
    """An instrument's market data may not be acted on any more, or, with no doubt left, may be again."""

    instrument: int
    doubt: Doubt


class Quarantined(msgspec.Struct, frozen=True):
    """An event that cannot be true was not applied. It stays in the journal."""

    event: str
    why: str


class Halted(msgspec.Struct, frozen=True):
    """The core could not go on; orders are being cancelled."""

    why: str


Fact = (
    Targeted | Intended | Copied | Settled | Refused | PositionBreak | FeeCharged | InsurancePaid | PaidOut | Stopped
    | Moved | RuleFired | ExtensionFailed | OpensHalted | Disclosed | Doubted | Quarantined | Halted
)  # fmt: skip
