"""What must be known before a session can begin: the questions, and what their answers come to. Pure.

A pool says its tokens, fee and price; the router's own factory must name that pool, since the router trades nowhere
else. An instrument's units follow from the price at the first look, and a journal keeps them.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.public.balances import balance_call
from pilotfish.venues.evm.wire.abi import WORD, place, selector, word, words
from pilotfish.venues.evm.wire.rpc import Call, read_bytes, read_quantity
from pilotfish.venues.evm.wire.swaps import SQRT_MAX, SQRT_MIN, Pool, Token

VENUE = "evm"
PRICE_DIGITS = 7  # so many the price has at least, at the first look
LOT_WORTH = 100  # a lot is worth less than a hundredth of a whole quote token
LOT_DECIMALS_MAX, MONEY_DECIMALS_MAX, PRICE_DECIMALS_MAX = 8, 6, 12
_TEXT_MAX = 32


class Wanted(msgspec.Struct, frozen=True):
    """A pool to trade in, and which of its tokens is the base. Addresses in lower case."""

    pool: str
    base: str


class Found(msgspec.Struct, frozen=True):
    pool: Pool
    root: int


class Holding(msgspec.Struct, frozen=True):
    """Of one address: base units of each token, coin in wei, and the least that the router may take of any token."""

    tokens: dict[str, int]
    coin_wei: int
    allowed: int


def call(to: str, signature: str, *arguments: bytes) -> Call:
    data = selector(signature) + b"".join(arguments)
    return Call("eth_call", [{"to": to, "data": "0x" + data.hex()}, "latest"])


def pool_questions(wanted: Wanted) -> list[Call]:
    names = ("token0()", "token1()", "fee()", "tickSpacing()", "slot0()")
    return [call(wanted.pool, name) for name in names]


def token_questions(token: str) -> list[Call]:
    return [call(token, "symbol()"), call(token, "decimals()")]


def tokens_of(answers: Sequence[msgspec.Raw]) -> tuple[str, str]:
    """From the answers to a pool's questions. Raises MessageRefused."""
    return _address(answers[0]), _address(answers[1])


def token_of(address: str, answers: Sequence[msgspec.Raw]) -> Token:
    """Raises MessageRefused."""
    decimals = _number(answers[1])
    if decimals > 36:
        raise MessageRefused(f"token {address}", f"says it has {decimals} decimals", "see whether it is a token")
    return Token(address, _text(read_bytes(answers[0])), decimals)


def factory_questions(router: str) -> list[Call]:
    return [call(router, "factory()")]


def home_question(factory: str, found: Pool) -> Call:
    tokens = sorted((found.base.address, found.quote.address))
    return call(factory, "getPool(address,address,uint24)", *map(place, tokens), word(found.fee_e6))


def pool_of(
    wanted: Wanted, answers: Sequence[msgspec.Raw], tokens: tuple[Token, Token], number: int, known: Instrument | None
) -> Found:
    """`known`: as a journal has it. Raises MessageRefused, and ConfigError where the pool is none of that base."""
    fee_e6, spacing = _number(answers[2]), _number(answers[3])
    root = words(read_bytes(answers[4]), 1)[0]
    if not SQRT_MIN <= root < SQRT_MAX or not 0 < fee_e6 < 10**6 or not 0 < spacing < 2**15:
        raise MessageRefused(f"pool {wanted.pool}", "says what no pool would", "see whether its address is right")
    if wanted.base not in (tokens[0].address, tokens[1].address):
        pair = f"{tokens[0].symbol} and {tokens[1].symbol}"
        raise ConfigError(f"pool {wanted.pool}", f"trades {pair}, not {wanted.base}", "name one of its tokens as base")
    base, quote = tokens if tokens[0].address == wanted.base else (tokens[1], tokens[0])
    one = known or _instrument(base, quote, fee_e6, root, number)
    pool = Pool(one, wanted.pool, base, quote, fee_e6, spacing)
    pool.check()
    return Found(pool, root)


