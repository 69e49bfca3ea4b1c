"""How accounts stand, as a node tells it, and what the liquidator is asked: words in and out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.contracts.artifact import error_name
from pilotfish.venues.evm.eyes import CallRefused, NoAnswer, Node, call, fields, logs, octets, tag
from pilotfish.venues.evm.watch.bot import Account, Doubt, Duty, Holding, Kind, Seen
from pilotfish.venues.evm.wire import abi
from pilotfish.venues.evm.wire.abi import WORD, place, selector, word

HOLDINGS_MAX = 256
OPENED = abi.topic("Opened(address,address,address)")
_OPENED_TOPICS = 3  # its name, follower, lead
_STANDING, _HOLDINGS = selector("standing(address)"), selector("holdings(address)")
_STOP_OF, _CLOSED = selector("priceStop(address,address)"), selector("closed(address,address)")
_PRICE, _GUARD = selector("price(address)"), selector("guard()")
_LIQUIDATE, _STOP = selector("liquidate(address,address,bytes[])"), selector("stop(address,address,address,bytes)")
_RECOVERED, _CLOSE = selector("recovered(address,address)"), selector("closeAtLine()")
_UNWIND = selector("unwind(address,uint256,bytes)")


class Reader:
    """Accounts as of one block; each price is asked for once."""

    def __init__(self, node: Node, liquidator: str, guard: str, block: int) -> None:
        self._node, self._liquidator, self._guard, self._at = node, liquidator, guard, tag(block)
        self._prices: dict[str, int] = {}

    async def look(self, account: Account) -> Seen | Doubt:
        """Raises NoAnswer where the node is silent; what a contract refuses is a Doubt."""
        try:
            return await self._look(account)
        except CallRefused as refused:
            return Doubt(reason(refused))

    async def _look(self, account: Account) -> Seen:
        book, who = account.book, place(account.account)
        equity, line = abi.words(await self._words(book, _STANDING + who, 2), 2)
        closed = abi.words(await self._words(self._liquidator, _CLOSED + place(book) + who, 1), 1)[0]
        holdings = []
        for token in addresses(await self._call(book, _HOLDINGS + who)):
            stop = abi.words(await self._words(book, _STOP_OF + who + place(token), 1), 1)[0]
            holdings.append(Holding(token, await self._price(token) if stop else 0, stop))
        return Seen(equity, line, bool(closed), tuple(holdings))

    async def _price(self, token: str) -> int:
        if token not in self._prices:
            self._prices[token] = abi.words(await self._words(self._guard, _PRICE + place(token), 1), 1)[0]
        return self._prices[token]

    async def _call(self, to: str, data: bytes) -> bytes:
        return await call(self._node, to, data, self._at)

    async def _words(self, to: str, data: bytes, count: int) -> bytes:
        raw = await self._call(to, data)
        if len(raw) != WORD * count:
            raise CallRefused(f"contract {to}", f"answers {len(raw)} bytes", "check the book's address")
        return raw


async def guard_of(node: Node, liquidator: str) -> str:
    """The price guard that the liquidator itself asks. Raises NoAnswer where no liquidator stands there."""
    raw = await call(node, liquidator, _GUARD)
    if len(raw) != WORD:
        raise NoAnswer(f"address {liquidator}", "is no liquidator", "check the address and the chain")
    return "0x" + raw[12:].hex()


class Opened(NamedTuple):
    """A wallet of one of the lead's followers."""

    lead: str
    wallet: str


async def opened(node: Node, desk: str, first: int, last: int) -> list[Opened]:
    """What a desk opened from block to block. Raises NoAnswer."""
    return [_opened(fields(entry, "log")) for entry in await logs(node, desk, [OPENED], first, last)]


def _opened(entry: dict[str, Any]) -> Opened:
    topics = entry.get("topics")
    if not isinstance(topics, list) or len(topics) != _OPENED_TOPICS:
        raise NoAnswer("the node's log", "is of no wallet that was opened", "ask another node")
    lead, wallet = octets(topics[2], "topic", WORD), octets(entry.get("data"), "log data", WORD)
    return Opened("0x" + lead[12:].hex(), "0x" + wallet[12:].hex())


def addresses(raw: bytes) -> list[str]:
    """An ABI-encoded `address[]`, alone. Raises CallRefused."""
    try:
        offset, count = abi.words(raw, 2)
    except MessageRefused:
        offset = count = -1
    if offset != WORD or count > HOLDINGS_MAX or len(raw) != WORD * (2 + count):
        raise CallRefused(
            "a list of holdings", f"is not what it should be: {len(raw)} bytes", "check the book's address"
        )
    return ["0x" + raw[WORD * k + 12 : WORD * (k + 1)].hex() for k in range(2, 2 + count)]


def calldata(duty: Duty, routes: Mapping[str, bytes]) -> bytes:
    """What the liquidator is asked. A token without a route is left for another time."""
    whose = place(duty.account.book) + place(duty.account.account)
    if duty.kind is Kind.RECOVER:
        return _RECOVERED + whose
    ways = [routes.get(token, b"") for token in duty.tokens]
    if duty.kind is Kind.STOP:
        return _STOP + whose + place(duty.tokens[0]) + word(4 * WORD) + _octets(ways[0])
    return _LIQUIDATE + whose + word(3 * WORD) + _list(ways)


def closing() -> bytes:
    """What a vault at its line is asked, where its holdings cannot be sold whole."""
    return _CLOSE


def piece(token: str, amount: int, way: bytes) -> bytes:
    """What a vault is asked where exits lack cash, or it closes: to sell at most this much."""
    return _UNWIND + place(token) + word(amount) + word(3 * WORD) + _octets(way)


def _octets(raw: bytes) -> bytes:
    return word(len(raw)) + raw + bytes(-len(raw) % WORD)


def _list(items: Sequence[bytes]) -> bytes:
    """`bytes[]`: where each begins, then each."""
    bodies = [_octets(item) for item in items]
    heads, at = [], WORD * len(items)
    for body in bodies:
        heads.append(word(at))
        at += len(body)
    return word(len(items)) + b"".join([*heads, *bodies])


def reason(refused: CallRefused) -> str:
    """Why a contract said no, in one word of its own where it has one."""
    return error_name(refused.data) or refused.why or refused.what
