"""Request budgets: weight a minute for an IP, requests for each address.

https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/rate-limits-and-user-limits. Everybody who talks to
the twin is one IP. Both are counted always and refused only where the settings say so.
"""

from __future__ import annotations

from collections import deque

from pilotfish.venues.twins.hyperliquid.account import Account
from pilotfish.venues.twins.hyperliquid.settings import MONEY, SECOND, HyperliquidSettings
from pilotfish.venues.twins.hyperliquid.text import num
from pilotfish.venues.twins.hyperliquid.wanted import Refused

LIGHT = {
    "l2Book", "allMids", "clearinghouseState", "orderStatus", "spotClearinghouseState", "exchangeStatus",
}  # fmt: skip
CANCELS_MORE = 100_000


def info_weight(kind: str) -> int:
    return 2 if kind in LIGHT else 60 if kind == "userRole" else 20


def action_weight(items: int) -> int:
    return 1 + items // 40


class Limits:
    def __init__(self, settings: HyperliquidSettings) -> None:
        self.settings = settings
        self.weight = 0  # in all
        self._spent: deque[tuple[int, int]] = deque()
        self._minute = 0

    def spend(self, weight: int, now_ns: int) -> bool:
        """Whether an IP that spends so much more is still within its minute."""
        while self._spent and self._spent[0][0] <= now_ns - 60 * SECOND:
            self._minute -= self._spent.popleft()[1]
        if self.settings.limits and self._minute + weight > self.settings.weight_per_minute:
            return False
        self.weight += weight
        self._minute += weight
        self._spent.append((now_ns, weight))
        return True

    def cap(self, account: Account) -> int:
        return int(self.settings.address_requests + account.volume // 10**MONEY)

    def charge(self, account: Account, items: int, *, cancels: bool) -> None:
        """Raises Refused, in the venue's words, when the address has used its requests up; cancels have more."""
        cap = self.cap(account)
        most = min(cap + CANCELS_MORE, 2 * cap) if cancels else cap
        if self.settings.limits and account.requests + items > most:
            traded = num(account.volume, MONEY).removesuffix(".0")
            raise Refused(
                f"Too many cumulative requests sent ({account.requests + items} > {most}) for cumulative volume traded "
                f"${traded}. Place taker orders to free up 1 request per USDC traded."
            )
        account.requests += items
