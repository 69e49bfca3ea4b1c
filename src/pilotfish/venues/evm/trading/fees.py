"""What is offered for gas (EIP-1559): enough for a few full blocks, and more where a transaction takes another's place.

Nodes take a replacement only with both prices a tenth higher; an eighth passes everywhere.
"""

from __future__ import annotations

import msgspec

GWEI = 1_000_000_000


class Fees(msgspec.Struct, frozen=True):
    """Wei for one gas: the tip, and the most of it and the base fee together."""

    tip_wei: int
    fee_wei_max: int


class FeeTerms(msgspec.Struct, frozen=True):
    """`headroom`: how many times today's base fee may be paid; twice is six full blocks in a row.

    `fee_wei_max` bounds every transaction, replacements too.
    """

    tip_wei: int = GWEI
    headroom: int = 2
    fee_wei_max: int = 500 * GWEI


def offered(base_fee_wei: int, terms: FeeTerms) -> Fees | None:
    """For a new transaction; None where the bound does not pay for today's base fee and the tip."""
    if base_fee_wei + terms.tip_wei > terms.fee_wei_max:
        return None
    return Fees(terms.tip_wei, min(terms.headroom * base_fee_wei + terms.tip_wei, terms.fee_wei_max))


def raised(before: Fees, base_fee_wei: int, terms: FeeTerms) -> Fees | None:
    """To take the place of one sent with `before`: an eighth more of both, or today's offer where that is more; None
    beyond the bound.
    """
    today = offered(base_fee_wei, terms)
    if today is None:
        return None
    tip_wei = max(_eighth_more(before.tip_wei), today.tip_wei)
    fee_wei_max = max(_eighth_more(before.fee_wei_max), today.fee_wei_max)
    return Fees(tip_wei, fee_wei_max) if fee_wei_max <= terms.fee_wei_max else None


def _eighth_more(wei: int) -> int:
    return wei + max(-(-wei // 8), 1)
