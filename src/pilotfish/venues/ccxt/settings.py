"""What a user says about an exchange account. Keys never show in a representation, an error or a log."""

from __future__ import annotations

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.mandate import OMNIBUS

SECOND = 1_000_000_000


class Credentials:
    """An API key of one account: trading only, never withdrawals. `password` is OKX's passphrase."""

    __slots__ = ("key", "password", "secret")

    def __init__(self, key: str, secret: str, password: str = "") -> None:
        self.key, self.secret, self.password = key, secret, password

    def __repr__(self) -> str:
        return "Credentials(…)"

    def __reduce__(self) -> str:
        raise ConfigError("an API key", "is not written anywhere", "hand over where it is kept instead")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`urls` replaces hosts (for twins); `accounts` may only be the omnibus account: one key is one account.

    `dead_man_ns`: the exchange cancels everything when it has not heard from us for so long (0: off).
    `young_ns`: an order not found is surely absent only when its request is older, or could not be taken any more.
    """

    exchange: str
    symbols: tuple[str, ...]
    namespace: str = "pf"
    accounts: tuple[int, ...] = (OMNIBUS,)
    urls: dict[str, str] = {}
    recv_window_ns: int = 3 * SECOND
    timeout_ns: int = 5 * SECOND
    heartbeat_ns: int = 5 * SECOND
    clock_ns: int = 30 * SECOND
    compare_ns: int = 10 * SECOND
    funding_ns: int = 60 * SECOND
    positions_ns: int = 60 * SECOND
    dead_man_ns: int = 0
    retry_ns: int = SECOND // 4
    retry_ns_max: int = 8 * SECOND
    tick_ns: int = SECOND // 4
    spot: bool = False
    throttled: bool = True

    def check(self) -> None:
        """Raises ConfigError for what cannot be traded."""
        if any(account != OMNIBUS for account in self.accounts):
            raise ConfigError(
                f"accounts {self.accounts} on {self.exchange}",
                "an API key of a centralised exchange is one account: followers cannot have one each",
                "use the omnibus route, or one venue with one key for each account",
            )
        if not self.symbols:
            to_do = 'name at least one: instruments = ["BTC/USDT:USDT"] in [venue]'
            raise ConfigError(f"venue {self.exchange}", "lists no symbols", to_do)
        for name in ("recv_window_ns", "timeout_ns", "heartbeat_ns", "tick_ns", "retry_ns"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} of {self.exchange}", "must be positive", "mend it")
