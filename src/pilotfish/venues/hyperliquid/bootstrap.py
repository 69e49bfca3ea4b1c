"""What must be known before a session can begin: the questions, and what their answers come to. Pure.

First what is listed (`listing_questions`, `listed`), then of each lead and of each account of ours how it stands
(`lead_questions`, `lead_start`; `account_questions`, `account_start`), last what our account pays (`with_fees`).
https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.venues.decimals import MessageRefused, fixed_ceil, fixed_floor
from pilotfish.venues.hyperliquid.accounts import Account
from pilotfish.venues.hyperliquid.public.positions import MONEY_DECIMALS, Statement, statement_of, together
from pilotfish.venues.hyperliquid.wire.actions import Listed
from pilotfish.venues.hyperliquid.wire.answers import RateLimit, SpotState
from pilotfish.venues.hyperliquid.wire.assets import Listing, perps, spots
from pilotfish.venues.hyperliquid.wire.codec import ALL_METAS, CLEARINGHOUSE, RATE_LIMIT, SPOT_META, SPOT_STATE
from pilotfish.venues.reading import Reading

Body = dict[str, Any]
_CASH = "USDC"
_BUILDER_FEES = 2  # on a builder's exchange the venue takes its fee twice, half of it for the builder


class PerpDex(msgspec.Struct, frozen=True):
    """A builder's exchange of perpetuals."""

    name: str


class UserFees(msgspec.Struct, frozen=True):
    """Fractions of notional; cross is a taker's, add a maker's (a rebate where negative)."""

    userCrossRate: str
    userAddRate: str
    userSpotCrossRate: str | None = None
    userSpotAddRate: str | None = None


PERP_DEXS: Reading[list[PerpDex | None]] = Reading("perpDexs", list[PerpDex | None])
USER_FEES: Reading[UserFees] = Reading("userFees", UserFees)


class Market(NamedTuple):
    """`instruments` in order of their ids; the last `new` of them were not known before."""

    listing: Listing
    instruments: list[Instrument]
    new: int
    dexes: tuple[str, ...]  # builders' exchanges that are listed
    gone: tuple[str, ...]  # known before, and not traded any more


class LeadStart(NamedTuple):
    """Money units; `positions` by instrument: signed lots and the mark."""

    equity: int
    positions: dict[int, tuple[int, int]]


class AccountStart(NamedTuple):
    """Of an account of ours. `cash` is what can be withdrawn, with the spot balance of USDC; money units."""

    account: Account
    equity: int
    cash: int
    positions: dict[int, tuple[int, int]]
    fees: UserFees
    requests_left: int


# -- what is listed ----------------------------------------------------------------------------------------------------


def listing_questions() -> list[Body]:
    return [{"type": "perpDexs"}, {"type": "allPerpMetas"}, {"type": "spotMeta"}]


def listed(
    answers: Sequence[bytes],
    known: Sequence[Instrument] = (),
    kinds: Collection[Kind] = (Kind.PERP, Kind.SPOT),
    dexes: Collection[str] | None = None,
) -> Market:
    """From the answers in the order of the questions. Instruments of a journal (`known`) keep their ids.

    `dexes`: only these builders' exchanges; None: all. Raises MessageRefused when an answer cannot be read, and
    ConfigError when the venue counts a known instrument in other units than the journal does.
    """
    builders, metas, spot = PERP_DEXS.decode(answers[0]), ALL_METAS.decode(answers[1]), SPOT_META.decode(answers[2])
    tokens = {token.index: token.name for token in spot.tokens}
    names = ["", *(one.name if one is not None else "" for one in builders[1:])]
    if len(names) != len(metas):
        raise MessageRefused(f"{len(metas)} perpetual exchanges, {len(names)} names", "", "ask for both again")
    offered: list[Listed] = []
    for number, (name, meta) in enumerate(zip(names, metas, strict=True)):
        if Kind.PERP in kinds and (not number or dexes is None or name in dexes):
            offered += perps(meta, 0, number, tokens)
    if Kind.SPOT in kinds:
        offered += spots(spot, 0)
    places = {one.symbol: number for number, one in enumerate(known)}
    instruments = list(known)
    traded: list[Listed] = []
    for one in offered:
        place = places.get(one.instrument.symbol)
        if place is None:
            place = places[one.instrument.symbol] = len(instruments)
            instruments.append(msgspec.structs.replace(one.instrument, id=place))
        instruments[place] = _same(instruments[place], one.instrument)
        traded.append(Listed(instruments[place], one.asset))
    listing = Listing(traded)
    gone = tuple(one.symbol for one in known if one.symbol not in listing.by_coin)
    shown = tuple(name for name in names[1:] if any(coin.startswith(f"{name}:") for coin in listing.by_coin))
    return Market(listing, instruments, len(instruments) - len(known), shown, gone)


