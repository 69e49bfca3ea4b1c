"""The words of `contracts/src/proof/Anchor.sol`: a publisher's batches, the chain they make, and how it is asked.

    link' = keccak256(link || keccak256(journalRoot || figuresRoot || records))     from link = 0

All pure: bytes for the wire out, what a node told in, checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pilotfish.venues.evm.proof.figures import Figure, words_of
from pilotfish.venues.evm.wire.abi import WORD, place, selector, word
from pilotfish.venues.keys.key import keccak

NO_LINK = bytes(32)
"""What a publisher's first batch follows."""
_UINT64_MAX = 2**64 - 1


class Batch(NamedTuple):
    """`records` of a journal lead to `journal_root`; `figures_root` is zero where the batch has no figures."""

    journal_root: bytes
    figures_root: bytes
    records: int


class Logged(NamedTuple):
    """A batch as the chain's log tells it: which link it says it follows, and where it stands."""

    batch: Batch
    before: bytes
    block: int
    log_index: int
    transaction: str


_BATCH = "(bytes32,bytes32,uint64)"
_ANCHOR = selector(f"anchor(bytes32,{_BATCH})")
_HEAD = selector("head(address)")
_PROVEN = selector(f"proven(address,bytes32,{_BATCH},bytes32[],(bytes32,bytes32,int256),bytes32[])")
HEAD_MOVED = selector("HeadMoved(bytes32)")
ANCHORED = keccak(b"Anchored(address,bytes32,bytes32,bytes32,uint64)")
"""Topic of the log of a batch."""


def batch_words(batch: Batch) -> bytes:
    return batch.journal_root + batch.figures_root + word(batch.records)


def digest(batch: Batch) -> bytes:
    """What stands for the batch in the chain."""
    return keccak(batch_words(batch))


def link_after(before: bytes, batch: Batch) -> bytes:
    """The head that `batch` makes of the head before it."""
    return keccak(before + digest(batch))


def links(batches: Iterable[Batch]) -> Iterator[bytes]:
    """The head after each of the batches, from the first on."""
    link = NO_LINK
    for batch in batches:
        link = link_after(link, batch)
        yield link


def anchor_call(before: bytes, batch: Batch) -> bytes:
    """Calldata that appends `batch`."""
    return _ANCHOR + before + batch_words(batch)


def head_call(publisher: str) -> bytes:
    """Calldata that asks for a publisher's head."""
    return _HEAD + place(publisher)


class Proof(NamedTuple):
    """All that `proven` needs: the batch in its chain, and the figure in the batch."""

    publisher: str
    before: bytes
    batch: Batch
    later: Sequence[bytes]
    """Digests of the batches after it, up to the head. With one more batch on the chain, one more is needed."""
    figure: Figure
    path: Sequence[bytes]


def proven_call(proof: Proof) -> bytes:
    """Calldata that asks whether a figure was anchored."""
    fixed = 10 * WORD  # publisher, before, batch (3), offset, figure (3), offset
    later, path = _array(proof.later), _array(proof.path)
    return b"".join(
        (
            _PROVEN,
            place(proof.publisher),
            proof.before,
            batch_words(proof.batch),
            word(fixed),
            words_of(proof.figure),
            word(fixed + len(later)),
            later,
            path,
        )
    )


def _array(items: Sequence[bytes]) -> bytes:
    return word(len(items)) + b"".join(items)


def batch_of(topics: Sequence[bytes], data: bytes) -> tuple[Batch, bytes]:
    """The batch in a log of `Anchored`, and the link that it followed. Raises ValueError where it is none."""
    if len(topics) != 3 or topics[0] != ANCHORED or len(data) != 3 * WORD:
        raise ValueError("not a log of Anchored")
    records = int.from_bytes(data[2 * WORD :], "big")
    if records > _UINT64_MAX:
        raise ValueError("more records than uint64 holds")
    return Batch(topics[2], data[WORD : 2 * WORD], records), data[:WORD]
