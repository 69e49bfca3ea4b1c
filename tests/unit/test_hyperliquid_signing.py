"""Our signatures are the official SDK's, bit for bit, over every action we send; keys are never shown."""

import json
import pickle
import traceback
from decimal import Decimal

import eth_account
import pytest
from hyperliquid.utils import signing as sdk
from hyperliquid.utils.types import Cloid
from hypothesis import given, settings
from hypothesis import strategies as st

from pilotfish.domain.errors import VenueError
from pilotfish.domain.instrument import Side
from pilotfish.domain.orders import Place, Tif
from pilotfish.venues.hyperliquid.wire import actions as our
from pilotfish.venues.hyperliquid.wire.codec import encode
from pilotfish.venues.hyperliquid.wire.signing import (
    Scope,
    Signer,
    approve_agent,
)
from pilotfish.venues.keys.key import KeyRefused
from tests.unit.hyperliquid_samples import CLOIDS, KEY, instrument, instruments, lots_of, prices_of

WALLET = eth_account.Account.from_key(KEY)
SIGNER = Signer(KEY)
MS = st.integers(0, 2**64 - 1)
ADDRESS = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
SCOPE = st.builds(Scope, st.booleans(), st.none() | ADDRESS, st.none() | MS)
ASSET = st.integers(0, 200_000)
OID = st.integers(0, 2**62)
COID = st.integers(0, 2**63 - 1)
WORD = st.text(alphabet="abcXYZ 019-_é", max_size=40)


def signed_by_sdk(action: dict, nonce: int, scope: Scope) -> dict:
    return sdk.sign_l1_action(WALLET, action, scope.vault, nonce, scope.expires_ms, scope.mainnet)


def assert_equal(ours: our.Action, theirs: dict, nonce: int, scope: Scope) -> None:
    signed = SIGNER.sign_l1(ours, nonce, scope)
    body = json.loads(encode(signed))
    assert body["action"] == theirs
    assert list(body["action"]) == list(theirs)
    assert body["signature"] == signed_by_sdk(theirs, nonce, scope)
    assert (body["nonce"], body["vaultAddress"], body["expiresAfter"]) == (nonce, scope.vault, scope.expires_ms)


@st.composite
def one_order(draw: st.DrawFn) -> tuple[our.Order, dict]:
    """The same order built by us from integers and by the SDK from floats."""
    instrument = draw(instruments)
    lots, price, trigger = (draw(any_of(instrument)) for any_of in (lots_of, prices_of, prices_of))
    tif = draw(st.sampled_from(Tif))
    when = draw(st.none() | st.builds(our.When, st.just(trigger), st.sampled_from(["tp", "sl"]), st.booleans()))
    place = Place(draw(COID), -1, 3, draw(st.sampled_from(Side)), lots, price, tif, draw(st.booleans()))
    asset = draw(ASSET)
    kind = {"limit": {"tif": {Tif.IOC: "Ioc", Tif.GTC: "Gtc", Tif.ALO: "Alo"}[tif]}}
    if when is not None:
        shown = float(instrument.show_price(trigger))
        kind = {"trigger": {"triggerPx": shown, "isMarket": when.is_market, "tpsl": when.tpsl}}
    request = {
        "coin": "BTC", "is_buy": place.side > 0, "sz": float(instrument.show_lots(lots)),
        "limit_px": float(instrument.show_price(price)), "order_type": kind, "reduce_only": place.reduce_only,
        "cloid": Cloid.from_str(CLOIDS.cloid(place.coid)),
    }  # fmt: skip
    ours = our.order(place, our.Listed(instrument, asset), CLOIDS, when)
    return ours, sdk.order_request_to_order_wire(request, asset)


@given(st.lists(one_order(), min_size=1, max_size=20), st.sampled_from(["na", "normalTpsl", "positionTpsl"]), MS, SCOPE)
@settings(max_examples=40)
def test_orders_of_every_type_are_signed_as_the_sdk_signs_them(batch, grouping, nonce, scope) -> None:
    theirs = sdk.order_wires_to_order_action([wire for _, wire in batch], None, grouping)
    assert_equal(our.Orders([order for order, _ in batch], grouping), theirs, nonce, scope)


