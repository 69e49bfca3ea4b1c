"""A node to speak to, and where a chain's files are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.deploy.client import ChainClient
from pilotfish.venues.evm.deploy.record import Record, read_record
from pilotfish.venues.evm.eyes import HttpNode
from pilotfish.venues.net.http import Http
from pilotfish.venues.net.terms import WireTerms

DEPLOYMENT, URL = "deployment.json", "rpc-url"


@asynccontextmanager
async def reached(url: str) -> AsyncIterator[ChainClient]:
    """A chain behind a URL; nothing is asked yet. Raises NoAnswer where it is no URL."""
    http = Http(WireTerms())
    try:
        yield ChainClient(HttpNode(url, http))
    finally:
        await http.close()


def url_of(folder: Path, given: str) -> str:
    """The URL that was given, else that of the local chain whose files are in `folder`. Raises ConfigError."""
    if given:
        return given
    try:
        return (folder / URL).read_text().strip()
    except OSError:
        raise ConfigError(
            "no chain", f"{folder / URL} is not there", "pilotfish chain up, or name one with --rpc"
        ) from None


def record_of(folder: Path) -> Record:
    """Raises ConfigError where nothing was deployed."""
    record = read_record(folder / DEPLOYMENT)
    if record is None:
        raise ConfigError("no deployment", f"{folder / DEPLOYMENT} is not there", "pilotfish chain deploy")
    return record
