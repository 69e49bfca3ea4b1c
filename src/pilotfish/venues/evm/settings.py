"""How a chain is reached and traded on. Times in ns."""

from __future__ import annotations

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.trading.fees import FeeTerms
from pilotfish.venues.trust import TrustTerms

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
OMNIBUS = -1


class Account(msgspec.Struct, frozen=True):
    """One account that we trade. `address`, 0x and 40 lower-case hexadecimal digits, holds tokens and signs."""

    account: int  # OMNIBUS, or a follower id
    address: str


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`send_url`: where transactions go, a private one for instance; empty: where everything is asked.

    `depth`: an order's end is told when so many blocks stand on its own; its fills are told at once, and taken back
    where a reorganisation removes them. 0: at once.
    """

    journal: int  # goes into every order's tag: tells our orders from those of other journals
    chain: int
    router: str  # Uniswap's SwapRouter
    ws_url: str
    http_url: str
    send_url: str = ""
    depth: int = 1
    reorg_blocks: int = 64  # so far back a replaced block is noticed
    ask_timeout_ns: int = 5 * SECOND
    send_timeout_ns: int = 5 * SECOND  # a transaction without an answer after this has an unknown outcome
    ping_ns: int = 10 * SECOND
    pong_ns: int = 8 * SECOND  # a stream on which nothing came for so long after a ping is half-open
    backoff_ns_max: int = 30 * SECOND
    head_age_ns_max: int = 45 * SECOND  # a chain without a block for so long proves nothing
    order_ns: int = 60 * SECOND  # a swap that is not mined by then is void: its deadline on the chain
    recall_ns: int = 15 * SECOND  # an order is signed at most so long after the engine has sent it
    raise_ns: int = 20 * SECOND  # a transaction that waits so long is replaced by one that offers more
    unknown_ask_ns: int = SECOND // 2
    gap_ns: int = 2 * SECOND  # a nonce that nobody takes for so long is filled, where others wait behind it
    again_ns: int = 2 * SECOND  # what was not answered is asked again
    compare_ns: int = MINUTE  # the pools are read whole so often, beside what their logs say
    balance_ns: int = 15 * SECOND
    blocks_max: int = 2_000  # of one eth_getLogs
    ask_together: int = 100  # questions of one request …
    send_together: int = 50  # … and transactions; 1 where the node takes no batches
    filters: bool = True  # believe a head whose filter of logs says that our pools have none
    gas: int = 400_000  # of a swap, at most
    fees: FeeTerms = FeeTerms()
    trust: TrustTerms = TrustTerms(skew_ns=15 * SECOND)
    origins: bool = True  # ask who sent a swap that neither names us nor a lead: who trades through other contracts
    cancel_on_stop: bool = True
    stop_ns_max: int = 30 * SECOND

    @property
    def sending(self) -> str:
        return self.send_url or self.http_url

    def check(self) -> None:
        """Raises ConfigError."""
        if not 0 <= self.journal < 2**64:
            raise ConfigError(f"journal {self.journal}", "is not in 64 bits", "give the journal's own number")
        if not 0 <= self.depth < self.reorg_blocks:
            raise ConfigError(
                f"depth {self.depth}", f"is not below the {self.reorg_blocks} blocks that are watched", "choose less"
            )
        if self.order_ns <= self.send_timeout_ns:
            raise ConfigError("order_ns", "leaves no time to find out what became of an order", "choose more")

    def __repr__(self) -> str:
        """Addresses of nodes may hold keys."""
        return f"Settings(chain={self.chain}, depth={self.depth})"
