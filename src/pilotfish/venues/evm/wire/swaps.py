"""A pool of two tokens as an instrument, an order as a swap in it, and a swap's log as what was traded. Pure integers.

Uniswap v3 (its white paper, section 6; SwapRouter of v3-periphery 1.4): a swap goes on until the amount is used up or
the price reaches a limit, which is what an immediate order with a limit means. A pool's price is token1 for one token0,
base units for base units, kept as its square root times 2^96.
"""

from __future__ import annotations

from math import isqrt

import msgspec

from pilotfish.domain.errors import ConfigError, VenueError
from pilotfish.domain.instrument import Instrument
from pilotfish.domain.orders import Place
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.wire.abi import place, selector, signed, topic, word, words
from pilotfish.venues.evm.wire.rpc import Log
from pilotfish.venues.keys.key import keccak

SWAP = topic("Swap(address,address,int256,int256,uint160,uint128,int24)")
MINT = topic("Mint(address,address,int24,int24,uint128,uint256,uint256)")
BURN = topic("Burn(address,int24,int24,uint128,uint256,uint256)")
Q96 = 2**96
SQRT_MIN, SQRT_MAX = 4295128739, 1461446703485210103287273052203988822378723970342
MILLION = 1_000_000
_SINGLE = "((address,address,uint24,address,uint256,uint256,uint256,uint160))"
_EXACT_IN = selector(f"exactInputSingle{_SINGLE}")
_EXACT_OUT = selector(f"exactOutputSingle{_SINGLE}")
TAG = keccak(b"pilotfish order of a journal")[:4]
TAG_BYTES = len(TAG) + 16


class SwapRefused(VenueError):
    """An order that is no swap here; it was not sent."""


class Token(msgspec.Struct, frozen=True):
    """`address` in lower case."""

    address: str
    symbol: str
    decimals: int


