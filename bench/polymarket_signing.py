"""Polymarket's wire: one order from command to the signed bytes of POST /order, beside the official client.

The official client's own steps, from its rounded amounts to its payload, without its look-ups of the market.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from time import perf_counter
from types import SimpleNamespace

from eth_account import Account
from eth_keys.backends import get_backend_class
from polymarket._internal.actions.orders import limit as official_limit
from polymarket._internal.actions.orders import orders as official_orders
from polymarket._internal.actions.orders.market_data import MarketInfo, PlatformFeeInfo
from polymarket._internal.actions.orders.post import build_post_order_request
from polymarket._internal.actions.orders.typed_data import build_order_signature, build_order_typed_data
from polymarket._internal.environment import PRODUCTION_CONFIG

from bench.measure import Row, median_of, no_collector, row
from pilotfish.domain.instrument import Side
from pilotfish.domain.orders import Place, Tif
from pilotfish.venues.keys.digests import DOMAINS
from pilotfish.venues.keys.key import Key, keccak
from pilotfish.venues.polymarket.wire.assets import Listed, Market, listed
from pilotfish.venues.polymarket.wire.codec import encode
from pilotfish.venues.polymarket.wire.orders import How, Salts, body, drawn
from pilotfish.venues.polymarket.wire.signing import Maker, SignatureType

ROUNDS = 7
ORDERS = 200
SECRET = bytes(range(1, 33))
OWNER = "00000000-0000-0000-0000-000000000001"
WALLET = "0x56687BF447DB6fFA42FFE2204a05EDAA20f55839"
YES = "71321045679252212594626385532706912750332728571942532289631379312455583992563"
NO = "52114319501245915516055106046884209969926127482827954674443846427813813222426"
MS = 1_784_683_656_000


def run() -> list[Row]:
    """One order signed, for a key's own money and for a deposit wallet's."""
    backend = get_backend_class().__name__
    if "CoinCurve" not in backend:
        raise RuntimeError(f"eth-account signs with {backend}: measured against it we would look too good")
    one = listed(Market("0x" + "1" * 64, "rain", ((YES, "Yes"), (NO, "No")), 100, 500, False, True), 0)[0]
    return [_signing(kind, name, one) for kind, name in _KINDS]


_KINDS = ((SignatureType.EOA, "EOA"), (SignatureType.POLY_1271, "deposit wallet"))


def _signing(kind: SignatureType, name: str, one: Listed) -> Row:
    places = [Place(k, -1, 0, Side.BUY, 1_000 + k, 100 * (10 + k % 80), Tif.GTC) for k in range(ORDERS)]
    ours, official = _ours(kind, one), _official(kind)
    if any(json.loads(ours(place)) != json.loads(official(place)) for place in places):
        raise RuntimeError("the bodies differ from the official client's")
    return row(
        f"polymarket: sign one order ({name})", _each(ours, places), "µs", _each(official, places),
        against="polymarket-client 0.14 with coincurve, the same body", target="≤ 170 µs and ≥ 4×",
        note="command to JSON body of POST /order, one thread",
    )  # fmt: skip


def _ours(kind: SignatureType, one: Listed) -> Callable[[Place], bytes]:
    key, salts = Key(SECRET), Salts(7)
    maker = Maker(key.address if kind is SignatureType.EOA else WALLET.lower(), key.address, kind)

    def sign(place: Place) -> bytes:
        order = drawn(place, one, maker, salts, How(MS + place.coid))
        request = order.request
        signed = key.sign_digest(keccak(b"\x19\x01" + DOMAINS[request.scheme] + request.hash))
        return encode(body(order, signed, OWNER))

    return sign


def _official(kind: SignatureType) -> Callable[[Place], bytes]:
    account, salts = Account.from_key(SECRET), Salts(7)
    wallet = account.address if kind is SignatureType.EOA else WALLET
    context = SimpleNamespace(environment_config=PRODUCTION_CONFIG, wallet=wallet, signer=account)
    market = MarketInfo(PlatformFeeInfo(Decimal(0), Decimal(0)), False, Decimal("0.01"), frozenset((YES, NO)))

    def sign(place: Place) -> bytes:
        params = official_limit.PrepareLimitOrderParams(
            asset_id=YES, price=Decimal(place.price).scaleb(-4), size=Decimal(place.lots).scaleb(-2), side="BUY"
        )
        draft = official_limit._build_limit_order_draft(context, params, price=params.price, metadata=market)
        official_orders._generate_salt = lambda: salts.salt(place.coid)
        official_orders._current_timestamp_ms = lambda: MS + place.coid
        wallet_type = "EOA" if kind is SignatureType.EOA else "DEPOSIT_WALLET"
        order = official_orders.create_unsigned_order(draft, wallet=wallet, wallet_type=wallet_type)
        raw = "0x" + account.sign_typed_data(full_message=build_order_typed_data(order)).signature.hex()
        signed = official_orders.create_signed_order(order, build_order_signature(order, raw))
        return json.dumps(build_post_order_request(signed, owner_api_key=OWNER)[1], separators=(",", ":")).encode()

    return sign


def _each(work: Callable[[Place], bytes], places: list[Place]) -> float:
    """µs an order: the median of rounds, each over all orders once."""

    def once() -> float:
        began = perf_counter()
        for place in places:
            work(place)
        return (perf_counter() - began) / len(places) * 1e6

    with no_collector():
        once()
        return median_of(ROUNDS, once)
