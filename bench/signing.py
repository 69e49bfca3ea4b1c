"""Hyperliquid's wire: one order from command to signed bytes, many by a pool, and one l2Book from bytes to integers.

Beside the official SDK (with coincurve, its fastest backend) and, for books, ccxt's own parse where ccxt is installed,
else json and Decimal, which is less work than ccxt does.
"""

from __future__ import annotations

import asyncio
import gzip
import importlib.util
import json
import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from statistics import median
from time import perf_counter
from types import SimpleNamespace

import eth_account
from eth_keys.backends import get_backend_class
from hyperliquid.utils import signing as sdk
from hyperliquid.utils.types import Cloid

from bench.measure import ROOT, Row, median_of, no_collector, row
from pilotfish.domain.events import BookTop
from pilotfish.domain.instrument import Instrument, Kind, Side, TickRule
from pilotfish.domain.orders import Place
from pilotfish.venues.hyperliquid.trading.line import CHUNK
from pilotfish.venues.hyperliquid.wire.actions import Cloids, Listed, Orders, order
from pilotfish.venues.hyperliquid.wire.books import NUMBERS, Depth, book_top, depth
from pilotfish.venues.hyperliquid.wire.codec import encode, read_frame
from pilotfish.venues.hyperliquid.wire.messages import BareBookFrame
from pilotfish.venues.hyperliquid.wire.signing import Scope, Signer
from pilotfish.venues.keys.key import Key, keccak
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.keys.pool import SignerPool, secrets_of
from pilotfish.venues.keys.schemes import Scheme, SignRequest

ROUNDS = 7
ORDERS = 200
POOLED = 2_000
BOOKS = 45
RECORDING = ROOT / "../shared/data/hyperliquid/ws_btcusd_20250126.gz"
BTC = Instrument(0, "BTC", "hyperliquid", Kind.PERP, 5, 1, tick_rule=TickRule.SIGNIFICANT, tick=5, max_leverage=40)
KEY = bytes(range(1, 33))
NONCE = 1_784_683_656_000


def run() -> list[Row]:
    """One order signed, and many by two processes; one book decoded whole, and to its best prices."""
    return [_signing(), pooled(), *_books()]


# -- one order ---------------------------------------------------------------------------------------------------------


def _signing() -> Row:
    backend = get_backend_class().__name__
    if "CoinCurve" not in backend:
        raise RuntimeError(f"the SDK signs with {backend}: measured against it we would look too good")
    places = [Place(k, -1, 0, Side.BUY, 1_000 + k, 10 * (60_000 + k)) for k in range(ORDERS)]
    signer, wallet = Signer(KEY), eth_account.Account.from_key(KEY)
    cloids, listed, scope = Cloids(7), Listed(BTC, 0), Scope(mainnet=True)

    def ours(place: Place) -> bytes:
        return encode(signer.sign_l1(Orders([order(place, listed, cloids)]), NONCE + place.coid, scope))

    def official(place: Place) -> bytes:
        request = {
            "coin": "BTC", "is_buy": True, "sz": place.lots / 1e5, "limit_px": place.price / 10,
            "order_type": {"limit": {"tif": "Ioc"}}, "reduce_only": False,
            "cloid": Cloid.from_int((7 << 64) + place.coid),
        }  # fmt: skip
        action = sdk.order_wires_to_order_action([sdk.order_request_to_order_wire(request, 0)])
        nonce = NONCE + place.coid
        signature = sdk.sign_l1_action(wallet, action, None, nonce, None, True)
        body = {"action": action, "nonce": nonce, "signature": signature, "vaultAddress": None, "expiresAfter": None}
        return json.dumps(body).encode()

    if any(json.loads(ours(one)) != json.loads(official(one)) for one in places):
        raise RuntimeError("the bodies differ from the official SDK's")
    return row(
        "hyperliquid: sign one order", _each(ours, places), "µs", _each(official, places),
        against="hyperliquid-python-sdk with coincurve, the same body", target="≤ 170 µs and ≥ 4×",
        note="command to JSON body of POST /exchange, one thread",
    )  # fmt: skip


# -- many orders -------------------------------------------------------------------------------------------------------


def pooled(orders: int = POOLED) -> Row:
    """Signatures a second of a pool with two processes, beside one with one; each order of another key."""
    one, two = asyncio.run(_throughput(orders))
    return row(
        "hyperliquid: sign by two processes", two, "orders/s", one, against="a pool with one process",
        note=f"{orders:,} orders, each of its own key, {CHUNK} a request, as a session asks for them",
    )  # fmt: skip


async def _throughput(orders: int) -> tuple[float, float]:
    """By one process and by two. Turns are taken, so that both meet the same machine."""
    keys = [Key(KEY).derive(b"%d" % number) for number in range(orders)]
    requests = [SignRequest(key.address, Scheme.HYPERLIQUID_MAINNET, keccak(key.address.encode())) for key in keys]
    chunks = [requests[first : first + CHUNK] for first in range(0, orders, CHUNK)]

    async def rate(pool: SignerPool) -> float:
        began = perf_counter()
        await asyncio.gather(*map(pool.sign, chunks))
        return orders / (perf_counter() - began)

    async with SignerPool(secrets_of(keys), 1) as single, SignerPool(secrets_of(keys), 2) as double:
        first = await single.sign(requests[:1])
        if first != Keyring(keys[:1]).sign_all(requests[:1]):
            raise RuntimeError("the pool signs something else than this process does")
        await rate(double)
        rates = [(await rate(single), await rate(double)) for _ in range(ROUNDS)]
    return median(each for each, _ in rates), median(each for _, each in rates)


