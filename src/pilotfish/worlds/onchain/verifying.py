"""`pilotfish verify --onchain`: the journal, and then whether it is the one that was anchored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console

from pilotfish.journal.recover import verify_file
from pilotfish.journal.sqlite import SqliteJournal
from pilotfish.venues.evm.eyes import HttpNode, NoAnswer, Node, block_at, call, tag
from pilotfish.venues.evm.proof.anchoring import proven_call
from pilotfish.venues.evm.proof.reading import Told, head_at, read_anchors
from pilotfish.venues.evm.wire.abi import word
from pilotfish.venues.net.http import Http
from pilotfish.venues.net.terms import WireTerms
from pilotfish.worlds.commands import verify_journal
from pilotfish.worlds.onchain.checking import Recomputed, check
from pilotfish.worlds.onchain.figures import BatchFigures
from pilotfish.worlds.onchain.kept import read_kept
from pilotfish.worlds.onchain.places import check_address, on_chain, place_of
from pilotfish.worlds.onchain.printing import print_figures, print_outcome, print_proof, print_verdict
from pilotfish.worlds.onchain.proving import proof_of
from pilotfish.worlds.onchain.roots import root_at, roots_of_a_damaged


class Question(msgspec.Struct, frozen=True):
    """About whom. `anchor`: an address, or a deployment's file; `proof` names a figure, see `proving`."""

    anchor: str
    publisher: str
    since: int = 0
    proof: str = ""


def verify_by_urls(path: Path, root: str, urls: Sequence[str], asked: Question, console: Console) -> bool:
    """`verify_onchain` with nodes over HTTP."""

    async def ask() -> bool:
        http = Http(WireTerms())
        try:
            return await verify_onchain(path, root, [HttpNode(url, http) for url in urls], asked, console)
        finally:
            await http.close()

    return asyncio.run(ask())


async def verify_onchain(path: Path, root: str, nodes: Sequence[Node], asked: Question, console: Console) -> bool:
    """Print what was found; False when anything does not hold. The first node is read, the others must agree with it.

    Raises NoAnswer where one cannot be asked, and JournalUnavailable.
    """
    place = place_of("--anchor", asked.anchor, "Anchor")
    check_address("--publisher", asked.publisher)
    asked = msgspec.structs.replace(asked, anchor=place.address)
    await on_chain(nodes[0], place.chain)
    told = await read_anchors(nodes[0], asked.anchor, asked.publisher, asked.since or place.since)
    doubts = [doubt for other in nodes[1:] for doubt in await _disagreement(told, other, asked)]
    figures = BatchFigures([logged.batch.records for logged in told.batches])
    holds = verify_journal(path, root, console, figures)
    recomputed = recomputed_of(path, figures)
    verdict = check(told, recomputed, read_kept(path))
    verdict = msgspec.structs.replace(verdict, findings=[*doubts, *verdict.findings])
    print_verdict(asked.anchor, asked.publisher, told, verdict, console)
    print_figures(told, recomputed, verdict, console)
    print_outcome(verdict, console)
    if asked.proof and holds and verdict.ok:
        proof = proof_of(asked.proof, asked.publisher, told, recomputed)
        await _confirm(nodes[0], asked.anchor, told, proven_call(proof))
        print_proof(asked.anchor, told, proof, proven_call(proof), console)
    return holds and verdict.ok


def recomputed_of(path: Path, figures: BatchFigures) -> Recomputed:
    """What the journal gives at every anchored number of records, whether it holds or is damaged."""
    chain = verify_file(path)
    if not chain.holds:
        good, roots = roots_of_a_damaged(path, figures.moments)
        return Recomputed(good, roots, {}, figures.names, damaged=True)
    with SqliteJournal(path, read_only=True) as journal:
        found = {at: root for at in figures.moments if (root := root_at(journal, at)) is not None}
        return Recomputed(journal.head.position, found, figures.taken, figures.names)


async def _disagreement(told: Told, other: Node, asked: Question) -> list[str]:
    """Another node about the same block: its hash, and the head in its storage. Raises NoAnswer."""
    _, block_hash, _ = await block_at(other, tag(told.block))
    if block_hash != told.block_hash:
        return [f"{told.node} and {other.name} have different blocks {told.block}: one of them is on another chain"]
    if await head_at(other, asked.anchor, asked.publisher, told.block) != told.head:
        return [f"{told.node} and {other.name} tell different heads at block {told.block}: one of them lies"]
    return []


async def _confirm(node: Node, anchor: str, told: Told, data: bytes) -> None:
    """The contract itself says yes. Raises NoAnswer where it does not."""
    answer = await call(node, anchor, data, tag(told.block))
    if answer != word(1):
        raise NoAnswer("the contract", "does not confirm the proof", "ask another node")
