"""Our signatures are the official client's, bit for bit, for every kind of wallet and every exchange."""

import json
from dataclasses import replace

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given
from hypothesis import strategies as st
from polymarket._internal.actions.orders.context import resolve_order_exchange_address
from polymarket._internal.actions.orders.typed_data import build_order_typed_data
from polymarket._internal.environment import PRODUCTION_CONFIG
from polymarket._internal.protocol import is_v2_position_id

from pilotfish.domain.errors import VenueError
from pilotfish.venues.keys.digests import DOMAINS, EXCHANGE
from pilotfish.venues.keys.schemes import Scheme, SignRequest
from pilotfish.venues.polymarket.wire.assets import is_position
from pilotfish.venues.polymarket.wire.codec import encode
from pilotfish.venues.polymarket.wire.orders import How, body, drawn
from pilotfish.venues.polymarket.wire.signing import (
    Maker,
    OrderUnsignable,
    OrderWords,
    SignatureType,
    address_word,
    bytes32,
    checksummed,
    order_hash,
    order_signature,
    plain_signature,
    word,
)
from tests.unit.polymarket_samples import (
    ACCOUNT,
    KEY,
    LISTED,
    MAKERS,
    MS,
    OWNER,
    POSITION,
    SALTS,
    SCHEMES,
    SIDES,
    STAMPS,
    WORDS32,
    YES,
    hows,
    maker,
    official_body,
    official_order,
    one_listed,
    place,
    places,
    signed,
)

SALT = st.integers(0, 2**53 - 1)
AMOUNT = st.integers(0, 2**128)
TOKEN = st.integers(0, 2**256 - 1).map(str)


@given(st.data(), LISTED, MAKERS)
def test_a_body_is_the_official_clients_to_the_last_byte(data: st.DataObject, listed, who) -> None:
    order = data.draw(places(listed))
    one = drawn(order, listed, who, SALTS, data.draw(hows(order.tif)))
    assert json.loads(encode(body(one, signed(one.request), OWNER))) == official_body(one)


@given(
    st.builds(
        OrderWords, st.sampled_from(list(SCHEMES)), MAKERS, TOKEN, SIDES, AMOUNT, AMOUNT, SALT, STAMPS, WORDS32, WORDS32
    )
)
def test_every_signed_field_is_signed_as_the_official_client_signs_it(words: OrderWords) -> None:
    one = drawn(place(), one_listed(), maker(), SALTS, How(MS))._replace(words=words, hash=order_hash(words))
    assert (
        json.loads(encode(body(one, signed(one.request), OWNER)))["order"]["signature"]
        == (official_body(one)["order"]["signature"])
    )


@given(st.data(), LISTED, MAKERS)
def test_the_id_is_the_digest_by_which_the_exchange_knows_the_order(data: st.DataObject, listed, who) -> None:
    one = drawn(place(lots=10**6), listed._replace(min_lots=1), who, SALTS, data.draw(hows(place().tif)))
    plain = build_order_typed_data(replace(official_order(one), signature_type=0))
    plain["message"]["signatureType"] = int(who.signature_type)
    digest = _hash_eip191_message(encode_typed_data(full_message=plain))
    assert one.id == "0x" + digest.hex()


def test_what_is_sent_but_not_signed_does_not_change_the_id() -> None:
    resting = drawn(place(), one_listed(), maker(), SALTS, How(MS))
    ending = drawn(place(), one_listed(), maker(), SALTS, How(MS, expires_s=1_900_000_000))
    assert (resting.kind, ending.kind) == ("GTC", "GTD")
    assert resting.id == ending.id


def test_the_same_order_again_is_the_same_order() -> None:
    first, again, other = (drawn(place(coid=coid), one_listed(), maker(), SALTS, How(MS)) for coid in (42, 42, 43))
    assert first == again
    assert other.id != first.id


def test_exchanges_and_domains_are_those_of_the_official_client() -> None:
    for scheme, contract in EXCHANGE.items():
        token = POSITION if scheme is Scheme.POLYMARKET_POSITION_ORDER else YES
        neg_risk = scheme is Scheme.POLYMARKET_NEG_RISK_ORDER
        assert contract == resolve_order_exchange_address(PRODUCTION_CONFIG, asset_id=token, neg_risk=neg_risk)
    assert set(DOMAINS) == set(EXCHANGE) | {Scheme.POLYMARKET_AUTH}
    assert len(set(DOMAINS.values())) == len(DOMAINS)
    assert all(len(separator) == 32 for separator in DOMAINS.values())


@given(TOKEN | st.integers(0, 2**40).map(lambda low: str(1 << 248 | low << 104 | low % 2)))
def test_position_ids_are_told_from_token_ids_as_the_official_client_does(token: str) -> None:
    assert is_position(token) is is_v2_position_id(token)


@given(st.binary(min_size=20, max_size=20))
def test_addresses_are_written_as_eip_55_has_them(raw: bytes) -> None:
    from eth_utils.address import to_checksum_address

    assert checksummed("0x" + raw.hex()) == to_checksum_address(raw)
    assert address_word("0x" + raw.hex()) == bytes(12) + raw


def test_the_key_signs_for_the_wallet_that_the_order_names() -> None:
    for kind in SignatureType:
        one = drawn(place(), one_listed(), maker(kind), SALTS, How(MS))
        assert one.request.key == KEY.address == ACCOUNT.address.lower()
        assert one.words.signer == (one.words.maker.address if kind is SignatureType.POLY_1271 else KEY.address)


@pytest.mark.parametrize(
    "broken",
    [
        lambda: word(-1),
        lambda: word(2**256),
        lambda: address_word("0x12"),
        lambda: address_word("12" * 21),
        lambda: address_word("0x" + "zz" * 20),
        lambda: bytes32("0x" + "00" * 31),
        lambda: plain_signature(bytes(64)),
        lambda: plain_signature(bytes(64) + b"\x1b"),
        lambda: order_hash(OrderWords(Scheme(2), Maker("0x", "0x"), YES, 1, 1, 1, 1, 1)),
        lambda: order_hash(OrderWords(Scheme(2), maker(), "twelve", 1, 1, 1, 1, 1)),
        lambda: order_hash(OrderWords(Scheme(2), maker(), "9" * 78, 1, 1, 1, 1, 1)),
        lambda: order_signature(OrderWords(Scheme(2), maker(), YES, 1, 1, 1, 1, 1), bytes(32), b""),
    ],
)
def test_what_no_contract_can_hold_is_refused_and_says_why(broken) -> None:
    with pytest.raises(OrderUnsignable) as refused:
        broken()
    assert isinstance(refused.value, VenueError)
    assert refused.value.what


def test_the_schemes_of_the_signer_are_numbered_for_good() -> None:
    assert [(one.name, int(one)) for one in Scheme if one.name.startswith("POLYMARKET")] == [
        ("POLYMARKET_ORDER", 2), ("POLYMARKET_NEG_RISK_ORDER", 3), ("POLYMARKET_AUTH", 4),
        ("POLYMARKET_POSITION_ORDER", 5),
    ]  # fmt: skip
    assert SignRequest(KEY.address, Scheme.POLYMARKET_ORDER, bytes(32)).key == KEY.address