@given(
    st.lists(st.tuples(st.integers(0, 2**62) | COID.map(CLOIDS.cloid), one_order()), min_size=1, max_size=5), MS, SCOPE
)
@settings(max_examples=25)
def test_modifications_are_signed_as_the_sdk_signs_them(batch, nonce, scope) -> None:
    theirs = [{"oid": oid, "order": wire} for oid, (_, wire) in batch]
    ours = our.BatchModify([our.Modified(oid, order) for oid, (order, _) in batch])
    assert_equal(ours, {"type": "batchModify", "modifies": theirs}, nonce, scope)
    oid, (order, wire) = batch[0]
    assert_equal(our.Modify(oid, order), {"type": "modify", "oid": oid, "order": wire}, nonce, scope)


def _cancels(pairs: list[tuple[int, int]]) -> tuple[our.Action, dict]:
    return our.cancels_by_oid(pairs), {"type": "cancel", "cancels": [{"a": a, "o": o} for a, o in pairs]}


def _cancels_by_cloid(pairs: list[tuple[int, int]]) -> tuple[our.Action, dict]:
    named = [{"asset": asset, "cloid": Cloid.from_str(CLOIDS.cloid(coid)).to_raw()} for asset, coid in pairs]
    return our.cancels(pairs, CLOIDS), {"type": "cancelByCloid", "cancels": named}


OTHERS = st.one_of(
    st.lists(st.tuples(ASSET, OID), max_size=40).map(_cancels),
    st.lists(st.tuples(ASSET, COID), max_size=40).map(_cancels_by_cloid),
    MS.map(lambda ms: (our.ScheduleCancel(ms), {"type": "scheduleCancel", "time": ms})),
    st.just((our.ScheduleCancel(), {"type": "scheduleCancel"})),
    st.tuples(ASSET, st.booleans(), st.integers(1, 50)).map(
        lambda t: (our.UpdateLeverage(*t), {"type": "updateLeverage", "asset": t[0], "isCross": t[1], "leverage": t[2]})
    ),
    st.tuples(ASSET, st.integers(-(10**15), 10**15)).map(
        lambda t: (
            our.UpdateIsolatedMargin(t[0], True, t[1]),
            {"type": "updateIsolatedMargin", "asset": t[0], "isBuy": True, "ntli": t[1]},
        )
    ),
    st.tuples(ADDRESS, st.booleans(), st.integers(0, 10**15)).map(
        lambda t: (
            our.VaultTransfer(*t),
            {"type": "vaultTransfer", "vaultAddress": t[0], "isDeposit": t[1], "usd": t[2]},
        )
    ),
)


@given(OTHERS, MS, SCOPE)
def test_every_other_action_is_signed_as_the_sdk_signs_it(pair, nonce, scope) -> None:
    assert_equal(*pair, nonce, scope)


@given(ADDRESS, st.none() | WORD, MS, st.booleans())
@settings(max_examples=30)
def test_the_approval_of_an_agent_is_signed_as_the_sdk_signs_it(agent, name, nonce, mainnet) -> None:
    theirs = {"type": "approveAgent", "agentAddress": agent, "agentName": name or "", "nonce": nonce}
    signature = sdk.sign_agent(WALLET, theirs, mainnet)
    if name is None:
        del theirs["agentName"]
    body = json.loads(encode(SIGNER.sign_approve_agent(approve_agent(agent, name, nonce, mainnet=mainnet))))
    assert body["action"] == theirs
    assert body["signature"] == signature


@given(st.integers(1, 2**255).map(lambda n: n.to_bytes(32, "big")))
@settings(max_examples=20)
def test_the_venue_recovers_the_address_we_state(secret) -> None:
    signer, scope = Signer(secret), Scope(mainnet=False)
    body = json.loads(encode(signer.sign_l1(our.ScheduleCancel(7), 1, scope)))
    who = sdk.recover_agent_or_user_from_l1_action(body["action"], body["signature"], None, 1, None, False)
    assert who.lower() == signer.address == eth_account.Account.from_key(secret).address.lower()


