"""What a lead did in one transaction, asked of a node, and the instruction that it amounts to.

Two questions: the transaction with its receipt; then, where the tag leaves the share to us, what the lead held before,
which is its balance in the block before and what its other transactions moved since.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.link import Link, Said
from pilotfish.venues.evm.public.balances import balance_call
from pilotfish.venues.evm.wire.abi import place, quantity, unhex, words
from pilotfish.venues.evm.wire.instructions import Instruction
from pilotfish.venues.evm.wire.metatag import (
    TRANSFER,
    LeadSwap,
    LeadTransaction,
    SwapRefused,
    Tag,
    TagRefused,
    find,
    instruction_of,
    swap_of,
)
from pilotfish.venues.evm.wire.metatag import Log as MovedLog
from pilotfish.venues.evm.wire.rpc import Call, Log, read_bytes, read_logs, read_receipt, read_sent
from pilotfish.venues.reading import Reading

_TRANSFER = "0x" + TRANSFER.hex()


class Deed(msgspec.Struct, frozen=True):
    """A tagged swap of a lead, mined in `block`."""

    transaction: str
    block: int
    lead: str
    tag: Tag
    sent: LeadTransaction
    swap: LeadSwap
    first_log: int


class _Moved(msgspec.Struct, frozen=True, rename="camel"):
    address: str
    topics: list[str]
    data: str
    log_index: str


class _Logs(msgspec.Struct, frozen=True):
    logs: list[_Moved] = []


class _Value(msgspec.Struct, frozen=True):
    value: str = "0x0"


_LOGS: Reading[_Logs] = Reading("receipt", _Logs)
_VALUE: Reading[_Value] = Reading("transaction", _Value)


class Refused(msgspec.Struct, frozen=True):
    """A tagged transaction that is not mirrored."""

    transaction: str
    lead: str
    why: str


class Untold(msgspec.Struct, frozen=True):
    """The node did not say: ask again."""


Told = Callable[[Deed | Refused | Untold | None, int], None]


class Deeds:
    """`books`: by address in lower case, its leads. `pools`: the two tokens of each. `routers`: whose calls count."""

    def __init__(
        self,
        link: Link,
        books: Mapping[str, Sequence[str]],
        pools: Mapping[str, tuple[str, str]],
        routers: frozenset[str],
    ) -> None:
        self._link, self._books, self._pools, self._routers = link, books, pools, routers

    def ask(self, transaction: str, now_ns: int, told: Told) -> None:
        """What it was; None where it is nobody's, or has no tag."""

        def heard(said: Said, then_ns: int) -> None:
            results = said.whole
            if results is None:
                return told(Untold(), then_ns)
            try:
                told(self._deed(results, transaction), then_ns)
            except MessageRefused:
                self._link.set_aside("transaction of a lead")
                told(Untold(), then_ns)

        asked = [Call(f"eth_getTransaction{what}", [transaction]) for what in ("ByHash", "Receipt")]
        self._link.ask(asked, now_ns, heard)

    def _deed(self, results: list[msgspec.Raw], transaction: str) -> Deed | Refused | Untold | None:
        """Raises MessageRefused."""
        sent, receipt = read_sent(results[0]), read_receipt(results[1])
        if sent is None or receipt is None:  # another node than the one that told of it, or its block was replaced
            return Untold()
        try:
            tag = find(sent.data)
            if tag is None:
                return None
            leads = self._books.get(tag.book)
            if not leads:
                return Refused(transaction, sent.sender, f"its tag names {tag.book}, which is none of our books")
            if sent.sender not in leads:
                return Refused(transaction, sent.sender, f"it does not lead {tag.book}: only a lead's own swaps count")
            moved = _LOGS.decode(bytes(results[1])).logs
            logs = tuple(MovedLog(one.address.lower(), tuple(map(unhex, one.topics)), unhex(one.data)) for one in moved)
            value = quantity(_VALUE.decode(bytes(results[0])).value)
            what = LeadTransaction(sent.sender, sent.to, sent.nonce, sent.data, value, receipt.done, logs)
            swap = swap_of(what, sent.sender, self._routers, self._pools)
        except (TagRefused, SwapRefused) as bad:
            return Refused(transaction, sent.sender, str(bad))
        first = min(quantity(one.log_index) for one in moved)
        return Deed(transaction, receipt.block, sent.sender, tag, what, swap, first)

    def held_before(self, deed: Deed, now_ns: int, then: Callable[[int | None, int], None]) -> None:
        """What the lead had of the token it sold, base units; asked only where the tag does not say the share."""
        if deed.tag.fraction:
            return then(deed.swap.amount_in, now_ns)
        token, who, block = deed.swap.token_in, "0x" + place(deed.lead).hex(), hex(deed.block)
        span = {"fromBlock": block, "toBlock": block, "address": token}
        calls = [
            balance_call(token, deed.lead, hex(deed.block - 1)),
            Call("eth_getLogs", [{**span, "topics": [_TRANSFER, who]}]),
            Call("eth_getLogs", [{**span, "topics": [_TRANSFER, None, who]}]),
        ]

        def heard(said: Said, then_ns: int) -> None:
            results = said.whole
            try:
                if results is None:
                    raise MessageRefused("a balance", "was not told", "it is asked for again")
                before = words(read_bytes(results[0]), 1)[0]
                out, in_ = (sum(_amounts(read_logs(raw), deed.first_log)) for raw in results[1:])
            except MessageRefused:
                return then(None, then_ns)
            then(before - out + in_, then_ns)

        self._link.ask(calls, now_ns, heard)


def _amounts(logs: list[Log], before: int) -> list[int]:
    """Of the transfers of a block that came before a place in it."""
    return [words(log.data, 1)[0] for log in logs if log.index < before and len(log.topics) == 3]


def order_of(deed: Deed, held_before: int, slippage_bps: int, deadline_s: int) -> Instruction | Refused:
    try:
        return instruction_of(
            deed.swap, deed.tag, deed.sent, held_before=held_before, slippage_bps=slippage_bps, deadline=deadline_s
        )
    except SwapRefused as bad:
        return Refused(deed.transaction, deed.lead, str(bad))