class Pool(msgspec.Struct, frozen=True):
    """Where an instrument is traded. `fee_e6`: what the pool keeps of what goes in, in millionths."""

    instrument: Instrument
    address: str
    base: Token
    quote: Token
    fee_e6: int
    spacing: int  # ticks between two prices where liquidity may change

    @property
    def base_first(self) -> bool:
        """Whether the base is token0: the smaller address."""
        return int(self.base.address, 16) < int(self.quote.address, 16)

    @property
    def unit(self) -> int:
        """Base units of the base token in a lot."""
        unit: int = 10 ** (self.base.decimals - self.instrument.lot_decimals)
        return unit

    @property
    def money(self) -> int:
        """Base units of the quote token in a money unit."""
        money: int = 10 ** (self.quote.decimals - self.instrument.money_decimals)
        return money

    def check(self) -> None:
        """Raises ConfigError."""
        one = self.instrument
        if one.lot_decimals > self.base.decimals or one.money_decimals > self.quote.decimals:
            raise ConfigError(
                f"{one.symbol} counts finer than its tokens do",
                f"{one.lot_decimals} decimals of {self.base.decimals}, {one.money_decimals} of {self.quote.decimals}",
                "give the pool fewer decimals",
            )

    # -- prices --------------------------------------------------------------------------------------------------------

    def price_floor(self, root: int) -> int:
        """The pool's price in the instrument's units, rounded down."""
        over, under = self._ratio(root)
        return over // under

    def price_ceil(self, root: int) -> int:
        over, under = self._ratio(root)
        return -(-over // under)

    def _ratio(self, root: int) -> tuple[int, int]:
        scale, under = 10 ** (self.base.decimals + self.instrument.price_decimals), 10**self.quote.decimals
        squared = root * root
        return (squared * scale, under << 192) if self.base_first else (scale << 192, under * squared)

    def bid(self, root: int) -> int:
        """What a seller gets for the first unit, the pool's fee taken off; rounded down."""
        over, under = self._ratio(root)
        return over * (MILLION - self.fee_e6) // (under * MILLION)

    def ask(self, root: int) -> int:
        """What a buyer pays for the first unit, the pool's fee added; rounded up."""
        over, under = self._ratio(root)
        return -(-over * MILLION // (under * (MILLION - self.fee_e6)))

    def limit(self, side: int, price: int) -> int:
        """The root of the pool's price beyond which nothing may trade, fee included, rounded in the order's favour."""
        over = price * 10**self.quote.decimals
        under = 10 ** (self.base.decimals + self.instrument.price_decimals)
        kept = MILLION - self.fee_e6
        over, under = (over * kept, under * MILLION) if side > 0 else (over * MILLION, under * kept)
        if not self.base_first:
            over, under = under, over
        up = (side > 0) is self.base_first  # the root may rise so far, or fall
        root = isqrt((over << 192) // under) if up else _isqrt_ceil((over << 192) // under + 1)
        return min(max(root, SQRT_MIN + 1), SQRT_MAX - 1)

    def within(self, root: int, liquidity: int, end: int) -> int:
        """Base units that trade between two roots, rounded down."""
        low, high = sorted((root, end))
        if low == high or low <= 0:
            return 0
        if self.base_first:
            return (liquidity << 96) * (high - low) // (high * low)
        return liquidity * (high - low) // Q96

    # -- orders --------------------------------------------------------------------------------------------------------

    def calldata(self, order: Place, owner: str, deadline_s: int, journal: int) -> bytes:
        """A call of SwapRouter that trades what can be had up to the order's limit, and carries the order's id behind
        it, where no contract looks. Raises SwapRefused.
        """
        if order.lots <= 0 or order.price <= 0:
            raise SwapRefused(f"order {order.coid}", "has no lots or no price", "see what made it")
        limit = word(self.limit(order.side, order.price))
        buys = order.side > 0
        tokens = (self.quote, self.base) if buys else (self.base, self.quote)
        head = b"".join((*(place(one.address) for one in tokens), word(self.fee_e6), place(owner), word(deadline_s)))
        amount = word(order.lots * self.unit)
        if not buys:
            return _EXACT_IN + head + amount + word(0) + limit + tag(journal, order.coid)
        most = word(self.spends(order))
        return _EXACT_OUT + head + amount + most + limit + tag(journal, order.coid)

    def spends(self, order: Place) -> int:
        """The most that an order takes of what it sells, base units."""
        if order.side < 0:
            return order.lots * self.unit
        return self.instrument.notional_ceil(order.lots, order.price) * self.money


def tag(journal: int, coid: int) -> bytes:
    """Which order of which journal a transaction is, for whoever looks at the chain later."""
    return TAG + journal.to_bytes(8, "big") + coid.to_bytes(8, "big")


def tagged(data: bytes) -> tuple[int, int] | None:
    """Journal and client order id at the end of a call; None where there is no tag."""
    end = data[-TAG_BYTES:]
    if len(data) < 4 + TAG_BYTES or end[: len(TAG)] != TAG:
        return None
    return int.from_bytes(end[4:12], "big"), int.from_bytes(end[12:], "big")


class Swap(msgspec.Struct, frozen=True):
    """What a pool's log says. Amounts are the pool's: positive went in. `root`, `liquidity`, `tick`: how it stands."""

    sender: str
    recipient: str
    amount0: int
    amount1: int
    root: int
    liquidity: int
    tick: int


class Traded(msgspec.Struct, frozen=True):
    """A swap as a trade of whoever made it. `lots` is rounded so that the chain holds no less than we say: down for
    what was bought, up for what was sold; `cost` up for what was paid and down for what was got.
    """

    side: int
    lots: int
    cost: int
    price: int


def read_swap(log: Log) -> Swap:
    """Raises MessageRefused."""
    if len(log.topics) != 3 or log.topics[0] != SWAP:
        raise MessageRefused(f"a log of {log.transaction}", "is no swap", "see what sent it")
    amount0, amount1, root, liquidity, tick = words(log.data, 5)
    sender, recipient = (_address(one) for one in log.topics[1:])
    if not SQRT_MIN <= root < SQRT_MAX or liquidity >= 2**128:
        raise MessageRefused(f"a log of {log.transaction}", "says a price that no pool has", "see what sent it")
    return Swap(sender, recipient, signed(amount0), signed(amount1), root, liquidity, signed(tick))


def _address(one: str) -> str:
    return "0x" + one[-40:]


def traded(swap: Swap, pool: Pool) -> Traded | None:
    """None where less than a lot, or nothing, was traded."""
    base, quote = (swap.amount0, swap.amount1) if pool.base_first else (swap.amount1, swap.amount0)
    side = 1 if base < 0 else -1
    if base == 0 or (base < 0) is not (quote > 0):
        return None
    size, money = abs(base), abs(quote)
    lots = size // pool.unit if side > 0 else -(-size // pool.unit)
    cost = -(-money // pool.money) if side > 0 else money // pool.money
    scale = 10 ** (pool.base.decimals + pool.instrument.price_decimals)
    price = (2 * money * scale + size * 10**pool.quote.decimals) // (2 * size * 10**pool.quote.decimals)
    if lots <= 0 or cost <= 0 or price <= 0 or max(lots, cost, price) >= 2**62:
        return None
    return Traded(side, lots, cost, price)


def root_at(tick: int) -> int:
    """The square root of 1.0001^tick, times 2^96, to within one part in 2^80; exact enough to say how much is there."""
    ratio = isqrt((10001 << 256) // 10000)  # sqrt(1.0001) · 2^128
    result, steps = 1 << 128, abs(tick)
    while steps:
        if steps & 1:
            result = result * ratio >> 128
        ratio = ratio * ratio >> 128
        steps >>= 1
    root = result >> 32 if tick >= 0 else (1 << 224) // result
    return min(max(root, SQRT_MIN), SQRT_MAX)


def _isqrt_ceil(value: int) -> int:
    root = isqrt(value)
    return root if root * root == value else root + 1
