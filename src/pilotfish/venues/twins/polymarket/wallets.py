"""What Polymarket's contracts compute: order digests, who signed them, and which wallet belongs to which key.

Written apart from `venues.polymarket` on purpose: a venue that checked signatures with our own signing code would
agree with its mistakes. EIP-712: https://eips.ethereum.org/EIPS/eip-712; EIP-1271 signatures nested as in ERC-7739.
Addresses and byte codes are those of the official client (polymarket-client 0.14, `environments.py`).
"""

from __future__ import annotations

from coincurve import PublicKey
from Crypto.Hash import keccak as _keccak

CHAIN = 137
STANDARD_EXCHANGE = "0xE111180000d2663C0091e4f400237545B87B996B"
NEG_RISK_EXCHANGE = "0xe2222d279d744050d28e00520010520000310F59"
POSITION_EXCHANGE = "0xe3333700cA9d93003F00f0F71f8515005F6c00Aa"
EXCHANGES = (STANDARD_EXCHANGE, NEG_RISK_EXCHANGE, POSITION_EXCHANGE)
EOA, PROXY, SAFE, POLY_1271 = range(4)
_RESERVED = ((1 << 64) - 1) << 40  # zero in the ids of the positions that the third exchange trades

_PROXY_FACTORY = "aB45c5A4B0c941a2F231C04C3f49182e1A254052"
_PROXY_IMPLEMENTATION = "44e999d5c2F66Ef0861317f9A4805AC2e90aEB4f"
_SAFE_FACTORY = "aacFeEa03eb1561C4e67d661e40682Bd20E3541b"
_SAFE_CODE_HASH = "2bce2127ff07fb632d16c8347c4ebf501f4841168bed00d9e6ef715ddb6fcecf"
_DEPOSIT_FACTORY = "00000000000Fb5C9ADea0298D729A0CB3823Cc07"
_DEPOSIT_BEACON = "7A18EDfe055488A3128f01F563e5B479D92ffc3a"

_ORDER = (
    b"Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,uint256 takerAmount,"
    b"uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,bytes32 builder)"
)
_NESTED = (
    b"TypedDataSign(Order contents,string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
)
_DOMAIN = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_AUTH_DOMAIN = b"EIP712Domain(string name,string version,uint256 chainId)"
_AUTH = b"ClobAuth(address address,string timestamp,uint256 nonce,string message)"
_ATTEST = b"This message attests that I control the given wallet"


def keccak(data: bytes) -> bytes:
    return _keccak.new(digest_bits=256, data=data).digest()


def word(number: int) -> bytes:
    """Raises OverflowError outside uint256."""
    return number.to_bytes(32, "big")


def raw_address(address: str) -> bytes:
    """20 bytes. Raises ValueError for anything but 0x and 40 hexadecimal digits."""
    raw = bytes.fromhex(address.removeprefix("0x"))
    if len(raw) != 20 or len(address) != 42:
        raise ValueError(f"{address[:60]!r} is no address")
    return raw


def shown(raw: bytes) -> str:
    """An address with the checksum of EIP-55, as the venue writes it."""
    digits = raw.hex()
    check = keccak(digits.encode()).hex()
    return "0x" + "".join(c.upper() if int(check[i], 16) >= 8 else c for i, c in enumerate(digits))


def _padded(address: str) -> bytes:
    return bytes(12) + raw_address(address)


def domain(exchange: str) -> bytes:
    """The separator of an exchange."""
    names = keccak(b"Polymarket CTF Exchange") + keccak(b"3" if exchange == POSITION_EXCHANGE else b"2")
    return keccak(keccak(_DOMAIN) + names + word(CHAIN) + _padded(exchange))


DOMAINS = {exchange: domain(exchange) for exchange in EXCHANGES}


def exchange_of(token: int, neg_risk: bool) -> str:
    """The contract that trades a token."""
    if not token & _RESERVED:
        return POSITION_EXCHANGE
    return NEG_RISK_EXCHANGE if neg_risk else STANDARD_EXCHANGE


