"""What must be known before a session can begin: the questions, and what their answers come to. Pure.

First the markets (`listing_questions`, `listed`): those a journal knows, by the slugs in their symbols, and those that
leads hold, by token. Then how each lead and each account of ours stands. Gamma pages by 100; the data API by 500.
https://docs.polymarket.com/api-reference
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

from pilotfish.domain.errors import ConfigError, NumericOverflow
from pilotfish.domain.instrument import Instrument, to_units_floor
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.keys.digests import EXCHANGE
from pilotfish.venues.keys.schemes import Scheme
from pilotfish.venues.polymarket.public.books import SIZE_DECIMALS
from pilotfish.venues.polymarket.public.deeds import price_of
from pilotfish.venues.polymarket.public.listing import Listing
from pilotfish.venues.polymarket.settings import SECOND, Account, Settings
from pilotfish.venues.polymarket.trading.settlement import UNIT
from pilotfish.venues.polymarket.wire.answers import GammaMarket, PublicPosition
from pilotfish.venues.polymarket.wire.assets import MONEY_DECIMALS, Listed, Market, of_gamma
from pilotfish.venues.polymarket.wire.assets import listed as tokens_of
from pilotfish.venues.polymarket.wire.codec import (
    BALANCE_ALLOWANCE,
    CLOSED_ONLY,
    GAMMA_MARKETS,
    OPEN_ORDERS,
    PUBLIC_POSITIONS,
    SERVER_TIME,
    encode,
)
from pilotfish.venues.reading import Reading

COLLATERAL = "0xC011a7E12a19f7B1f670d46F03B03f3342E82DFB"  # pUSD
_BALANCE_OF = "0x70a08231"  # balanceOf(address)
_PER_PAGE = 100
_POSITIONS_MAX = 500


class Question(NamedTuple):
    """With an `account` it carries that account's L2 headers; these sign `path`, which has no query."""

    method: str
    base: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    account: int | None = None

    @property
    def url(self) -> str:
        return self.base + self.path + (f"?{urlencode(self.query)}" if self.query else "")


class Value(msgspec.Struct, frozen=True):
    """Rows of the data API's /value: what a wallet's positions are worth, USDC."""

    value: Decimal


class _Result(msgspec.Struct, frozen=True):
    result: str


_VALUES: Reading[list[Value]] = Reading("data /value", list[Value])
_RESULT: Reading[_Result] = Reading("eth_call", _Result)


class Offer(NamedTuple):
    """`instruments` in order of their ids; the last `new` of them were not known before."""

    listing: Listing
    instruments: list[Instrument]
    new: int
    gone: tuple[str, ...]  # known before, and not to be found any more
    closed: tuple[str, ...]  # listed, and takes no orders


class LeadStart(NamedTuple):
    """`equity` in money units: positions, and cash where a node was asked. `positions`: lots and price."""

    equity: int
    positions: dict[int, tuple[int, int]]
    unlisted: tuple[str, ...]  # tokens it holds that are not listed


class AccountStart(NamedTuple):
    """`cash` and `allowed` in money units: the least that any exchange may move."""

    account: Account
    cash: int
    allowed: int
    positions: dict[int, tuple[int, int]]
    orders: int
    closed_only: bool


# -- markets -----------------------------------------------------------------------------------------------------------


def listing_questions(
    settings: Settings, known: Iterable[Instrument] = (), tokens: Iterable[str] = ()
) -> list[Question]:
    """Markets of known instruments and of tokens, as many to a request as Gamma answers."""
    slugs = dict.fromkeys(one.symbol.rpartition("/")[0] for one in known)
    pairs = [("slug", slug) for slug in slugs], [("clob_token_ids", token) for token in dict.fromkeys(tokens)]
    return [
        Question("GET", settings.gamma_url, "/markets", (("limit", str(_PER_PAGE)), *some[first : first + _PER_PAGE]))
        for some in pairs
        for first in range(0, len(some), _PER_PAGE)
    ]


def listed(answers: Iterable[bytes], known: Sequence[Instrument] = ()) -> Offer:
    """Instruments of a journal (`known`) keep their ids; a market that cannot be read is left out.

    Raises MessageRefused when an answer cannot be read, and ConfigError when a known instrument has other units now.
    """
    markets: dict[str, Market] = {}
    for answer in answers:
        rows: list[GammaMarket] = GAMMA_MARKETS.decode(answer)
        for row in rows:
            try:
                market = of_gamma(row)
            except MessageRefused:
                continue
            markets[market.condition] = market
    places = {one.symbol: number for number, one in enumerate(known)}
    instruments = list(known)
    found: list[Listed] = []
    for market in markets.values():
        for one in tokens_of(market, 0):
            place = places.setdefault(one.instrument.symbol, len(instruments))
            if place == len(instruments):
                instruments.append(msgspec.structs.replace(one.instrument, id=place))
            _same(instruments[place], one.instrument)
            current = msgspec.structs.replace(instruments[place], tick=one.instrument.tick)
            found.append(one._replace(instrument=current))
    symbols = {one.instrument.symbol for one in found}
    closed = tuple(f"{market.name}" for market in markets.values() if not market.open)
    gone = tuple(one.symbol for one in known if one.symbol not in symbols)
    return Offer(Listing(found, len(instruments)), instruments, len(instruments) - len(known), gone, closed)


