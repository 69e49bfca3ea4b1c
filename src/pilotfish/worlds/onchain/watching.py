"""The liquidator bot: block by block, who is at the line is closed. Anybody may run one; several do no harm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence

import msgspec

from pilotfish.domain.errors import VenueError
from pilotfish.venues.evm.eyes import CallRefused, NoAnswer, Node, block_at, call, tag
from pilotfish.venues.evm.watch.bot import Account, Doubt, Duty, Kind, Seen, Watch
from pilotfish.venues.evm.watch.reading import Reader, calldata, closing, guard_of, opened, reason
from pilotfish.worlds.onchain.keeping import Keeper
from pilotfish.worlds.onchain.sending import Sender

Tell = Callable[[str], None]
Pause = Callable[[], Awaitable[None]]
AT_ONCE = 16  # accounts that are looked at at a time
FEE_TIERS = (500, 3_000, 10_000, 100)  # of Uniswap v3 pools, hundredths of a bp, as they are tried


class Books(msgspec.Struct, frozen=True):
    """What is watched. `routes`: ways to try for a token, for the book's venue; without one, a pool of each fee."""

    liquidator: str
    vaults: Sequence[str] = ()
    desks: Sequence[str] = ()
    since: int = 0
    routes: Mapping[str, Sequence[bytes]] = {}

    def ways(self, token: str) -> Sequence[bytes]:
        return self.routes.get(token) or [fee.to_bytes(3, "big") for fee in FEE_TIERS]


class Watcher:
    """`tell` hears a sentence for whatever was done, and for each new doubt. The `sender` is nobody else's, but for the
    `keeper`'s, who comes after everybody was looked at.
    """

    def __init__(self, node: Node, sender: Sender, books: Books, tell: Tell, keeper: Keeper | None = None) -> None:
        self._node, self._sender, self._books, self._tell = node, sender, books, tell
        self._keeper = keeper
        self._watch, self._guard, self._next = Watch(), "", books.since
        self._doubts: dict[Account, str] = {}
        self._duties: dict[int, Duty] = {}
        self.watch((vault, vault) for vault in books.vaults)

    def watch(self, accounts: Iterable[tuple[str, str]]) -> None:
        """These accounts too: each the address of its book, and its own."""
        self._watch.add(Account(book.lower(), account.lower()) for book, account in accounts)

    @property
    def watched(self) -> int:
        return len(self._watch)

    async def block(self, number: int) -> int:
        """Look at everybody as of this block and do what is to be done; how many transactions went out.

        Raises NoAnswer where the node is silent; nothing is lost by it.
        """
        await self._hear(number)
        await self._discover(number)
        reader = Reader(self._node, self._books.liquidator, self._guard, number)
        turn, sent = asyncio.Semaphore(AT_ONCE), 0

        async def look(account: Account) -> Seen | Doubt:
            async with turn:
                return await reader.look(account)

        due = self._watch.due(number)
        for account, seen in zip(due, await asyncio.gather(*map(look, due)), strict=True):
            self._note(account, seen)
            duty = self._watch.saw(account, number, seen)
            if duty is not None:
                sent += await self._do(duty, number)
        return sent + (await self._keeper.block(number) if self._keeper is not None else 0)

    async def _hear(self, number: int) -> None:
        """What has become of the transactions that went out."""
        for ended in await self._sender.look():
            if self._keeper is not None and self._keeper.ended(ended):
                continue
            # It may be in a block that is newer than the one looked at: what that one still shows is over.
            self._watch.ended(ended.number, max(number, ended.block), ok=ended.ok)
            duty = self._duties.pop(ended.number)
            did = "done" if ended.ok else "it did not go through"
            self._tell(f"{duty.account.account} {duty.kind.value}: {did}, {ended.transaction}")

    async def _discover(self, number: int) -> None:
        """The guard, and wallets opened since the last look."""
        self._guard = self._guard or await guard_of(self._node, self._books.liquidator)
        if self._next <= number:
            for desk in self._books.desks:
                found = await opened(self._node, desk, self._next, number)
                self._watch.add([Account(desk.lower(), one.wallet) for one in found])
            self._next = number + 1

    async def _do(self, duty: Duty, number: int) -> bool:
        """Ask the contract first, by calls that change nothing; then send. False where nothing could be sent."""
        why = ""
        try:
            async for kind, to, data in self._asks(duty, number):
                try:
                    ticket = await self._sender.submit(to, data)
                except CallRefused as refused:
                    why = why or reason(refused)
                    continue
                self._watch.submitted(duty.account, ticket)
                self._duties[ticket] = duty._replace(kind=kind)
                return True
        except CallRefused as refused:
            why = reason(refused)
        except VenueError as bad:  # gas too dear, a key that may not sign this, a silent node
            why = str(bad)
        self._watch.failed(duty.account, number)
        self._tell(f"{duty.account.account} {duty.kind.value}, but not closed: {why}")
        return False

    async def _asks(self, duty: Duty, number: int) -> AsyncIterator[tuple[Kind, str, bytes]]:
        """What to ask of whom, until one says yes: the liquidator, with ways for all tokens that can be sold, or for
        one alone; else a vault, to end and be sold in stages.
        """
        liquidator, vault = self._books.liquidator, duty.account.book
        ends = duty.kind is Kind.LIQUIDATE and vault == duty.account.account
        if ends and not duty.tokens:
            yield Kind.CLOSE, vault, closing()
        found, refused = await self._ways(duty, number)
        if found or not duty.tokens:
            yield duty.kind, liquidator, calldata(duty, found)
        if len(found) > 1:
            yield duty.kind, liquidator, calldata(duty, dict(list(found.items())[:1]))
        if ends and duty.tokens:
            yield Kind.CLOSE, vault, closing()
        if refused is not None:
            raise refused

    async def _ways(self, duty: Duty, number: int) -> tuple[dict[str, bytes], CallRefused | None]:
        """A way for every token that can be sold whole, and why one cannot be."""
        found: dict[str, bytes] = {}
        why: CallRefused | None = None
        for token in duty.tokens:
            for way in self._books.ways(token):
                asked = calldata(duty, {token: way})
                try:
                    await call(self._node, self._books.liquidator, asked, tag(number), self._sender.address)
                except CallRefused as refused:
                    if why is None or reason(refused) != "PoolNotListed":  # most ways are only tried
                        why = refused
                    continue
                found[token] = way
                break
        return found, why

    def _note(self, account: Account, seen: Seen | Doubt) -> None:
        """A doubt is told when it begins, changes or ends."""
        before, now = self._doubts.get(account, ""), seen.why if isinstance(seen, Doubt) else ""
        if now != before:
            self._tell(f"{account.account}: {f'nothing can be said ({now})' if now else 'it can be told again'}")
        self._doubts[account] = now


async def watch(
    watcher: Watcher, node: Node, pause: Callable[[], Awaitable[None]], tell: Callable[[str], None]
) -> None:
    """Each new block, until it is cancelled. What a node cannot answer is told, and asked again."""
    last = -1
    while True:
        try:
            block, _, _ = await block_at(node, "latest")
            if block != last:
                await watcher.block(block)
                last = block
        except NoAnswer as silent:
            tell(str(silent))
        await pause()
