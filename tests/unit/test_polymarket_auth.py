"""Headers are the official client's, secrets are shown nowhere."""

import asyncio
import base64
import json
import traceback
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polymarket._internal.actions.auth import build_l1_auth_headers
from polymarket._internal.hmac import build_hmac_signature
from polymarket._internal.l1_auth import sign_api_key_auth
from polymarket._internal.streams.clob.user_protocol import UserServerState, build_initial_frame
from polymarket.clients import async_secure
from polymarket.models.clob.api_key import ApiKeyCreds

from pilotfish.venues.polymarket.settings import Credentials
from pilotfish.venues.polymarket.wire import auth
from pilotfish.venues.polymarket.wire.answers import ApiKey
from pilotfish.venues.polymarket.wire.codec import encode
from pilotfish.venues.polymarket.wire.messages import SubscribeUser
from pilotfish.venues.polymarket.wire.signing import auth_request
from tests.unit.polymarket_samples import ACCOUNT, KEY, signed

SECRET = base64.urlsafe_b64encode(bytes(range(100, 132))).decode()
MADE = Credentials("api-key", SECRET, "pass-phrase")
SECONDS = st.integers(0, 2**40)


@given(SECONDS, st.integers(0, 2**64))
def test_the_log_in_that_makes_an_api_key_is_the_official_clients(seconds: int, nonce: int) -> None:
    ours = auth.l1_headers(KEY.address, seconds, signed(auth_request(KEY.address, seconds, nonce)), nonce)
    theirs = sign_api_key_auth(ACCOUNT, chain_id=137, timestamp=seconds, nonce=nonce)
    assert ours == build_l1_auth_headers(theirs)


@given(
    SECONDS,
    st.sampled_from(["GET", "POST", "DELETE"]),
    st.from_regex(r"/[a-z/]{0,30}", fullmatch=True),
    st.none() | st.binary(max_size=300).map(lambda raw: raw.hex().encode()),
    st.binary(min_size=1, max_size=64),
)
def test_every_private_request_is_signed_as_the_official_client_signs_it(seconds, method, path, body, secret) -> None:
    text = base64.urlsafe_b64encode(secret).decode().rstrip("=")
    ours = auth.l2_headers(Credentials("k", text, "p"), KEY.address, seconds, method, path, body)
    assert ours["POLY_SIGNATURE"] == build_hmac_signature(
        secret=text, timestamp=seconds, method=method, path=path, body=None if body is None else body.decode()
    )


def test_the_headers_are_those_the_official_client_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(async_secure, "time", SimpleNamespace(time=lambda: 1_784_683_656.7))
    creds = ApiKeyCreds(apiKey=MADE.key, secret=SECRET, passphrase=MADE.passphrase)
    theirs = asyncio.run(async_secure._make_l2_header_resolver(ACCOUNT, creds)("POST", "/order", '{"a":1}'))
    assert auth.l2_headers(MADE, KEY.address, 1_784_683_656, "POST", "/order", b'{"a":1}') == theirs


def test_what_the_venue_made_signs_and_goes_into_the_users_stream() -> None:
    made = auth.credentials(ApiKey(MADE.key, SECRET, MADE.passphrase))
    assert made == MADE
    assert auth.stream_auth(made) == {"apiKey": MADE.key, "secret": SECRET, "passphrase": MADE.passphrase}


def test_a_secret_that_cannot_sign_is_refused_and_not_shown() -> None:
    key = ApiKey("api-key", "sëcret-" + "sauce", "pass-" + "phrase")
    with pytest.raises(auth.CredentialsRefused) as refused:
        auth.credentials(key)
    shown = "".join(traceback.format_exception(refused.value)) + repr(refused.value)
    assert "sauce" not in shown
    assert "pass-phrase" not in shown


@pytest.mark.parametrize("holder", [MADE, ApiKey("api-key", SECRET, "pass-phrase"), SubscribeUser({"secret": SECRET})])
def test_no_repr_shows_a_secret(holder: object) -> None:
    assert SECRET not in repr(holder)
    assert "pass-phrase" not in repr(holder)


def test_the_users_first_frame_is_the_official_clients() -> None:
    creds = ApiKeyCreds(apiKey=MADE.key, secret=SECRET, passphrase=MADE.passphrase)
    theirs = build_initial_frame(UserServerState(include_all_markets=True), creds)
    assert json.loads(encode(SubscribeUser(auth.stream_auth(MADE)))) == theirs
