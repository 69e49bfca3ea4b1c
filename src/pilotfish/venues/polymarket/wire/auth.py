"""The two log-ins: L1 (a signature by the key makes an API key) and L2 (an HMAC by the API key on every request).

https://docs.polymarket.com/api-reference/authentication; the oracle is the official client (polymarket-client 0.14).
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from pilotfish.domain.errors import VenueError
from pilotfish.venues.polymarket.settings import Credentials
from pilotfish.venues.polymarket.wire.answers import ApiKey
from pilotfish.venues.polymarket.wire.signing import checksummed, plain_signature


class CredentialsRefused(VenueError):
    """An API key that cannot sign requests. The message never holds a secret."""


def credentials(key: ApiKey) -> Credentials:
    """What the venue made. Raises CredentialsRefused when it cannot sign."""
    made = Credentials(key.apiKey, key.secret, key.passphrase)
    _secret(made)
    return made


def l1_headers(key: str, timestamp_s: int, signed: bytes, nonce: int = 0) -> dict[str, str]:
    """For POST /auth/api-key and GET /auth/derive-api-key; `signed` answers `signing.auth_request`."""
    return {
        "POLY_ADDRESS": checksummed(key),
        "POLY_NONCE": str(nonce),
        "POLY_SIGNATURE": plain_signature(signed),
        "POLY_TIMESTAMP": str(timestamp_s),
    }


def l2_headers(
    made: Credentials, key: str, timestamp_s: int, method: str, path: str, body: bytes | None = None
) -> dict[str, str]:
    """For every private request. `path` is without its query. Raises CredentialsRefused."""
    message = f"{timestamp_s}{method}{path}".encode() + (body or b"")
    digest = hmac.digest(_secret(made), message, hashlib.sha256)
    return {
        "POLY_ADDRESS": checksummed(key),
        "POLY_API_KEY": made.key,
        "POLY_PASSPHRASE": made.passphrase,
        "POLY_SIGNATURE": base64.urlsafe_b64encode(digest).decode("ascii"),
        "POLY_TIMESTAMP": str(timestamp_s),
    }


def stream_auth(made: Credentials) -> dict[str, str]:
    """The `auth` of `SubscribeUser`."""
    return {"apiKey": made.key, "secret": made.secret, "passphrase": made.passphrase}


def _secret(made: Credentials) -> bytes:
    try:
        return base64.urlsafe_b64decode(made.secret + "=" * (-len(made.secret) % 4))
    except ValueError:
        pass
    raise CredentialsRefused("the API secret is no base64", "", "derive the API key again")
