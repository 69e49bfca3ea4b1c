"""Whether what stands at an address is a contract of ours, by its code alone."""

from __future__ import annotations

PUSH32 = 0x7F
WORD = 32
HEAD = 5
"""Bytes at the beginning of code in which no immutable can be: it sets up memory first."""


def is_made_by(code: bytes, creation: bytes) -> bool:
    """Whether `creation` (an artifact's bytecode) leaves `code` behind.

    The code lies inside its creation byte for byte, but for immutables: where the creation pushes a word of zeros, the
    constructor put something else. What it put there is for others to check.
    """
    if not code:
        return False
    blanks = _blanks(creation)
    at = creation.find(code[:HEAD])
    while at >= 0:
        if _equal(code, creation[at : at + len(code)], [blank - at for blank in blanks if blank >= at]):
            return True
        at = creation.find(code[:HEAD], at + 1)
    return False


def _blanks(creation: bytes) -> list[int]:
    """Where words of zeros are pushed."""
    found, at = [], creation.find(bytes((PUSH32,)) + bytes(WORD))
    while at >= 0:
        found.append(at + 1)
        at = creation.find(bytes((PUSH32,)) + bytes(WORD), at + 1 + WORD)
    return found


def _equal(code: bytes, made: bytes, blanks: list[int]) -> bool:
    if len(code) != len(made):
        return False
    bare = bytearray(code)
    for blank in blanks:
        if blank + WORD <= len(bare):
            bare[blank : blank + WORD] = bytes(WORD)
    return bytes(bare) == made
