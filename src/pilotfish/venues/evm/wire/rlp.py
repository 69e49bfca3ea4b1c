"""Recursive length prefix: how transactions and headers are written as bytes.

https://ethereum.org/en/developers/docs/data-structures-and-encoding/rlp/. Integers: big-endian, no leading zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from pilotfish.venues.decimals import MessageRefused

Item: TypeAlias = "bytes | Sequence[Item]"
_DEPTH_MAX = 8


def encode(item: Item) -> bytes:
    if isinstance(item, bytes):
        return item if len(item) == 1 and item[0] < 0x80 else _headed(item, 0x80)
    return _headed(b"".join(map(encode, item)), 0xC0)


def number(value: int) -> bytes:
    """An integer as its item. Raises OverflowError below zero."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def integer(item: Item) -> int:
    """Of an item, unsigned, of 256 bits at most. Raises MessageRefused."""
    if not isinstance(item, bytes) or item[:1] == b"\x00" or len(item) > 32:
        raise MessageRefused("a field", "is no number", "see who sent it")
    return int.from_bytes(item, "big")


def decode(raw: bytes) -> Item:
    """One item and nothing after it, in its shortest form. Raises MessageRefused."""
    item, end = _item(raw, 0, len(raw), 0)
    if end != len(raw):
        raise MessageRefused(f"{len(raw) - end} bytes", "follow the end of an RLP item", "see who sent it")
    return item


def _headed(body: bytes, kind: int) -> bytes:
    if len(body) < 56:
        return bytes((kind + len(body),)) + body
    length = number(len(body))
    return bytes((kind + 55 + len(length),)) + length + body


def _item(raw: bytes, at: int, end: int, depth: int) -> tuple[Item, int]:
    if at >= end or depth > _DEPTH_MAX:
        raise MessageRefused("an RLP item", "is cut short, or nests too deeply", "see who sent it")
    head = raw[at]
    if head < 0x80:
        return raw[at : at + 1], at + 1
    listed = head >= 0xC0
    first, last = _extent(raw, at, end, 0xC0 if listed else 0x80)
    if not listed:
        body = raw[first:last]
        if len(body) == 1 and body[0] < 0x80:
            raise MessageRefused("an RLP item", "is longer than it needs to be", "see who sent it")
        return body, last
    items: list[Item] = []
    while first < last:
        one, first = _item(raw, first, last, depth + 1)
        items.append(one)
    return items, last


def _extent(raw: bytes, at: int, end: int, kind: int) -> tuple[int, int]:
    """Where the body of the item at `at` begins and ends."""
    size, first = raw[at] - kind, at + 1
    if size > 55:
        first += size - 55
        length = raw[at + 1 : first]
        size = int.from_bytes(length, "big")
        if first > end or length[:1] in (b"", b"\x00") or size < 56:
            raise MessageRefused("an RLP length", "is cut short or not in its shortest form", "see who sent it")
    if first + size > end:
        raise MessageRefused("an RLP item", "is cut short", "see who sent it")
    return first, first + size
