"""Whose money is traded, which key signs for it, and how the venue is reached."""

from __future__ import annotations

import re

import msgspec

from pilotfish.domain.errors import ConfigError

SECOND = 1_000_000_000
USER_STREAMS_MAX = 10  # the venue's limit of unique users on user streams, per IP
MAINNET_WS, MAINNET_HTTP = "wss://api.hyperliquid.xyz/ws", "https://api.hyperliquid.xyz"
TESTNET_WS, TESTNET_HTTP = "wss://api.hyperliquid-testnet.xyz/ws", "https://api.hyperliquid-testnet.xyz"


class Account(msgspec.Struct, frozen=True):
    """One account of the venue that we trade. Addresses are kept in lower case."""

    account: int  # OMNIBUS, or a follower id
    address: str  # whose money and positions
    key: str  # address of the key that signs: an agent's, which cannot withdraw
    vault: str | None = None  # the vault or sub-account that is traded for

    def __post_init__(self) -> None:
        """Checksummed addresses are taken too. Raises ConfigError for what is no address."""
        for name in ("address", "key", "vault"):
            given = getattr(self, name)
            if given is None:
                continue
            if not re.fullmatch(r"0x[0-9a-fA-F]{40}", given):
                why = f"its {name} {given[:42]!r} is not 0x and 40 hexadecimal digits"
                raise ConfigError(f"account {self.account}", why, "mend it")
            msgspec.structs.force_setattr(self, name, given.lower())

    @property
    def trades_as(self) -> str:
        """The address under which orders, fills and positions are known."""
        return self.address if self.vault is None else self.vault


class Settings(msgspec.Struct, frozen=True):
    """How the venue is reached and used. Times in ns unless named otherwise."""

    mainnet: bool
    ws_url: str
    http_url: str
    journal: int  # first half of every cloid: tells our orders from those of other journals
    post_timeout_ns: int = 5 * SECOND  # an action without an answer after this has an unknown outcome
    info_timeout_ns: int = 10 * SECOND
    expires_after_ns: int = 10 * SECOND  # the venue refuses an action that arrives later than this after it was made
    clock_margin_ns: int = 2 * SECOND  # by how much the venue's clock and ours may differ
    weight_per_minute: int = 1_200  # of this IP, over REST and WebSocket posts together
    fills_wait_ns: int = (
        3 * SECOND
    )  # an order that filled is told done without its fills after asking for them this long
    ping_ns: int = 20 * SECOND  # the venue hangs up after 60 s without a message
    pong_ns: int = 10 * SECOND  # a stream on which no ping was answered for this long is half-open
    backoff_ns_max: int = 30 * SECOND
    schedule_cancel: bool = False  # the venue's dead man's switch: refused for accounts below $1M volume
    schedule_cancel_ns: int = 30 * SECOND  # how far ahead it is set; ≥ 5 s
    cancel_on_stop: bool = True
    stop_ns_max: int = 10 * SECOND
