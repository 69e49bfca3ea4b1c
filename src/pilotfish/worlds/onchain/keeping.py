"""What somebody must do now and then so that the contracts stay cheap and their curves whole. Anybody may.

Insurance that was granted is paid, the guard's means are marked once a window, each vault's NAV is recorded once an
hour, its exits are served, and where cash is short, or it closes, stages of what it holds are sold. What is due follows
from the chain alone; several keepers do no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from pilotfish.domain.errors import VenueError
from pilotfish.venues.evm.eyes import CallRefused, NoAnswer, Node, block_at, call, fields, logs, octets, tag
from pilotfish.venues.evm.watch.reading import reason
from pilotfish.venues.evm.wire.abi import WORD, selector, topic
from pilotfish.worlds.onchain.errands import DUE, TOKENS_S, Errand, Eyes
from pilotfish.worlds.onchain.sending import Ended, Sender

DOUBT_S = 300  # what was refused rests
FEED_SET = topic("FeedSet(address,address,uint256,address,uint256,uint256)")
_POOL, _GUARD = selector("pool()"), selector("guard()")


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
        self._pool = self._guard = ""
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
        if not ended.ok:
            here.next_s = self._now_s + DOUBT_S
        self._tell(f"{task}: {'done' if ended.ok else 'it did not go through'}, {ended.transaction}")
        return True

    async def _do(self, task: Task, here: _Place) -> bool:
        eyes = Eyes(self._node, self._now_s, self._sender.address, self._ways)
        try:
            due = await DUE[task.errand](eyes, task.to, task.token)
            here.next_s = due.next_s
            if not due.data:
                return False
            self._tickets[await self._sender.submit(task.to, due.data)] = task
        except VenueError as bad:
            here.next_s = self._now_s + DOUBT_S
            why = reason(bad) if isinstance(bad, CallRefused) else str(bad)
            if why != here.doubt:
                self._tell(f"{task}, but not now: {why}")
            here.doubt = why
            return False
        here.under_way, here.doubt = True, ""
        return True

    async def _discover(self, number: int) -> None:
        """The pool, the guard, and tokens that it was given since the last look."""
        if not self._pool:
            self._guard, pool = await self._address(_GUARD), await self._address(_POOL)
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
