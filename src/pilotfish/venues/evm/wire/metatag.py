"""A tag at the end of a lead's own swap, and the instruction that the swap amounts to.

Solidity's decoders leave trailing bytes alone, so a tagged swap is the same swap and some 600 gas dearer. The tag names
the book that is to do likewise; it counts only in a transaction that the book's lead itself has sent (`swap_of`).
38 bytes: magic 4, version 1, flags 1 (none yet), book 20, fraction 8 (times 1e18; zero: as the swap itself did),
checksum 4. What is recognised, and what is not: docs/mirror.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

import msgspec

from pilotfish.domain.errors import VenueError
from pilotfish.venues.evm.wire.instructions import LIMIT_SCALE, WAD, Instruction, address_word
from pilotfish.venues.keys.key import keccak

MAGIC = keccak(b"pilotfish.metatag")[:4]
VERSION = 1
SIZE = 38
TRANSFER = keccak(b"Transfer(address,address,uint256)")
SWAP_V3 = keccak(b"Swap(address,address,int256,int256,uint160,uint128,int24)")
NUMBERS = 16
"""Instruction nonces to each of a lead's own transactions: a tagged swap takes 16 × (its transaction's nonce + 1), what
the lead signs meanwhile 16 × (its account's nonce) + 1 to 15. So nothing collides and all rise, as desks demand."""
BPS = 10_000


class TagRefused(VenueError):
    """There is a tag and it cannot be used."""


class SwapRefused(VenueError):
    """A tagged transaction that no instruction can be made of."""


class Tag(msgspec.Struct, frozen=True):
    book: str
    """0x and 40 lower-case hexadecimal digits."""
    fraction: int = 0
    """Share for the book to trade, times 1e18; zero: the share of its own balance that the lead traded."""


class Log(msgspec.Struct, frozen=True):
    """One of a receipt's. `address` is lower case."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes


class LeadTransaction(msgspec.Struct, frozen=True):
    """A mined transaction with its receipt. Addresses are lower case."""

    sender: str
    to: str
    nonce: int
    input: bytes
    value: int
    """wei"""
    succeeded: bool
    logs: tuple[Log, ...]


class LeadSwap(msgspec.Struct, frozen=True):
    """What the lead's balances did, base units: all that went through the pools in one transaction, netted."""

    token_in: str
    token_out: str
    amount_in: int
    amount_out: int


def append(calldata: bytes, tag: Tag) -> bytes:
    """The same call, tagged. Raises TagRefused for a fraction above one, InstructionRefused for no address."""
    if not 0 <= tag.fraction <= WAD:
        raise TagRefused("a tag's fraction", "is not between 0 and 1e18", "give the share to trade, times 1e18")
    body = MAGIC + bytes([VERSION, 0]) + address_word(tag.book)[12:] + tag.fraction.to_bytes(8, "big")
    return calldata + body + _checksum(body)


def find(calldata: bytes) -> Tag | None:
    """The tag that `calldata` ends with; None where there is none. Raises TagRefused: damaged or cut off."""
    raw = calldata[-SIZE:]
    if raw[:4] != MAGIC or len(raw) < SIZE:
        if MAGIC in raw:
            raise TagRefused("a tag", "is cut off", "append all its 38 bytes")
        return None
    body, fraction = raw[:-4], int.from_bytes(raw[26:34], "big")
    if _checksum(body) != raw[-4:]:
        raise TagRefused("a tag", "its checksum does not hold", "make it with `append`")
    if raw[4] != VERSION or raw[5] or fraction > WAD:
        raise TagRefused(f"a tag of version {raw[4]}", "it says what this version does not know", "upgrade Pilotfish")
    return Tag("0x" + raw[6:26].hex(), fraction)


def swap_of(tx: LeadTransaction, lead: str, routers: Collection[str], pools: Mapping[str, Collection[str]]) -> LeadSwap:
    """What the lead swapped.

    `routers` are those whose calls count, `pools` the two tokens of every v3 pool that counts; all lower case.
    Raises SwapRefused.
    """
    if not tx.succeeded:
        raise SwapRefused("a tagged transaction", "was reverted", "nothing is mirrored")
    if tx.sender != lead.lower():
        raise SwapRefused(f"a tag by {tx.sender}", f"the book's lead is {lead.lower()}", "only its own swaps count")
    if tx.to not in routers:
        raise SwapRefused(f"a tagged call of {tx.to}", "is no router we know", "swap through one of those configured")
    if tx.value:
        raise SwapRefused("a tagged swap", "pays in the chain's own coin", "wrap it first")
    crossed = {token for log in tx.logs if _is(log, SWAP_V3, 3) for token in pools.get(log.address, ())}
    moved = _moved(tx.logs, address_word(tx.sender))
    paid = [token for token, amount in moved.items() if amount < 0]
    got = [token for token, amount in moved.items() if amount > 0]
    if len(paid) != 1 or len(got) != 1:
        raise SwapRefused("a tagged swap", f"paid {len(paid)} tokens and got {len(got)}", "swap one for one")
    if not {paid[0], got[0]} <= crossed:
        raise SwapRefused("a tagged swap", "went through no pool we know", "trade what the book's venue trades")
    return LeadSwap(paid[0], got[0], -moved[paid[0]], moved[got[0]])


def instruction_of(
    swap: LeadSwap, tag: Tag, tx: LeadTransaction, *, held_before: int, slippage_bps: int, deadline: int
) -> Instruction:
    """The instruction for the tag's book that an agent of the lead signs.

    `held_before` is the lead's balance of the token it sold, base units, before the transaction; the book's price may
    be worse than the lead's by `slippage_bps`. Shares and limits are rounded down. The nonce is made of the
    transaction's own: the same transaction, seen again after a crash or a reorg, counts once. Raises SwapRefused.
    """
    if not swap.amount_in <= held_before:
        raise SwapRefused("a tagged swap", "sold more than the lead is said to have held", "read the balance again")
    if not 0 <= slippage_bps < BPS:
        raise SwapRefused(f"a slippage of {slippage_bps} bps", "is not between 0 and 9,999", "mend the setting")
    fraction = tag.fraction or swap.amount_in * WAD // held_before
    if fraction == 0:
        raise SwapRefused("a tagged swap", "is too small a share of the lead's balance", "nothing is mirrored")
    limit = swap.amount_out * LIMIT_SCALE * (BPS - slippage_bps) // (swap.amount_in * BPS)
    return Instruction(
        tx.sender, tag.book, swap.token_in, swap.token_out, fraction, limit, deadline, (tx.nonce + 1) * NUMBERS
    )


def _moved(logs: tuple[Log, ...], who: bytes) -> Counter[str]:
    """Each token's net change for `who`, a word; NFTs (a topic more) are none."""
    moved: Counter[str] = Counter()
    for log in logs:
        if _is(log, TRANSFER, 3) and len(log.data) == 32:
            amount = int.from_bytes(log.data, "big")
            moved[log.address] += amount * ((log.topics[2] == who) - (log.topics[1] == who))
    return moved


def _is(log: Log, event: bytes, topics: int) -> bool:
    return len(log.topics) == topics and log.topics[0] == event


def _checksum(body: bytes) -> bytes:
    return keccak(b"pilotfish.metatag" + body)[:4]
