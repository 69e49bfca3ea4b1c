"""Whose money is traded, which key signs for it, and how the venue is reached.

Addresses, limits and rhythms: https://docs.polymarket.com/api-reference/rate-limits and …/trading/overview.
"""

from __future__ import annotations

import msgspec

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
NS_PER_MS = 1_000_000
OMNIBUS = -1
CLOB = "https://clob.polymarket.com"
MARKET_WS = "wss://ws-subscriptions-clob.polymarket.com/ws/market"
USER_WS = "wss://ws-subscriptions-clob.polymarket.com/ws/user"
DATA_API = "https://data-api.polymarket.com"
GAMMA = "https://gamma-api.polymarket.com"
EXCHANGES = ("0xe111180000d2663c0091e4f400237545b87b996b", "0xe2222d279d744050d28e00520010520000310f59")


class Account(msgspec.Struct, frozen=True):
    """One account of the venue that we trade. Addresses are 0x and 40 lower-case hexadecimal digits."""

    account: int  # OMNIBUS, or a follower id
    address: str  # whose money and tokens: the wallet (proxy, Safe, deposit wallet), or the key's own address
    key: str  # address of the key that signs
    signature_type: int = 3  # 0 EOA, 1 proxy, 2 Safe, 3 POLY_1271 deposit wallet


class Credentials(msgspec.Struct, frozen=True):
    """An API key of the CLOB, made once by an L1 signature. Shown nowhere."""

    key: str
    secret: str
    passphrase: str

    def __repr__(self) -> str:
        return "Credentials(…)"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How the venue is reached and used. Times in ns."""

    journal: int  # goes into every order's salt: tells our orders from those of other journals
    clob_url: str = CLOB
    market_ws_url: str = MARKET_WS
    user_ws_url: str = USER_WS
    data_url: str = DATA_API
    gamma_url: str = GAMMA
    rpc_url: str = ""  # a Polygon node; without one leads are followed by the data API alone
    exchanges: tuple[str, ...] = EXCHANGES  # contracts whose OrderFilled counts, in lower case
    ask_timeout_ns: int = 5 * SECOND
    post_timeout_ns: int = 5 * SECOND  # an order without an answer after this has an unknown outcome
    ping_ns: int = 10 * SECOND  # text PING on every stream
    pong_ns: int = 8 * SECOND  # a stream on which no PING was answered for this long is half-open
    backoff_ns_max: int = 30 * SECOND
    heartbeat_ns: int = 5 * SECOND
    heartbeat_ns_max: int = 10 * SECOND  # later than this after the last answered one the server cancels everything
    heartbeat: bool = True
    compare_ns: int = 60 * SECOND  # how often a watched book is compared with the one told by REST
    compare_grace_ns: int = 2 * SECOND  # what REST knows and the stream has not told after this was lost
    lead_poll_ns: int = SECOND  # each lead's activity
    lead_audit_ns: int = 60 * SECOND  # each lead's stated positions against what its fills add up to
    lead_overlap_ns: int = 300 * SECOND  # activity may be listed late: so far back it is read again
    chain_poll_ns: int = 2 * SECOND
    chain_depth: int = 4  # blocks that may still be replaced are read again
    chain_blocks_max: int = 500  # of one eth_getLogs
    trades_overlap_ns: int = 60 * SECOND
    settle_ask_ns: int = 10 * SECOND  # a match without news of its settlement is asked for so often
    unknown_ask_ns: int = 500_000_000  # an order whose outcome is unknown is asked for, ever less often …
    unknown_ask_ns_max: int = 8 * SECOND
    absent_ns: int = 20 * SECOND  # … and is called absent no earlier than this after it was last sent
    stamp_ns: int = 30 * SECOND  # orders are stamped in such steps, so that a restart can find their ids again …
    same_ns: int = 5 * MINUTE  # … and one that is sent again so soon keeps its stamp, and with it its id
    sign_timeout_ns: int = 5 * SECOND  # signatures that are made elsewhere
    exit_reserve: int = 100  # order tokens of the IP that opens leave to exits; of a signer a twentieth
    cancel_on_stop: bool = True
    stop_ns_max: int = 10 * SECOND
