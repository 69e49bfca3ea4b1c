"""The journal of a run goes to the chain, and is held against it again as anybody could."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from pilotfish.venues.keys.digests import digest_of
from pilotfish.venues.keys.schemes import SignRequest
from pilotfish.worlds.chain.people import PUBLISHER
from pilotfish.worlds.chain.reach import record_of
from pilotfish.worlds.chain.stage import Stage
from pilotfish.worlds.chain.telling import Telling
from pilotfish.worlds.onchain.publishing import Publisher
from pilotfish.worlds.onchain.sending import Sender
from pilotfish.worlds.onchain.verifying import Question, verify_by_urls


async def anchored(stage: Stage, journal: Path, telling: Telling) -> str:
    """All of the journal in one batch. Returns the publisher's address."""
    key = stage.keys[PUBLISHER]

    async def sign(requests: Sequence[SignRequest]) -> list[bytes]:
        return [key.sign_digest(digest_of(request)) for request in requests]

    sender = Sender(stage.client.node, key.address, sign)
    publisher = Publisher(journal, stage.client.node, stage.record.address("Anchor"), sender)
    done = await publisher.round()
    receipt = await stage.client.wait(done.transaction, "the anchor")
    telling.anchored(done.records, receipt.gas_used)
    return key.address


def verified(journal: Path, url: str, folder: Path, publisher: str, console: Console) -> bool:
    """`pilotfish verify --onchain`, with what it would be typed as."""
    anchor = record_of(folder).address("Anchor")
    typed = f"pilotfish verify {journal} --onchain {url} --anchor {anchor} --publisher {publisher}"
    console.print(typed, highlight=False, soft_wrap=True)
    return verify_by_urls(journal, "", [url], Question(anchor, publisher), console)