class OrderFields:
    """What of an order is hashed. Raises ValueError or OverflowError when it cannot be."""

    def __init__(self, fields: dict[str, object]) -> None:
        def number(name: str) -> int:
            value = fields[name]
            if isinstance(value, bool) or not isinstance(value, int | str):
                raise ValueError(f"{name} is no number")
            return int(value)

        self.salt, self.token = number("salt"), number("tokenId")
        self.making, self.taking = number("makerAmount"), number("takerAmount")
        self.timestamp, self.kind = number("timestamp"), number("signatureType")
        self.maker, self.signer = str(fields["maker"]), str(fields["signer"])
        side = fields["side"]
        if side not in ("BUY", "SELL"):
            raise ValueError(f"side {side!r}")
        self.side = 1 if side == "BUY" else -1
        self.metadata = bytes.fromhex(str(fields["metadata"]).removeprefix("0x"))
        self.builder = bytes.fromhex(str(fields["builder"]).removeprefix("0x"))
        if len(self.metadata) != 32 or len(self.builder) != 32:
            raise ValueError("metadata and builder are 32 bytes each")

    def struct(self) -> bytes:
        """The struct hash."""
        who = _padded(self.maker) + _padded(self.signer)
        amounts = word(self.token) + word(self.making) + word(self.taking)
        kinds = word(0 if self.side > 0 else 1) + word(self.kind)
        rest = word(self.timestamp) + self.metadata + self.builder
        return keccak(keccak(_ORDER) + word(self.salt) + who + amounts + kinds + rest)

    def _domain(self, neg_risk: bool) -> bytes:
        return DOMAINS[exchange_of(self.token, neg_risk)]

    def digest(self, neg_risk: bool) -> bytes:
        """The order's hash, which is its id at the venue."""
        return keccak(b"\x19\x01" + self._domain(neg_risk) + self.struct())

    def signed_by(self, signature: bytes, neg_risk: bool) -> bytes:
        """The address (20 bytes) whose key signed this. Raises ValueError when nobody's did."""
        if self.kind != POLY_1271:
            return recovered(signature, self.digest(neg_risk))
        inner, rest = signature[:65], signature[65:]
        trailer = self._domain(neg_risk) + self.struct() + _ORDER + len(_ORDER).to_bytes(2, "big")
        if rest != trailer:
            raise ValueError("the nested signature is for something else")
        wallet = keccak(b"DepositWallet") + keccak(b"1") + word(CHAIN) + _padded(self.signer) + bytes(32)
        nested = keccak(keccak(_NESTED + _ORDER) + self.struct() + wallet)
        return recovered(inner, keccak(b"\x19\x01" + self._domain(neg_risk) + nested))


def auth_digest(address: str, timestamp: str, nonce: int) -> bytes:
    """Of the ClobAuth that proves the control of a key."""
    separator = keccak(keccak(_AUTH_DOMAIN) + keccak(b"ClobAuthDomain") + keccak(b"1") + word(CHAIN))
    said = keccak(_AUTH) + _padded(address) + keccak(timestamp.encode()) + word(nonce) + keccak(_ATTEST)
    return keccak(b"\x19\x01" + separator + keccak(said))


def recovered(signature: bytes, digest: bytes) -> bytes:
    """Raises ValueError for a signature that is none."""
    if len(signature) != 65 or signature[64] not in (0, 1, 27, 28):
        raise ValueError("not 65 bytes of r, s, v")
    try:
        key = PublicKey.from_signature_and_message(signature[:64] + bytes([signature[64] % 27]), digest, hasher=None)
    except Exception as bad:
        raise ValueError("not a signature") from bad
    return keccak(key.format(compressed=False)[1:])[12:]


def wallet_of(owner: str, kind: int) -> str:
    """The address that trades for the key `owner` under this signature type: itself, proxy, Safe, deposit wallet."""
    raw = raw_address(owner)
    if kind == PROXY:
        clone = "3d3d606380380380913d393d73" + _PROXY_FACTORY + "5af4602a57600080fd5b602d8060366000396000f3"
        clone += "363d3d373d3d3d363d73" + _PROXY_IMPLEMENTATION + "5af43d82803e903d91602b57fd5bf352e831dd"
        arguments = word(32) + word(0)
        return _created(_PROXY_FACTORY, keccak(raw), keccak(bytes.fromhex(clone) + arguments))
    if kind == SAFE:
        return _created(_SAFE_FACTORY, keccak(bytes(12) + raw), bytes.fromhex(_SAFE_CODE_HASH))
    if kind == POLY_1271:
        arguments = bytes(12) + bytes.fromhex(_DEPOSIT_FACTORY) + bytes(12) + raw
        # Solady's ERC-1967 beacon proxy with immutable arguments.
        code = (
            f"{0x6100523D8160233D3973 + (len(arguments) << 56):020x}" + _DEPOSIT_BEACON
            + "60195155f3363d3d373d3d363d602036600436635c60da"
            + "1b60e01b36527fa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6c"
            + "b3582b35133d50545afa5036515af43d6000803e604d573d6000fd5b3d6000f3"
        )  # fmt: skip
        return _created(_DEPOSIT_FACTORY, keccak(arguments), keccak(bytes.fromhex(code) + arguments))
    return shown(raw)


def _created(factory: str, salt: bytes, code_hash: bytes) -> str:
    return shown(keccak(b"\xff" + bytes.fromhex(factory) + salt + code_hash)[12:])