@given(st.data())
def test_numbers_are_written_as_the_sdk_writes_them_but_from_integers(data) -> None:
    instrument = data.draw(instruments)
    lots, price = data.draw(lots_of(instrument)), data.draw(prices_of(instrument))
    order = our.order(Place(1, -1, 3, Side.BUY, lots, price), our.Listed(instrument, 0), CLOIDS)
    assert order.p == sdk.float_to_wire(float(instrument.show_price(price)))
    assert order.s == sdk.float_to_wire(float(instrument.show_lots(lots)))
    assert Decimal(order.p) == instrument.show_price(price)


def test_a_size_too_large_for_a_float_is_written_exactly_where_the_sdk_writes_noise() -> None:
    place = Place(1, -1, 3, Side.BUY, 2_307_351_104, 5)
    assert our.order(place, our.Listed(instrument(1), 0), CLOIDS).s == "230735110.4"
    assert sdk.float_to_wire(230735110.4) == "230735110.40000001"


# -- keys --------------------------------------------------------------------------------------------------------------


def holds_the_key(text: str, secret: bytes = KEY) -> bool:
    low = text.lower()
    forms = (secret.hex(), repr(secret)[2:-1].lower(), str(int.from_bytes(secret, "big")))
    return any(form in low for form in forms if len(form) > 3)  # "0" stands in many a line number


def test_a_signer_shows_its_address_and_never_its_key() -> None:
    assert repr(SIGNER) == f"Signer({WALLET.address.lower()})"
    body = encode(SIGNER.sign_l1(our.ScheduleCancel(), 1, Scope(mainnet=True))).decode()
    for shown in (repr(SIGNER), str(SIGNER), f"{SIGNER!a}", repr([SIGNER]), str(dir(SIGNER)), body):
        assert not holds_the_key(shown)


def test_a_signer_is_neither_pickled_nor_encoded() -> None:
    with pytest.raises(TypeError, match="does not leave its process"):
        pickle.dumps(SIGNER)
    with pytest.raises(TypeError):
        encode(SIGNER)


ORDER_OF_THE_CURVE = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.mark.parametrize(
    "secret", [b"", bytes(32), KEY[:31], KEY + b"!", b"\xfe" * 33, ORDER_OF_THE_CURVE.to_bytes(32, "big")]
)
def test_a_refused_key_is_in_no_error_and_no_local_of_ours(secret) -> None:
    def texts(call, argument) -> str:
        with pytest.raises(KeyRefused) as caught:
            call(argument)
        frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        frames.stack = traceback.StackSummary(f for f in frames.stack if "/hyperliquid/" in f.filename)
        assert frames.stack
        return "".join(frames.format()) + repr(caught.value.__context__)

    assert not secret or not holds_the_key(texts(Signer, secret), secret)
    assert not secret or not holds_the_key(texts(Signer.from_hex, secret.hex()), secret)
    assert not holds_the_key(texts(Signer.from_hex, KEY.hex() + "zz"))


def test_a_key_is_read_with_and_without_its_prefix() -> None:
    assert Signer.from_hex("0x" + KEY.hex()).address == Signer.from_hex(f" {KEY.hex()}\n").address == SIGNER.address


@pytest.mark.parametrize("nonce", [-1, 2**64])
def test_a_nonce_beyond_64_bits_is_refused(nonce) -> None:
    with pytest.raises(VenueError, match="64 bits"):
        SIGNER.sign_l1(our.ScheduleCancel(), nonce, Scope(mainnet=True))


@pytest.mark.parametrize("vault", ["", "0x12", "0x" + "g" * 40, "ab" * 21, "0x" + " " * 2 + "ab" * 19])
def test_what_is_no_address_is_refused(vault) -> None:
    with pytest.raises(VenueError, match="no address"):
        SIGNER.sign_l1(our.ScheduleCancel(), 1, Scope(mainnet=True, vault=vault))