def _same(known: Instrument, offered: Instrument) -> None:
    for name in ("kind", "lot_decimals", "price_decimals", "money_decimals", "quote", "venue"):
        if getattr(known, name) != getattr(offered, name):
            raise ConfigError(
                f"{known.symbol[:80]} has {name} {getattr(offered, name)} at the venue and {getattr(known, name)} here",
                "the journal counts in other units",
                "begin a new journal",
            )


# -- leads and accounts ------------------------------------------------------------------------------------------------


def lead_questions(settings: Settings, address: str) -> list[Question]:
    """Positions and their value; the cash beside them only where there is a node to ask."""
    user = (("user", address),)
    limit = (("sizeThreshold", "0"), ("limit", str(_POSITIONS_MAX)))
    asked = [
        Question("GET", settings.data_url, "/positions", (*user, *limit)),
        Question("GET", settings.data_url, "/value", user),
    ]
    if settings.rpc_url:
        call = {"to": COLLATERAL, "data": _BALANCE_OF + address.lower().removeprefix("0x").rjust(64, "0")}
        body = encode({"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "latest"]})
        asked.append(Question("POST", settings.rpc_url, "", body=body))
    return asked


def lead_start(answers: Sequence[bytes], listing: Listing) -> LeadStart:
    """From the answers in the order of the questions. Raises MessageRefused."""
    positions, unlisted = _positions(PUBLIC_POSITIONS.decode(answers[0]), listing)
    equity = sum(_money(row.value) for row in _VALUES.decode(answers[1]))
    if len(answers) > 2:
        equity += _word(_RESULT.decode(answers[2]).result)
    return LeadStart(equity, positions, unlisted)


def account_questions(settings: Settings, account: Account) -> list[Question]:
    asset = (("asset_type", "COLLATERAL"), ("signature_type", str(account.signature_type)))
    limit = (("sizeThreshold", "0"), ("limit", str(_POSITIONS_MAX)))
    return [
        Question("GET", settings.clob_url, "/balance-allowance", asset, account=account.account),
        Question("GET", settings.data_url, "/positions", (("user", account.address), *limit)),
        Question("GET", settings.clob_url, "/data/orders", account=account.account),
        Question("GET", settings.clob_url, "/auth/ban-status/closed-only", account=account.account),
    ]


def account_start(account: Account, answers: Sequence[bytes], listing: Listing) -> AccountStart:
    """`orders` counts those of the first page. Raises MessageRefused."""
    balance = BALANCE_ALLOWANCE.decode(answers[0])
    told = balance.allowances if isinstance(balance.allowances, dict) else {}
    by_spender = {spender.lower(): _base_units(amount) for spender, amount in told.items()}
    needed = (EXCHANGE[Scheme.POLYMARKET_ORDER], EXCHANGE[Scheme.POLYMARKET_NEG_RISK_ORDER])
    positions, _ = _positions(PUBLIC_POSITIONS.decode(answers[1]), listing)
    return AccountStart(
        account,
        _base_units(balance.balance),
        min(by_spender.get(spender.lower(), 0) for spender in needed),
        positions,
        len(OPEN_ORDERS.decode(answers[2]).data or ()),
        CLOSED_ONLY.decode(answers[3]).closed_only,
    )


def time_question(settings: Settings) -> Question:
    return Question("GET", settings.clob_url, "/time")


def clock_offset_ns(answer: bytes, asked_ns: int, answered_ns: int) -> int:
    """The venue's clock less ours, to half a second and half the way. Raises MessageRefused."""
    return SERVER_TIME.decode(answer) * SECOND + SECOND // 2 - (asked_ns + answered_ns) // 2


def _positions(rows: Iterable[PublicPosition], listing: Listing) -> tuple[dict[int, tuple[int, int]], tuple[str, ...]]:
    held: dict[int, tuple[int, int]] = {}
    unlisted: list[str] = []
    for row in rows:
        try:
            lots = to_units_floor(row.size, SIZE_DECIMALS) // UNIT
            price = price_of(row.avgPrice or row.curPrice or None)
        except NumericOverflow as bad:
            raise MessageRefused(f"a position of {str(row.size)[:40]}", bad.why) from bad
        one = listing.of_token(row.asset)
        if one is not None and lots:
            held[one.instrument.id] = lots, price
        elif lots and row.redeemable is not True:
            unlisted.append(row.asset)
    return held, tuple(unlisted)


def _money(value: Decimal) -> int:
    try:
        return to_units_floor(value, MONEY_DECIMALS)
    except NumericOverflow as bad:
        raise MessageRefused(f"a value of {str(value)[:40]}", bad.why) from bad


def _base_units(text: str) -> int:
    """Allowances are often the largest number there is."""
    if not (text.isascii() and text.isdigit() and len(text) <= 80):
        raise MessageRefused(f"{text[:40]!r} is no amount", "", "ask again")
    return min(int(text), 2**62)


def _word(text: str) -> int:
    try:
        return min(int(text, 16), 2**62) if len(text) <= 66 else 0
    except ValueError:
        raise MessageRefused(f"{text[:70]!r} is no amount", "", "ask the node again") from None
