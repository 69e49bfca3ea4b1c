"""What somebody must do now and then so that the contracts stay cheap and their curves whole. Anybody may.

Insurance that was granted is paid, the guard's means are marked once a window, each vault's NAV is recorded once an
hour, its exits are served, and where cash is short, or it closes, stages of what it holds are sold. What is due follows
from the chain alone; several keepers do no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple

import msgspec

from pilotfish.domain.errors import VenueError
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.eyes import CallRefused, NoAnswer, Node, block_at, call, fields, logs, octets, tag
from pilotfish.venues.evm.watch.reading import addresses, piece, reason
from pilotfish.venues.evm.wire.abi import WORD, place, selector, topic, word, words
from pilotfish.worlds.onchain.sending import Ended, Sender

HOUR_S = 3_600
LOOK_S, TOKENS_S, DOUBT_S = 60, 600, 300  # claims are looked for, new tokens too; what was refused rests
CLAIMS_MAX = 20  # of one transaction
HALVINGS_MAX = 12  # the smallest piece of a holding that is tried is a 2,048th
FEED_SET = topic("FeedSet(address,address,uint256,address,uint256,uint256)")
_POOL, _GUARD, _QUEUE, _ASSET = (selector(f"{name}()") for name in ("pool", "guard", "queue", "asset"))
_BALANCE, _FEEDS, _COMING = (selector(f"{name}(address)") for name in ("balanceOf", "feeds", "coming"))
_POINTS, _POINT, _SUPPLY = selector("pointCount()"), selector("point(uint256)"), selector("totalSupply()")
_PAY, _MARK, _RECORD = selector("pay(uint256)"), selector("mark(address)"), selector("record()")
_STATE, _SETTLE, _HOLDINGS = selector("state()"), selector("settle()"), selector("holdings(address)")


class Errand(Enum):
    PAY = "insurance is paid"
    MARK = "the mean is marked"
    RECORD = "NAV is recorded"
    SETTLE = "exits are served"
    UNWIND = "a stage is sold"


class Task(NamedTuple):
    """`to`: the contract; `token`: of a mark."""

    errand: Errand
    to: str
    token: str = ""

    def __str__(self) -> str:
        return f"{self.token or self.to}: {self.errand.value}"


class _Place(msgspec.Struct):
    next_s: int = 0  # not looked at before
    doubt: str = ""
    under_way: bool = False


class Keeper:
    """`sender` may be shared, with whoever hands its endings on; `tell` hears what was done, and each new doubt; `ways`
    are the routes to try for a token.
    """

    def __init__(
        self,
        node: Node,
        sender: Sender,
        liquidator: str,
        vaults: Sequence[str],
        since: int,
        tell: Callable[[str], None],
        ways: Callable[[str], Sequence[bytes]],
    ) -> None:
        self._node, self._sender, self._liquidator, self._tell, self._ways = node, sender, liquidator, tell, ways
        errands = (Errand.RECORD, Errand.SETTLE, Errand.UNWIND)
        self._places = {Task(errand, vault): _Place() for vault in vaults for errand in errands}
        self._tickets: dict[int, Task] = {}
        self._pool = self._guard = self._asset = ""
        self._tokens_s, self._from, self._now_s = 0, since, 0

    async def block(self, number: int) -> int:
        """Do what is due as of this block; how many transactions went out. Raises NoAnswer where the node is silent."""
        _, _, self._now_s = await block_at(self._node, tag(number))
        await self._discover(number)
        sent = 0
        for task, here in list(self._places.items()):
            if here.next_s <= self._now_s and not here.under_way:
                sent += await self._do(task, here)
        return sent

    def ended(self, ended: Ended) -> bool:
        """What became of a transaction; whether it was ours."""
        task = self._tickets.pop(ended.number, None)
        if task is None:
            return False
        here = self._places[task]
        here.under_way = False
        if task.errand is not Errand.UNWIND or not ended.ok:  # a stage takes its minute
            here.next_s = self._now_s + (0 if ended.ok else DOUBT_S)
        self._tell(f"{task}: {'done' if ended.ok else 'it did not go through'}, {ended.transaction}")
        return True

    async def _do(self, task: Task, here: _Place) -> bool:
        try:
            data = await _DUE[task.errand](self, task, here)
            if not data:
                return False
            self._tickets[await self._sender.submit(task.to, data)] = task
        except VenueError as bad:
            here.next_s = self._now_s + DOUBT_S
            why = reason(bad) if isinstance(bad, CallRefused) else str(bad)
            if why != here.doubt:
                self._tell(f"{task}, but not now: {why}")
            here.doubt = why
            return False
        here.under_way, here.doubt = True, ""
        return True

    # -- what is due ---------------------------------------------------------------------------------------------------

    async def _pay(self, task: Task, here: _Place) -> bytes:
        """Where claims wait and there is money for the first of them, or a part of it."""
        here.next_s = self._now_s + LOOK_S
        head, tail, _, _, aside = await self._words(task.to, _QUEUE, 5)
        if head >= tail or (await self._words(self._asset, _BALANCE + place(task.to), 1))[0] <= aside:
            return b""
        return _PAY + word(min(tail - head, CLAIMS_MAX))

    async def _mark(self, task: Task, here: _Place) -> bytes:
        """Where the coming mark is a window old. A token without a pool has no mean."""
        feed = await self._words(task.to, _FEEDS + place(task.token), 9)
        window_s, pool = feed[2], feed[6]
        here.next_s = self._now_s + TOKENS_S
        if not pool:
            return b""
        since_s, _ = await self._words(task.to, _COMING + place(task.token), 2)
        if self._now_s < since_s + window_s:
            here.next_s = since_s + window_s
            return b""
        return _MARK + place(task.token)

    async def _record(self, task: Task, here: _Place) -> bytes:
        """Where the curve's last point is an hour old. A vault that nobody is in has no curve."""
        (count,) = await self._words(task.to, _POINTS, 1)
        last_s = (await self._words(task.to, _POINT + word(count - 1), 2))[0] if count else 0
        here.next_s = max(last_s + HOUR_S, self._now_s + LOOK_S)
        if self._now_s < last_s + HOUR_S or not (await self._words(task.to, _SUPPLY, 1))[0]:
            return b""
        return _RECORD

    async def _settle(self, task: Task, here: _Place) -> bytes:
        """Where exits wait and there is cash for one whole share of them."""
        here.next_s = self._now_s + LOOK_S
        _, waiting, _ = await self._words(task.to, _STATE, 3)
        if not waiting:
            return b""
        refused = await self._refused(task.to, _SETTLE)
        return _SETTLE if refused is None else _unless("NothingToSettle", refused)

    async def _unwind(self, task: Task, here: _Place) -> bytes:
        """Where exits lack cash, or the vault closes: the largest piece of a holding that some pool takes."""
        here.next_s = self._now_s + LOOK_S
        _, waiting, closing = await self._words(task.to, _STATE, 3)
        if not (waiting or closing):
            return b""
        why: CallRefused | None = None
        for token in addresses(await call(self._node, task.to, _HOLDINGS + place(task.to))):
            (held,) = await self._words(token, _BALANCE + place(task.to), 1)
            for way in self._ways(token):
                data, refused = await self._largest(task.to, token, held, way)
                if refused is None:
                    return data
                if why is None or reason(refused) != "PoolNotListed":  # most ways are only tried
                    why = refused
        return b"" if why is None else _unless("NothingToUnwind", why)

    async def _largest(self, vault: str, token: str, held: int, way: bytes) -> tuple[bytes, CallRefused | None]:
        """All of it, or the largest half of a half of it that the way takes; with why not, where it takes none."""
        data, refused = b"", None
        for halvings in range(HALVINGS_MAX):
            data = piece(token, held >> halvings, way)
            refused = await self._refused(vault, data)
            if refused is None or reason(refused) != "TooLittle":
                break
        return data, refused

    async def _refused(self, to: str, data: bytes) -> CallRefused | None:
        try:
            await call(self._node, to, data, sender=self._sender.address)
        except CallRefused as refused:
            return refused
        return None

    # -- where it is ---------------------------------------------------------------------------------------------------

    async def _discover(self, number: int) -> None:
        """The pool, the guard, and tokens that it was given since the last look."""
        if not self._pool:
            self._guard, pool = await self._address(_GUARD), await self._address(_POOL)
            self._asset = "0x" + (await call(self._node, pool, _ASSET))[-20:].hex()
            self._pool = pool
            self._places[Task(Errand.PAY, pool)] = _Place()
        if self._tokens_s <= self._now_s and self._from <= number:
            for entry in await logs(self._node, self._guard, [FEED_SET], self._from, number):
                named = (fields(entry, "log").get("topics") or [None, None])[1]
                token = "0x" + octets(named, "token", WORD)[12:].hex()
                self._places.setdefault(Task(Errand.MARK, self._guard, token), _Place())
            self._from, self._tokens_s = number + 1, self._now_s + TOKENS_S

    async def _address(self, name: bytes) -> str:
        raw = await call(self._node, self._liquidator, name)
        if len(raw) != WORD:
            raise NoAnswer(f"address {self._liquidator}", "is no liquidator", "check the address and the chain")
        return "0x" + raw[12:].hex()

    async def _words(self, to: str, data: bytes, count: int) -> list[int]:
        raw = await call(self._node, to, data)
        try:
            return list(words(raw, count))
        except MessageRefused:
            raise NoAnswer(f"contract {to}", f"answers {len(raw)} bytes", "check its address") from None


def _unless(quiet: str, refused: CallRefused) -> bytes:
    """Nothing is due where that was said. Raises what else was."""
    if reason(refused) == quiet:
        return b""
    raise refused


_DUE = {
    Errand.PAY: Keeper._pay,
    Errand.MARK: Keeper._mark,
    Errand.RECORD: Keeper._record,
    Errand.SETTLE: Keeper._settle,
    Errand.UNWIND: Keeper._unwind,
}
