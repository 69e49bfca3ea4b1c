"""What a pool of concentrated liquidity holds at which price, as levels of a book. Pure.

Liquidity is constant between two ticks that are in use, and changes at each by what is noted there (Uniswap v3 white
paper, 6.2–6.3). Levels are cut every few basis points, each at its worst price, fee included: what a level shows trades
at that price or a better one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from pilotfish.domain.arith import INT64_MAX
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.wire.abi import WORD, selector, signed, word, words
from pilotfish.venues.evm.wire.rpc import read_bytes
from pilotfish.venues.evm.wire.swaps import SQRT_MAX, SQRT_MIN, Pool, root_at

LEVELS = 20
LEVEL_PPM = 500  # of the price
NEAR = 8  # ticks in use that are read on each side
TICK_MAX = 887_272
_WORD_BITS = 256
_LIQUIDITY = selector("liquidity()")
SLOT0 = (selector("slot0()"), _LIQUIDITY)
_BITMAP, _TICKS = selector("tickBitmap(int16)"), selector("ticks(int24)")


class State(msgspec.Struct, frozen=True):
    root: int
    liquidity: int
    tick: int


class Ticks(msgspec.Struct):
    """Ticks in use, as far as was looked: from `low` to `high`. `net`: what the liquidity gains there on the way up."""

    used: list[int] = []
    low: int = 0
    high: int = 0
    net: dict[int, int] = {}

    def near(self, tick: int) -> list[int]:
        """Those next to a tick on both sides; what is further away is not looked at."""
        below, above = [t for t in self.used if t <= tick], [t for t in self.used if t > tick]
        if len(below) > NEAR:
            self.low = below[-NEAR - 1] + 1
        if len(above) > NEAR:
            self.high = above[NEAR] - 1
        return below[-NEAR:] + above[:NEAR]

    def question(self, tick: int) -> bytes:
        return _TICKS + word(tick % 2**256)

    def answer(self, ticks: Sequence[int], results: Sequence[msgspec.Raw] | None) -> None:
        """Raises MessageRefused."""
        if results is None:
            raise MessageRefused("the ticks of a pool", "were not told", "they are asked for again")
        for tick, raw in zip(ticks, results, strict=True):
            self.net[tick] = signed(words(read_bytes(raw), 2)[1])


def words_around(tick: int, spacing: int) -> list[int]:
    """Of the map of ticks in use: the word that holds a tick, and the one that is nearer of its neighbours."""
    compressed = tick // spacing
    place, bit = compressed // _WORD_BITS, compressed % _WORD_BITS
    return [place - 1, place] if bit < _WORD_BITS // 2 else [place, place + 1]


def map_question(place: int) -> bytes:
    return _BITMAP + word(place % 2**256)


def read_state(results: Sequence[msgspec.Raw] | None, places: Sequence[int], spacing: int) -> tuple[State, Ticks]:
    """From slot0, liquidity, and the words of the map. Raises MessageRefused."""
    if results is None:
        raise MessageRefused("a pool", "was not told", "it is asked for again")
    slot, liquidity, *maps = (read_bytes(raw) for raw in results)
    root, tick = words(slot, 2)
    state = State(root, words(liquidity, 1)[0], signed(tick))
    if not SQRT_MIN <= root < SQRT_MAX or state.liquidity >= 2**128 or abs(state.tick) > TICK_MAX:
        raise MessageRefused("a pool", "says a price that no pool has", "see whether its address is right")
    used = [
        (place * _WORD_BITS + bit) * spacing
        for place, raw in zip(places, maps, strict=True)
        for bit in _bits(words(raw[:WORD], 1)[0])
    ]
    low, high = places[0] * _WORD_BITS * spacing, (places[-1] + 1) * _WORD_BITS * spacing - 1
    return state, Ticks(used, low, high)


def _bits(value: int) -> Iterator[int]:
    while value:
        lowest = value & -value
        yield lowest.bit_length() - 1
        value ^= lowest


def ladder(pool: Pool, state: State, ticks: Ticks) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Bids and asks as (price, lots), best first."""
    up, down = _side(pool, state, ticks, 1), _side(pool, state, ticks, -1)
    return (down, up) if pool.base_first else (up, down)


def _side(pool: Pool, state: State, ticks: Ticks, way: int) -> list[tuple[int, int]]:
    """Levels where the root goes up (`way` 1) or down, until nothing more is known. Less than a lot of one level is
    shown with the next.
    """
    price_of = pool.ask if (way > 0) is pool.base_first else pool.bid
    levels: dict[int, int] = {}
    root, liquidity, size = state.root, state.liquidity, 0
    edges = _edges(state, ticks, way)
    edge, change = next(edges)
    for k in range(1, LEVELS + 1):
        end, known = state.root + way * (state.root * LEVEL_PPM * k // 2_000_000), True
        while known and (edge - end) * way <= 0:
            size += pool.within(root, liquidity, edge)
            root, liquidity = edge, max(liquidity + change, 0)
            following = next(edges, None)
            known = following is not None
            edge, change = following or (edge, change)
        if known:
            size += pool.within(root, liquidity, end)
            root = end
        lots, size = divmod(size, pool.unit)
        price = price_of(root)
        if lots and 0 < price < INT64_MAX:
            levels[price] = min(levels.get(price, 0) + lots, INT64_MAX)
        if not known:
            break
    return list(levels.items())


def _edges(state: State, ticks: Ticks, way: int) -> Iterator[tuple[int, int]]:
    """Where the liquidity changes and by how much, then where our knowledge ends."""
    if way > 0:
        yield from ((root_at(tick), ticks.net[tick]) for tick in sorted(ticks.net) if tick > state.tick)
        yield root_at(min(ticks.high, TICK_MAX)), 0
    else:
        below = (tick for tick in sorted(ticks.net, reverse=True) if tick <= state.tick)
        yield from ((root_at(tick), -ticks.net[tick]) for tick in below)
        yield root_at(max(ticks.low, -TICK_MAX)), 0
