"""What the twin computes as the contracts do is what the official client computes."""

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from polymarket._internal.actions.orders.typed_data import build_order_signature, build_order_typed_data
from polymarket._internal.actions.orders.types import UnsignedOrder
from polymarket._internal.environment import PRODUCTION_CONFIG
from polymarket._internal.protocol import is_v2_position_id
from polymarket._internal.wallet import (
    derive_beacon_deposit_wallet_address,
    derive_proxy_wallet_address,
    derive_safe_wallet_address,
)

from pilotfish.venues.twins.polymarket.wallets import (
    CHAIN,
    NEG_RISK_EXCHANGE,
    POSITION_EXCHANGE,
    STANDARD_EXCHANGE,
    OrderFields,
    raw_address,
    recovered,
    shown,
    wallet_of,
)

SIGNER = Account.from_key("0x" + "42" * 32)
DERIVATION = PRODUCTION_CONFIG.wallet_derivation


def test_the_contracts_are_those_of_the_official_client() -> None:
    assert PRODUCTION_CONFIG.chain_id == CHAIN
    assert PRODUCTION_CONFIG.standard_exchange == STANDARD_EXCHANGE
    assert PRODUCTION_CONFIG.neg_risk_exchange == NEG_RISK_EXCHANGE
    assert PRODUCTION_CONFIG.exchange_v3 == POSITION_EXCHANGE


@pytest.mark.parametrize("secret", [1, 2, 2**200 + 7])
def test_a_key_owns_the_wallets_that_the_factories_would_make_for_it(secret: int) -> None:
    owner = Account.from_key(secret.to_bytes(32, "big")).address
    assert wallet_of(owner.lower(), 0) == owner
    assert wallet_of(owner, 1) == derive_proxy_wallet_address(owner, DERIVATION)
    assert wallet_of(owner, 2) == derive_safe_wallet_address(owner, DERIVATION)
    assert wallet_of(owner, 3) == derive_beacon_deposit_wallet_address(owner, DERIVATION)


def signed(
    kind: int, neg_risk: bool, token: str = str(2**255 + 2**60 + 99)
) -> tuple[UnsignedOrder, dict[str, object], bytes]:
    wallet = wallet_of(SIGNER.address, kind)
    exchange = POSITION_EXCHANGE if is_v2_position_id(token) else NEG_RISK_EXCHANGE if neg_risk else STANDARD_EXCHANGE
    order = UnsignedOrder(
        chain_id=CHAIN,
        builder="0x" + "0b" * 32,
        exchange_address=exchange,
        expiration=0,
        maker=wallet,
        maker_amount=5_700_000,
        metadata="0x" + "0c" * 32,
        order_type="GTC",
        salt=12345,
        side="SELL",
        signature_type=kind,
        signer=wallet if kind == 3 else SIGNER.address,
        taker_amount=10_000_000,
        timestamp=1_780_000_000_123,
        token_id=token,
        protocol_version="3" if exchange == POSITION_EXCHANGE else "2",
    )
    raw = SIGNER.sign_typed_data(full_message=build_order_typed_data(order)).signature
    signature = bytes.fromhex(build_order_signature(order, "0x" + raw.hex())[2:])
    fields: dict[str, object] = {
        "salt": order.salt, "maker": order.maker, "signer": order.signer, "tokenId": order.token_id,
        "makerAmount": str(order.maker_amount), "takerAmount": str(order.taker_amount), "side": order.side,
        "signatureType": kind, "timestamp": str(order.timestamp), "metadata": order.metadata, "builder": order.builder,
    }  # fmt: skip
    return order, fields, signature


@pytest.mark.parametrize("neg_risk", [False, True])
@pytest.mark.parametrize("kind", [0, 1, 2, 3])
def test_an_order_that_the_official_client_signs_is_found_to_be_its_signers(kind: int, neg_risk: bool) -> None:
    _, fields, signature = signed(kind, neg_risk)
    assert shown(OrderFields(fields).signed_by(signature, neg_risk)) == SIGNER.address


@pytest.mark.parametrize("kind", [0, 1, 2, 3])
def test_a_position_of_the_second_protocol_is_traded_by_an_exchange_of_its_own(kind: int) -> None:
    _, fields, signature = signed(kind, False, str((1 << 248) + 1))
    assert shown(OrderFields(fields).signed_by(signature, neg_risk=True)) == SIGNER.address


@pytest.mark.parametrize("kind", [0, 3])
def test_a_signature_for_the_other_exchange_or_another_amount_is_nobody_elses(kind: int) -> None:
    _, fields, signature = signed(kind, neg_risk=False)

    def signer(fields: dict[str, object], neg_risk: bool) -> bytes:
        try:
            return OrderFields(fields).signed_by(signature, neg_risk)
        except ValueError:
            return b"nobody"

    assert signer(fields, False) == raw_address(SIGNER.address)
    assert signer(fields, True) != raw_address(SIGNER.address)
    assert signer(fields | {"makerAmount": "5700001"}, False) != raw_address(SIGNER.address)


def test_an_orders_id_is_its_eip_712_digest() -> None:
    order, fields, _ = signed(0, neg_risk=True)
    message = encode_typed_data(full_message=build_order_typed_data(order))
    digest = OrderFields(fields).digest(neg_risk=True)
    raw = SIGNER.sign_message(message).signature
    assert shown(recovered(bytes(raw), digest)) == SIGNER.address


@pytest.mark.parametrize("raw", [b"", bytes(64), bytes(65), b"\xff" * 65, bytes(64) + b"\x05"])
def test_what_is_no_signature_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"signature|65 bytes"):
        recovered(raw, bytes(32))