def symbol_of(base: Token, quote: Token, fee_e6: int) -> str:
    """A factory has one pool of two tokens and a fee."""
    return f"{base.symbol}/{quote.symbol}/{fee_e6}"


def holding_questions(address: str, tokens: Sequence[str], router: str) -> list[Call]:
    """Coin first, then balances, then what the router may take of each."""
    asked = [Call("eth_getBalance", [address, "latest"])]
    asked += [balance_call(token, address, "latest") for token in tokens]
    return asked + [call(token, "allowance(address,address)", place(address), place(router)) for token in tokens]


def holding_of(answers: Sequence[msgspec.Raw], tokens: Sequence[str]) -> Holding:
    """Raises MessageRefused."""
    amounts = [_number(raw) for raw in answers[1:]]
    held, allowed = amounts[: len(tokens)], amounts[len(tokens) :]
    return Holding(dict(zip(tokens, held, strict=True)), read_quantity(answers[0]), min(allowed, default=0))


def worth(holding: Holding, found: Sequence[Found]) -> int:
    """What it holds of the pools' tokens, in money units of the first pool's quote token, rounded down."""
    if not found:
        return 0
    first = found[0].pool
    total = holding.tokens.get(first.quote.address, 0) // first.money
    for one in found:
        if one.pool.quote.address == first.quote.address:
            lots = holding.tokens.get(one.pool.base.address, 0) // one.pool.unit
            total += one.pool.instrument.notional_floor(lots, one.pool.price_floor(one.root))
    return total


def lots_of(holding: Holding, found: Sequence[Found]) -> dict[int, int]:
    """By instrument, rounded down."""
    held = {one.pool.instrument.id: holding.tokens.get(one.pool.base.address, 0) // one.pool.unit for one in found}
    return {instrument: min(lots, 2**62) for instrument, lots in held.items() if lots}


def _instrument(base: Token, quote: Token, fee_e6: int, root: int, number: int) -> Instrument:
    """Prices of at least seven digits, lots worth less than a cent of the quote token."""
    first = base.address == min(base.address, quote.address, key=lambda one: int(one, 16))
    over, under = (root * root, 1 << 192) if first else (1 << 192, root * root)
    over, under = over * 10**base.decimals, under * 10**quote.decimals  # whole quote tokens for a whole base token
    price = next((k for k in range(PRICE_DECIMALS_MAX) if over * 10**k // under >= 10 ** (PRICE_DIGITS - 1)), None)
    lot_max = min(base.decimals, LOT_DECIMALS_MAX)
    lot = next((k for k in range(lot_max) if over * LOT_WORTH < under * 10**k), lot_max)
    return Instrument(
        number, symbol_of(base, quote, fee_e6), VENUE, Kind.SPOT, lot, PRICE_DECIMALS_MAX if price is None else price,
        money_decimals=min(quote.decimals, MONEY_DECIMALS_MAX), quote=quote.symbol,
    )  # fmt: skip


def _number(raw: msgspec.Raw) -> int:
    return words(read_bytes(raw), 1)[0]


def _address(raw: msgspec.Raw) -> str:
    value = _number(raw)
    if not 0 < value < 2**160:
        raise MessageRefused("an address", "was not told", "see whether the contract is what it should be")
    return f"0x{value:040x}"


def _text(data: bytes) -> str:
    """A string, or the 32 bytes that some old tokens answer with. Raises MessageRefused."""
    raw = data
    if len(data) >= 3 * WORD:
        size = words(data, 2)[1]
        raw = data[2 * WORD : 2 * WORD + min(size, _TEXT_MAX)]
    text = raw[:WORD].rstrip(b"\x00").decode("ascii", "replace")
    if not text or not all(one.isalnum() or one in "._-$" for one in text):
        raise MessageRefused(f"a symbol of {len(data)} bytes", "is not one that can be shown", "see what token it is")
    return text
