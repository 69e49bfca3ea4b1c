"""Figures of a batch as `Anchor` proves them: what is told, whose it is, and an exact integer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pilotfish.domain.errors import NumericOverflow
from pilotfish.venues.evm.proof.merkle import Tree
from pilotfish.venues.keys.key import keccak

NAV, SLIPPAGE, LAG = "nav", "slippage", "lag"
UNITS = {NAV: "1e-18", SLIPPAGE: "micro-bps", LAG: "ns"}
EVERYBODY = bytes(32)
"""The subject of a figure over all leads."""
_INT256 = 2**255


class Figure(NamedTuple):
    """`value` is NAV per share (1e18), slippage (micro-bps, positive is worse for the follower) or lag (ns)."""

    kind: str
    subject: bytes
    value: int


def subject_of(lead: int, name: str) -> bytes:
    """Whose a lead's figures are: keccak256 of `<number>/<name>`, so that two of one name are told apart."""
    return keccak(f"{lead}/{name}".encode())


def words_of(figure: Figure) -> bytes:
    """The three words that are hashed and passed to the contract. Raises NumericOverflow beyond int256."""
    if not -_INT256 <= figure.value < _INT256:
        raise NumericOverflow(f"figure {figure.kind} {figure.value}", "leaves int256", "see what it was computed from")
    kind = figure.kind.encode().ljust(32, b"\x00")
    return kind + figure.subject + figure.value.to_bytes(32, "big", signed=True)


def leaf(figure: Figure) -> bytes:
    """Hashed twice, as `Anchor.leaf` does."""
    return keccak(keccak(words_of(figure)))


def ordered(figures: Iterable[Figure]) -> list[Figure]:
    """The order of their leaves: by kind, then by subject."""
    return sorted(figures)


def tree_of(figures: Iterable[Figure]) -> Tree:
    """The tree over figures in any order."""
    return Tree([leaf(figure) for figure in ordered(figures)])
