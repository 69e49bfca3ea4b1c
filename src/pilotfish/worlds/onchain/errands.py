"""What is due of each thing that somebody must do now and then, as the chain says. Nothing is sent from here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.eyes import CallRefused, NoAnswer, Node, call
from pilotfish.venues.evm.watch.reading import addresses, piece, reason
from pilotfish.venues.evm.wire.abi import place, selector, word, words

HOUR_S = 3_600
LOOK_S, TOKENS_S = 60, 600  # claims and exits are looked for; a token without a pool may get one
CLAIMS_MAX = 20  # of one transaction
HALVINGS_MAX = 12  # the smallest piece of a holding that is tried is a 2,048th
_QUEUE, _ASSET, _STATE = selector("queue()"), selector("asset()"), selector("state()")
_BALANCE, _FEEDS, _COMING = (selector(f"{name}(address)") for name in ("balanceOf", "feeds", "coming"))
_POINTS, _POINT, _SUPPLY = selector("pointCount()"), selector("point(uint256)"), selector("totalSupply()")
_PAY, _MARK, _RECORD = selector("pay(uint256)"), selector("mark(address)"), selector("record()")
_SETTLE, _HOLDINGS = selector("settle()"), selector("holdings(address)")


class Errand(Enum):
    PAY = "insurance is paid"
    MARK = "the mean is marked"
    RECORD = "NAV is recorded"
    SETTLE = "exits are served"
    UNWIND = "a stage is sold"


class Due(NamedTuple):
    """Calldata to send now, empty where nothing is due, and when (s, the chain's time) to look again."""

    data: bytes
    next_s: int


class Eyes(NamedTuple):
    """What is looked with: `asker` is who would send, `ways` are the routes to try for a token."""

    node: Node
    now_s: int
    asker: str
    ways: Callable[[str], Sequence[bytes]]

    async def words(self, to: str, data: bytes, count: int) -> list[int]:
        """Raises NoAnswer, CallRefused."""
        raw = await call(self.node, to, data)
        try:
            return list(words(raw, count))
        except MessageRefused:
            raise NoAnswer(f"contract {to}", f"answers {len(raw)} bytes", "check its address") from None

    async def refused(self, to: str, data: bytes) -> CallRefused | None:
        """Why a contract would refuse that now, if it would."""
        try:
            await call(self.node, to, data, sender=self.asker)
        except CallRefused as refused:
            return refused
        return None


async def payment(eyes: Eyes, pool: str, _token: str) -> Due:
    """Where claims wait and there is money for the first of them, or a part of it."""
    next_s = eyes.now_s + LOOK_S
    head, tail, _, _, aside = await eyes.words(pool, _QUEUE, 5)
    if head >= tail:
        return Due(b"", next_s)
    (asset,) = await eyes.words(pool, _ASSET, 1)
    (held,) = await eyes.words(f"0x{asset:040x}", _BALANCE + place(pool), 1)
    return Due(_PAY + word(min(tail - head, CLAIMS_MAX)) if held > aside else b"", next_s)


async def mark(eyes: Eyes, guard: str, token: str) -> Due:
    """Where the coming mark is a window old. A token without a pool has no mean."""
    feed = await eyes.words(guard, _FEEDS + place(token), 9)
    window_s, pool = feed[2], feed[6]
    if not pool:
        return Due(b"", eyes.now_s + TOKENS_S)
    since_s, _ = await eyes.words(guard, _COMING + place(token), 2)
    if eyes.now_s < since_s + window_s:
        return Due(b"", since_s + window_s)
    return Due(_MARK + place(token), eyes.now_s + TOKENS_S)


async def record(eyes: Eyes, vault: str, _token: str) -> Due:
    """Where the curve's last point is an hour old. A vault that nobody is in has no curve."""
    (count,) = await eyes.words(vault, _POINTS, 1)
    last_s = (await eyes.words(vault, _POINT + word(count - 1), 2))[0] if count else 0
    next_s = max(last_s + HOUR_S, eyes.now_s + LOOK_S)
    if eyes.now_s < last_s + HOUR_S or not (await eyes.words(vault, _SUPPLY, 1))[0]:
        return Due(b"", next_s)
    return Due(_RECORD, next_s)


async def settlement(eyes: Eyes, vault: str, _token: str) -> Due:
    """Where exits wait and there is cash for one whole share of them."""
    next_s = eyes.now_s + LOOK_S
    _, waiting, _closing = await eyes.words(vault, _STATE, 3)
    if not waiting:
        return Due(b"", next_s)
    refused = await eyes.refused(vault, _SETTLE)
    return Due(_SETTLE if refused is None else _unless("NothingToSettle", refused), next_s)


async def stage(eyes: Eyes, vault: str, _token: str) -> Due:
    """Where exits lack cash, or the vault closes: the largest piece of a holding that some pool takes."""
    next_s = eyes.now_s + LOOK_S
    _, waiting, closing = await eyes.words(vault, _STATE, 3)
    if not (waiting or closing):
        return Due(b"", next_s)
    why: CallRefused | None = None
    for token in addresses(await call(eyes.node, vault, _HOLDINGS + place(vault))):
        (held,) = await eyes.words(token, _BALANCE + place(vault), 1)
        for way in eyes.ways(token):
            data, refused = await _largest(eyes, vault, token, held, way)
            if refused is None:
                return Due(data, next_s)
            if why is None or reason(refused) != "PoolNotListed":  # most ways are only tried
                why = refused
    return Due(b"" if why is None else _unless("NothingToUnwind", why), next_s)


async def _largest(eyes: Eyes, vault: str, token: str, held: int, way: bytes) -> tuple[bytes, CallRefused | None]:
    """All of it, or the largest half of a half of it that the way takes; with why not, where it takes none."""
    data, refused = b"", None
    for halvings in range(HALVINGS_MAX):
        data = piece(token, held >> halvings, way)
        refused = await eyes.refused(vault, data)
        if refused is None or reason(refused) != "TooLittle":
            break
    return data, refused


def _unless(quiet: str, refused: CallRefused) -> bytes:
    """Nothing is due where that was said. Raises what else was."""
    if reason(refused) == quiet:
        return b""
    raise refused


DUE = {
    Errand.PAY: payment,
    Errand.MARK: mark,
    Errand.RECORD: record,
    Errand.SETTLE: settlement,
    Errand.UNWIND: stage,
}
"""Each is asked of a contract, a mark of a token beside it. Raises CallRefused, NoAnswer."""