def _same(known: Instrument, offered: Instrument) -> Instrument:
    """What the journal says of it, if that is still the same thing."""
    for name in ("kind", "lot_decimals", "price_decimals", "quote", "venue"):
        if getattr(known, name) != getattr(offered, name):
            raise ConfigError(
                f"{known.symbol} has {name} {getattr(offered, name)} at the venue and {getattr(known, name)} here",
                "the journal counts in other units",
                "begin a new journal",
            )
    return known


# -- leads and accounts ------------------------------------------------------------------------------------------------


def lead_questions(address: str, dexes: Iterable[str]) -> list[Body]:
    """Margin and positions on every exchange, and the spot balances."""
    states = [{"type": "clearinghouseState", "user": address} | ({"dex": dex} if dex else {}) for dex in ("", *dexes)]
    return [*states, {"type": "spotClearinghouseState", "user": address}]


def lead_start(answers: Sequence[bytes], listing: Listing) -> LeadStart:
    """Equity is that of the perpetual accounts, or where these hold nothing the spot balance. Raises MessageRefused."""
    stated, spot = _stated(answers, listing)
    return LeadStart(stated.value if stated.value > 0 else _cash(spot), stated.lots)


def account_questions(account: Account, dexes: Iterable[str]) -> list[Body]:
    user = account.trades_as
    return [*lead_questions(user, dexes), {"type": "userFees", "user": user}, {"type": "userRateLimit", "user": user}]


def account_start(account: Account, answers: Sequence[bytes], listing: Listing) -> AccountStart:
    """Raises MessageRefused."""
    stated, spot = _stated(answers[:-2], listing)
    states = [CLEARINGHOUSE.decode(raw) for raw in answers[:-3]]
    free = sum(fixed_floor(one.withdrawable, MONEY_DECIMALS) for one in states)
    limit: RateLimit = RATE_LIMIT.decode(answers[-1])
    left = limit.nRequestsCap - limit.nRequestsUsed
    fees = USER_FEES.decode(answers[-2])
    return AccountStart(account, stated.value + _cash(spot), free + _cash(spot), stated.lots, fees, left)


def _stated(answers: Sequence[bytes], listing: Listing) -> tuple[Statement, SpotState]:
    unusable: list[str] = []
    states = [statement_of(CLEARINGHOUSE.decode(raw), listing, unusable.append) for raw in answers[:-1]]
    return together(states), SPOT_STATE.decode(answers[-1])


def _cash(spot: SpotState) -> int:
    return sum(fixed_floor(one.total, MONEY_DECIMALS) for one in spot.balances if one.coin == _CASH)


# -- fees --------------------------------------------------------------------------------------------------------------


def with_fees(instruments: Iterable[Instrument], fees: UserFees) -> list[Instrument]:
    """The instruments with the rates of our account, rounded up to millionths. Raises MessageRefused."""
    perp = (fixed_ceil(fees.userCrossRate, 6), fixed_ceil(fees.userAddRate, 6))
    spot = perp
    if fees.userSpotCrossRate is not None and fees.userSpotAddRate is not None:
        spot = (fixed_ceil(fees.userSpotCrossRate, 6), fixed_ceil(fees.userSpotAddRate, 6))
    rates: Mapping[Kind, tuple[int, int]] = {Kind.PERP: perp, Kind.SPOT: spot}
    charged: list[Instrument] = []
    for one in instruments:
        taker, maker = rates.get(one.kind, perp)
        times = _BUILDER_FEES if one.kind is Kind.PERP and ":" in one.symbol else 1
        charged.append(msgspec.structs.replace(one, taker_fee_e6=taker * times, maker_fee_e6=maker * times))
    return charged
