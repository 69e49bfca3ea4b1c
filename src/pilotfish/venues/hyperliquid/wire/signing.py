"""Hyperliquid's signatures: of L1 actions (orders, cancels, leverage) and of `approveAgent`.

An L1 action is hashed as keccak(msgpack(action) ‖ nonce ‖ vault ‖ expiry); what is signed is an EIP-712 `Agent` that
carries this hash. `approveAgent` is signed field by field and gives a key that trades and cannot withdraw. No
withdrawal and no sending to an address is here, so that no code path can sign one.
https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/signing; the oracle is the official Python SDK.
"""

from __future__ import annotations

import msgspec

from pilotfish.domain.errors import VenueError
from pilotfish.venues.hyperliquid.wire.actions import Action, ApproveAgent
from pilotfish.venues.keys.digests import NOBODY, agent_digest
from pilotfish.venues.keys.key import Key, keccak, secret_of
from pilotfish.venues.keys.typed import separator

UINT64_MAX = 2**64 - 1
SIGNATURE_CHAIN = 0x66EEE
_pack = msgspec.msgpack.Encoder().encode


def address_bytes(address: str) -> bytes:
    """The 20 bytes of a 0x… address. Raises VenueError."""
    try:
        raw = bytes.fromhex(address.removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != 20 or len(address) != 42:
        raise VenueError(f"{address[:60]!r} is no address", "", "expected 0x and 40 hexadecimal digits")
    return raw


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


_USER_DOMAIN = b"\x19\x01" + separator("HyperliquidSignTransaction", "1", SIGNATURE_CHAIN, NOBODY)
_APPROVE_AGENT = keccak(
    b"HyperliquidTransaction:ApproveAgent(string hyperliquidChain,address agentAddress,string agentName,uint64 nonce)"
)
_CHAIN = {True: "Mainnet", False: "Testnet"}


class Signature(msgspec.Struct, frozen=True):
    """As the venue takes it: r and s in hexadecimal without leading zeros, v 27 or 28."""

    r: str
    s: str
    v: int


class Signed(msgspec.Struct, frozen=True):
    """The body of POST /exchange, and the payload of a WebSocket `post` of type `action`."""

    action: Action | ApproveAgent
    nonce: int
    signature: Signature
    vaultAddress: str | None = None
    expiresAfter: int | None = None


class Scope(msgspec.Struct, frozen=True):
    """What an L1 signature covers beside action and nonce. `expires_ms`: the venue refuses the action after it."""

    mainnet: bool
    vault: str | None = None  # the vault or sub-account that is traded for
    expires_ms: int | None = None


def action_hash(action: Action, nonce: int, vault: str | None = None, expires_ms: int | None = None) -> bytes:
    """keccak over the action's msgpack, nonce, vault and expiry. Raises VenueError when a number is not uint64."""
    data = _pack(action) + _uint64("nonce", nonce)
    data += b"\x00" if vault is None else b"\x01" + address_bytes(vault)
    if expires_ms is not None:
        data += b"\x00" + _uint64("expiresAfter", expires_ms)
    return keccak(data)


def l1_digest(action: Action, nonce: int, scope: Scope) -> bytes:
    """The 32 bytes to sign for an L1 action."""
    return agent_digest(action_hash(action, nonce, scope.vault, scope.expires_ms), mainnet=scope.mainnet)


def approve_agent_digest(action: ApproveAgent) -> bytes:
    """The 32 bytes to sign for `approveAgent`; a nameless agent is signed as the empty name."""
    name = action.agentName if isinstance(action.agentName, str) else ""
    return keccak(
        _USER_DOMAIN
        + keccak(
            _APPROVE_AGENT
            + keccak(action.hyperliquidChain.encode())
            + address_bytes(action.agentAddress).rjust(32, b"\x00")
            + keccak(name.encode())
            + _word(int.from_bytes(_uint64("nonce", action.nonce), "big"))
        )
    )


def approve_agent(agent: str, name: str | None, nonce: int, *, mainnet: bool) -> ApproveAgent:
    """The action that lets `agent` trade for its signer. Names are the venue's slots: a second approval replaces."""
    address_bytes(agent)
    return ApproveAgent(
        agentAddress=agent.lower(),
        nonce=nonce,
        signatureChainId=hex(SIGNATURE_CHAIN),
        hyperliquidChain=_CHAIN[mainnet],
        agentName=msgspec.UNSET if name is None else name,
    )


class Signer:
    """A key that signs for Hyperliquid and is never shown."""

    __slots__ = ("_key", "address")

    def __init__(self, secret: bytes) -> None:
        """From the 32 bytes of a key. Raises KeyRefused."""
        self.address = "no key"
        once = [secret]
        del secret  # a traceback that shows locals must not show it
        self._key = Key(once.pop())
        self.address = self._key.address

    @classmethod
    def from_hex(cls, text: str) -> Signer:
        """From 64 hexadecimal digits, with or without 0x. Raises KeyRefused."""
        once = [secret_of(text)]
        del text
        return cls(once.pop())

    def sign_l1(self, action: Action, nonce: int, scope: Scope) -> Signed:
        """Raises VenueError when nonce or expiry is not uint64 or the vault is no address."""
        signature = self._sign(l1_digest(action, nonce, scope))
        return Signed(action, nonce, signature, scope.vault, scope.expires_ms)

    def sign_approve_agent(self, action: ApproveAgent) -> Signed:
        return Signed(action, action.nonce, self._sign(approve_agent_digest(action)))

    def _sign(self, digest: bytes) -> Signature:
        return signature_of(self._key.sign_digest(digest))

    def __repr__(self) -> str:
        return f"Signer({self.address})"


def signature_of(raw: bytes) -> Signature:
    """65 bytes (r, s, v as 0 or 1) as the venue takes them."""
    return Signature(hex(int.from_bytes(raw[:32], "big")), hex(int.from_bytes(raw[32:64], "big")), 27 + raw[64])


def _uint64(what: str, number: int) -> bytes:
    if not 0 <= number <= UINT64_MAX:
        raise VenueError(f"{what} {number}", "does not fit 64 bits", "give it in milliseconds since 1970")
    return number.to_bytes(8, "big")