# -- one book ----------------------------------------------------------------------------------------------------------


def _books() -> list[Row]:
    raws, source = _recorded() if RECORDING.exists() else _drawn()
    baseline, against = _baseline()

    def whole(raw: bytes) -> Depth:
        return depth(_book(raw).data, BTC)

    def top(raw: bytes) -> BookTop:
        return book_top(_book(raw).data, BTC, 0)

    for raw in raws:
        bids, asks = baseline(raw)
        ours = whole(raw)
        if [len(bids), len(asks)] != [len(ours.bids), len(ours.asks)] or round(float(bids[0][0]) * 10) != ours.bids[0]:
            raise RuntimeError("the books differ from the baseline's")
    notes = {"against": against, "note": f"{source}; every round starts with an empty cache of numbers"}
    reference, name = _each(baseline, raws), "hyperliquid: decode a book"
    on = _each(whole, raws, warm=True)
    going_on = notes | {"note": f"{source}; numbers of the rounds before are remembered, as in a session that goes on"}
    return [
        row(f"{name}, 20 levels a side, at first", _each(whole, raws), "µs", reference, target="≥ 4× ccxt", **notes),
        row(f"{name}, 20 levels a side", on, "µs", reference, target="≥ 4× ccxt", **going_on),
        row(f"{name} to its best prices", _each(top, raws), "µs", reference, target="≥ 4× ccxt", **notes),
    ]


def _book(raw: bytes) -> BareBookFrame:
    frame = read_frame(raw)
    assert isinstance(frame, BareBookFrame)
    return frame


def _recorded() -> tuple[list[bytes], str]:
    with gzip.open(RECORDING, "rb") as lines:
        raws = [line.partition(b" ")[2] for line in lines]
    raws = [raw for raw in raws if raw.startswith(b'{"channel":"l2Book"')]
    return raws, f"{len(raws)} recorded snapshots in a row"


def _drawn() -> tuple[list[bytes], str]:
    """Without the recording: a walk in which about a third of the levels change from snapshot to snapshot."""
    chance, middle, raws = random.Random(7), 66_400, []
    sizes = {price: chance.randrange(1, 10**6) for price in range(60_000, 73_000)}
    for k in range(BOOKS):
        middle += chance.choice((-1, 0, 0, 1))
        for price in range(middle - 20, middle + 21):
            if chance.random() < 1 / 3:
                sizes[price] = chance.randrange(1, 10**6)
        sides = [
            [{"px": f"{p}.0", "sz": f"{Decimal(sizes[p]).scaleb(-5):f}", "n": 3} for p in side]
            for side in (range(middle, middle - 20, -1), range(middle + 1, middle + 21))
        ]
        data = {"coin": "BTC", "time": NONCE + 500 * k, "levels": sides}
        raws.append(json.dumps({"channel": "l2Book", "data": data}, separators=(",", ":")).encode())
    return raws, f"{BOOKS} drawn snapshots"


Levels = Sequence[Sequence[float | Decimal]]


def _baseline() -> tuple[Callable[[bytes], tuple[Levels, Levels]], str]:
    if importlib.util.find_spec("ccxt") is None:
        return _plain, "json and Decimal, less than ccxt does (ccxt is not installed)"
    import ccxt.pro
    from ccxt.base.exchange import json_parser

    venue, told = ccxt.pro.hyperliquid(), []
    names = {"id": "0", "symbol": "BTC/USDC:USDC", "base": "BTC", "quote": "USDC", "settle": "USDC", "baseName": "BTC"}
    venue.set_markets([venue.safe_market_structure(names | {"swap": True, "type": "swap", "spot": False})], {})
    client = SimpleNamespace(resolve=lambda book, _: told.append(book))

    def heard(raw: bytes) -> tuple[Levels, Levels]:
        told.clear()
        venue.handle_order_book(client, json_parser.loads(raw))
        return told[0]["bids"], told[0]["asks"]

    return heard, f"ccxt.pro {ccxt.__version__}: {json_parser.__name__} and handle_order_book, in floats"


def _plain(raw: bytes) -> tuple[Levels, Levels]:
    bids, asks = json.loads(raw)["data"]["levels"]
    first, second = ([[Decimal(level["px"]), Decimal(level["sz"])] for level in side] for side in (bids, asks))
    return first, second


def _each(work: Callable, items: list, *, warm: bool = False) -> float:
    """µs an item: the median of rounds, each over all items once."""

    def once() -> float:
        for numbers in () if warm else NUMBERS:
            numbers.clear()
        began = perf_counter()
        for item in items:
            work(item)
        return (perf_counter() - began) / len(items) * 1e6

    with no_collector():
        once()
        return median_of(ROUNDS, once)
