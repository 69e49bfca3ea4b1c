"""Who trades at the twin: wallets and their owners, API keys, balances, and what proves a request to be theirs.

L1 (an EIP-712 ClobAuth) makes and derives API keys; L2 (an HMAC by the key's secret over timestamp, method, path and
body) proves every private request. https://docs.polymarket.com/api-reference/authentication
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import defaultdict

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.twins.polymarket.wallets import auth_digest, raw_address, recovered, shown, wallet_of

SECOND = 1_000_000_000
STAMP_S = 60  # a request's stamp may be off by this much; assumed, the venue does not say


class Refused(Exception):
    """The venue says no: HTTP status and its words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


class ApiKey(msgspec.Struct, frozen=True):
    """Credentials, made from the twin's seed. `owner`: the address, with checksum, whose key signed for them."""

    key: str
    secret: str
    passphrase: str
    owner: str

    def __repr__(self) -> str:
        return f"ApiKey({self.owner})"


class Account:
    """A wallet. Money and tokens in 10^-6; what is promised to unsettled trades is still held, and not free."""

    def __init__(self, number: int, wallet: str, owner: str, kind: int, money: int) -> None:
        self.number, self.wallet, self.owner, self.kind = number, wallet, owner, kind
        self.money = money
        self.tokens: defaultdict[str, int] = defaultdict(int)
        self.promised_money = 0
        self.promised_tokens: defaultdict[str, int] = defaultdict(int)
        self.allowances: dict[str, bool] = {}  # by exchange; absent is granted

    def move(self, token: str, side: int, lots: int, money: int) -> None:
        """Settle: `lots` of `token` bought (+1) or sold (−1) for `money`, fees in it."""
        self.tokens[token] += side * lots
        self.money -= side * money


class Accounts:
    """The registry, and what authenticates."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.all: list[Account] = []
        self._by_wallet: dict[str, Account] = {}
        self._keys: dict[str, ApiKey] = {}
        self._made: dict[tuple[str, int], ApiKey] = {}

    def open(self, owner: str, kind: int, money: int) -> Account:
        """A wallet of signature type `kind` for the key `owner`. Raises ConfigError for one that exists."""
        wallet = wallet_of(owner, kind)
        if wallet.lower() in self._by_wallet:
            raise ConfigError(f"wallet {wallet}", "is open", "open each once")
        account = Account(len(self.all), wallet, shown(raw_address(owner)), kind, money)
        self.all.append(account)
        self._by_wallet[wallet.lower()] = account
        return account

    def wallet(self, address: str) -> Account | None:
        return self._by_wallet.get(address.lower())

    def of_owner(self, owner: str, kind: int) -> Account | None:
        return next((a for a in self.all if a.owner == owner and a.kind == kind), None)

    def l1(self, headers: dict[str, str], now_s: int) -> tuple[str, int]:
        """Address and nonce of who signed the ClobAuth. Raises Refused."""
        try:
            address, nonce = headers["poly_address"], int(headers["poly_nonce"])
            stamp = headers["poly_timestamp"]
            signature = bytes.fromhex(headers["poly_signature"].removeprefix("0x"))
            signer = recovered(signature, auth_digest(address, stamp, nonce))
            fresh = abs(int(stamp) - now_s) <= STAMP_S
            if not fresh or signer != raw_address(address):
                raise ValueError
        except (KeyError, ValueError, OverflowError):
            raise Refused(401, "Invalid L1 Request headers") from None
        return shown(signer), nonce

    def create(self, address: str, nonce: int) -> ApiKey:
        """A new API key. Raises Refused where there is one."""
        if (address, nonce) in self._made:
            raise Refused(400, "Could not create api key")
        raw = hashlib.sha256(f"{self._seed} {address} {nonce}".encode()).digest()
        digits = raw.hex()
        key = ApiKey(
            key="-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32])),
            secret=base64.urlsafe_b64encode(hashlib.sha256(raw + b"secret").digest()).decode(),
            passphrase=hashlib.sha256(raw + b"passphrase").hexdigest(),
            owner=address,
        )
        self._made[address, nonce] = self._keys[key.key] = key
        return key

    def derive(self, address: str, nonce: int) -> ApiKey:
        if (address, nonce) not in self._made:
            raise Refused(400, "Could not derive api key!")
        return self._made[address, nonce]

    def delete(self, key: ApiKey) -> None:
        del self._keys[key.key]
        self._made = {made: other for made, other in self._made.items() if other is not key}

    def keys_of(self, owner: str) -> list[str]:
        return [key.key for key in self._keys.values() if key.owner == owner]

    def api_key_of(self, owner: str) -> str:
        """The first API key of an owner, as orders are labelled with it; without one, zeros."""
        return next(iter(self.keys_of(owner)), "00000000-0000-0000-0000-000000000000")

    def l2(self, headers: dict[str, str], method: str, path: str, body: bytes, now_s: int) -> ApiKey:
        """Whose request this is. Raises Refused."""
        try:
            key = self._keys[headers["poly_api_key"]]
            stamp = headers["poly_timestamp"]
            secret = base64.urlsafe_b64decode(key.secret)
            digest = hmac.new(secret, f"{stamp}{method}{path}".encode() + body, hashlib.sha256).digest()
            good = (
                hmac.compare_digest(base64.urlsafe_b64encode(digest).decode(), headers["poly_signature"])
                and hmac.compare_digest(key.passphrase, headers["poly_passphrase"])
                and headers["poly_address"].lower() == key.owner.lower()
                and abs(int(stamp) - now_s) <= STAMP_S
            )
        except (KeyError, ValueError):
            good, key = False, None
        if not good or key is None:
            raise Refused(401, "Unauthorized/Invalid api key")
        return key

    def by_credentials(self, key: object, secret: object, passphrase: object) -> ApiKey | None:
        """Of the user stream's subscription; None when they are not right."""
        known = self._keys.get(str(key))
        if known is None or known.secret != secret or known.passphrase != passphrase:
            return None
        return known
