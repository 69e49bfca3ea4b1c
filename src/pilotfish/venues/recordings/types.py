"""What an importer hands over: one account's recorded life on one venue, in the integers the engine speaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pilotfish.domain.errors import RecordingError
from pilotfish.domain.events import LeadFill
from pilotfish.domain.instrument import Instrument


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """The stated position before a fill is not where the fill before it left the account: fills are missing, or
    damaged.
    """

    fill: int  # index into `Recording.fills`
    instrument: int
    expected: int  # lots
    stated: int  # lots
    why: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """Tokens that left or entered the account without a trade: redeemed, settled, merged, split, converted, swept."""

    kind: str  # "redeem", "worthless", "merge", "split", "conversion", "rebate", "reward", "dust", ...
    ns: int
    instrument: int | None  # None where the venue does not say which outcome, and the holdings do not tell
    lots: int  # tokens in the instrument's lots; in 10^-6 tokens where `instrument` is None
    price: int | None  # payout per token in the instrument's price unit; in 10^-6 where `instrument` is None
    money: int  # money units received (> 0) or paid (< 0)
    market: str  # the venue's id of the market; "" where there is none
    stated: bool = True  # False: concluded (the other outcome of a redeemed market is worth nothing)


@dataclass(frozen=True, slots=True)
class FundingRow:
    """Funding received (> 0) or paid (< 0) by the account."""

    ns: int
    coin: str
    instrument: int | None  # None where the recording holds no fill of that coin
    money: int
    rate_e9: int


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """Deposits, withdrawals and transfers, as the venue names them. `money` is the stated amount, without direction."""

    ns: int
    kind: str
    money: int
    counterparty: str


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """An account of the file that was not asked for."""

    account: str
    fills: int
    traded: int  # money units


@dataclass(slots=True)
class Recording:
    """One account of one file. Lists named in the plural and marked "per fill" run parallel to `fills`.

    `fills` are in time order (and in chain order inside one stamp); ids of instruments are local, 0..k-1. `account` is
    "" for a file that holds no account's trades: `fills` is then empty and `notes` say what the file is.
    """

    account: str
    venue: str  # "hyperliquid" | "polymarket" | "" when unknown
    file: str
    shape: str
    instruments: list[Instrument] = field(default_factory=list)
    fills: list[LeadFill] = field(default_factory=list)
    fees: list[int] = field(default_factory=list)  # per fill: money units, rounded up; rebates < 0
    order_ids: list[int | None] = field(default_factory=list)  # per fill
    tokens: dict[int, str] = field(default_factory=dict)  # instrument -> the venue's token id, where it has one
    first_positions: dict[int, int] = field(
        default_factory=dict
    )  # instrument -> lots before the first fill, where stated
    settlements: list[Settlement] = field(default_factory=list)
    fundings: list[FundingRow] = field(default_factory=list)
    ledger: list[LedgerRow] = field(default_factory=list)
    issues: list[RecordingError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    breaks: list[ChainBreak] = field(default_factory=list)
    other_accounts: list[AccountSummary] = field(default_factory=list)

    @property
    def traded(self) -> int:
        """Traded value, money units."""
        return sum(self.instruments[f.instrument].notional_floor(f.lots, f.price) for f in self.fills)


Accounts = int | Sequence[str]
"""How many accounts of a file to read, largest traded value first, or which (case does not matter)."""
