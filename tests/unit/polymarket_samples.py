"""Markets, makers and the official client's own orders, which the tests of Polymarket's wire share."""

from typing import Any

from eth_account import Account
from eth_utils.address import to_checksum_address
from hypothesis import strategies as st
from polymarket._internal.actions.orders.limit import _compute_limit_order_amounts
from polymarket._internal.actions.orders.market import _compute_market_order_amounts
from polymarket._internal.actions.orders.orders import create_signed_order
from polymarket._internal.actions.orders.post import build_post_order_request
from polymarket._internal.actions.orders.typed_data import build_order_signature, build_order_typed_data
from polymarket._internal.actions.orders.types import UnsignedOrder
from polymarket._internal.wallet import wrap_deposit_wallet_signature

from pilotfish.domain.instrument import Instrument, Side
from pilotfish.domain.orders import Place, Tif
from pilotfish.venues.keys.digests import DOMAINS, EXCHANGE
from pilotfish.venues.keys.key import Key, keccak
from pilotfish.venues.keys.schemes import Scheme, SignRequest
from pilotfish.venues.polymarket.wire.assets import ONE, TICKS, Listed, Market, listed
from pilotfish.venues.polymarket.wire.orders import Drawn, How, Salts
from pilotfish.venues.polymarket.wire.signing import Maker, SignatureType

SECRET = bytes(range(1, 33))
KEY, ACCOUNT = Key(SECRET), Account.from_key(SECRET)
OWNER = "00000000-0000-0000-0000-000000000001"
SALTS = Salts(7)
MS = 1_784_683_656_000
YES = "71321045679252212594626385532706912750332728571942532289631379312455583992563"
NO = "52114319501245915516055106046884209969926127482827954674443846427813813222426"
POSITION = str(1 << 248 | 12345 << 104 | 1)  # a position id: its reserved bits are zero
WALLET = "0x56687bf447db6ffa42ffe2204a05edaa20f55839"
CONDITION = "0xdd22472e552920b8438158ea7238bfadfa4f736aa4cee91a6b86c39ead110917"

SCHEMES = {Scheme.POLYMARKET_ORDER: "2", Scheme.POLYMARKET_NEG_RISK_ORDER: "2", Scheme.POLYMARKET_POSITION_ORDER: "3"}


def market(tick: int = 100, *, neg_risk: bool = False) -> Market:
    return Market(CONDITION, "rain-tomorrow", ((YES, "Yes"), (NO, "No")), tick, 500, neg_risk, True)


def one_listed(tick: int = 100, *, neg_risk: bool = False) -> Listed:
    return listed(market(tick, neg_risk=neg_risk), first_id=3)[0]


def maker(kind: SignatureType = SignatureType.POLY_1271, *, session: bool = False) -> Maker:
    """An EOA trades for itself, the others for a wallet that the key may sign for."""
    return Maker(KEY.address if kind is SignatureType.EOA else WALLET, KEY.address, kind, session)


def signed(request: SignRequest) -> bytes:
    """What a signer answers: it puts the scheme's domain around the hash itself."""
    assert request.key == KEY.address
    return KEY.sign_digest(keccak(b"\x19\x01" + DOMAINS[request.scheme] + request.hash))


def place(side: int = Side.BUY, lots: int = 1_000, price: int = 5_000, tif: Tif = Tif.GTC, coid: int = 42) -> Place:
    return Place(coid, -1, 3, side, lots, price, tif)


# -- the oracle --------------------------------------------------------------------------------------------------------


def official_order(one: Drawn, order_type: str = "GTC") -> UnsignedOrder:
    """The same order as the official client holds it before its signature."""
    words = one.words
    return UnsignedOrder(
        chain_id=137,
        builder="0x" + words.builder.hex(),
        exchange_address=EXCHANGE[words.scheme],
        expiration=one.expires_s,
        maker=to_checksum_address(words.maker.address),
        maker_amount=words.maker_amount,
        metadata="0x" + words.metadata.hex(),
        order_type=order_type,
        salt=words.salt,
        side="BUY" if words.side > 0 else "SELL",
        signature_type=int(words.maker.signature_type),
        signer=to_checksum_address(WALLET)
        if words.maker.signature_type is SignatureType.POLY_1271
        else ACCOUNT.address,
        taker_amount=words.taker_amount,
        timestamp=words.timestamp_ms,
        token_id=words.token,
        protocol_version=SCHEMES[words.scheme],
    )


def official_body(one: Drawn, owner: str = OWNER) -> dict[str, Any]:
    """What the official client would post: its typed data, eth-account's signature, its payload."""
    order = official_order(one, one.kind)
    raw = "0x" + ACCOUNT.sign_typed_data(full_message=build_order_typed_data(order)).signature.hex()
    signature = wrap_deposit_wallet_signature(
        signer=ACCOUNT.address,
        signer_type="SESSION_KEY" if one.words.maker.session else "OWNER",
        signature=build_order_signature(order, raw),
    )
    order = create_signed_order(order, signature, post_only=one.post_only)
    return build_post_order_request(order, owner_api_key=owner)[1]


def official_amounts(place: Place, instrument: Instrument) -> tuple[int, int]:
    """What the official client computes from decimals; a purchase that trades at once is a limit order here."""
    price, size = instrument.show_price(place.price), instrument.show_lots(place.lots)
    common = {"side": "BUY" if place.side > 0 else "SELL", "tick_size": instrument.show_price(instrument.tick)}
    if place.tif is not Tif.IOC or place.side > 0:
        return _compute_limit_order_amounts(price=price, size=size, **common)
    return _compute_market_order_amounts(amount=size, price=price, **common)


# -- anything there can be ---------------------------------------------------------------------------------------------

SIDES = st.sampled_from([Side.BUY, Side.SELL])
TIFS = st.sampled_from(list(Tif))
GRIDS = st.sampled_from(sorted(TICKS))
IN_POSITIONS = GRIDS.map(
    lambda tick: one_listed(tick)._replace(token=POSITION, scheme=Scheme.POLYMARKET_POSITION_ORDER)
)
LISTED = st.builds(one_listed, GRIDS, neg_risk=st.booleans()) | IN_POSITIONS
MAKERS = st.sampled_from([*map(maker, SignatureType), maker(session=True)])
WORDS32 = st.binary(min_size=32, max_size=32)
STAMPS = st.integers(1, 2**53)


@st.composite
def places(draw: st.DrawFn, one: Listed, side: Side | None = None, tif: Tif | None = None) -> Place:
    """Any order that the venue's rules allow."""
    ticks = ONE // one.instrument.tick
    price = draw(st.integers(1, ticks - 1)) * one.instrument.tick
    lots = draw(st.integers(max(500, -(-1_100_000 // price)), 10**9))
    coid = draw(st.integers(0, 2**53 - 1))
    return Place(coid, -1, 3, side or draw(SIDES), lots, price, draw(TIFS) if tif is None else tif)


@st.composite
def hows(draw: st.DrawFn, tif: Tif) -> How:
    expires_s = 0 if tif is Tif.IOC else draw(st.just(0) | st.integers(1_800_000_000, 2**33))
    return How(draw(STAMPS), expires_s, draw(WORDS32), draw(WORDS32))
