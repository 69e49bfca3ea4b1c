"""Before a run starts: the venue is looked at, followers are read, and the doctor has the last word."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import numpy as np

from pilotfish.domain.codec import decode_event
from pilotfish.domain.errors import ConfigError
from pilotfish.domain.events import InstrumentListed
from pilotfish.domain.instrument import Instrument
from pilotfish.domain.mandate import OMNIBUS, Follows
from pilotfish.journal.port import RecordKind
from pilotfish.journal.sqlite import SqliteJournal
from pilotfish.venues.gateway import Gateway, Ours, Signer, Survey
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.worlds.commands import population_of
from pilotfish.worlds.followers import Population
from pilotfish.worlds.live.doctor import Finding, examine
from pilotfish.worlds.live.opening import name_of
from pilotfish.worlds.live.settings import LiveSettings
from pilotfish.worlds.platform_events import USDC, units

CONFIRMATION = "I trade real money"
UNKNOWN_EQUITY = 10**9  # of a lead that the doctor will refuse: followers are drawn before it speaks


class Ready(msgspec.Struct):
    """A run that may start."""

    settings: LiveSettings
    gateway: Gateway
    survey: Survey
    population: Population
    findings: list[Finding]
    keys: Keyring | None = None
    signer: Signer | None = None

    @property
    def live(self) -> bool:
        return self.settings.run.mode == "live"


def journal_path(settings: LiveSettings) -> Path:
    return Path(settings.run.out).expanduser() / "journal.db"


async def look(
    settings: LiveSettings,
    gateway: Gateway,
    keys: Keyring | None = None,
    signer: Signer | None = None,
    *,
    passing: bool = False,
) -> Ready:
    """Ask the venue, read the followers, examine all of it. Raises VenueError, ConfigError, KeyRefused.

    `passing`: the venue is new with every run, and so is the journal.
    """
    live, path = settings.run.mode == "live", journal_path(settings)
    if live and keys is None:
        raise ConfigError("mode live", "there is no key to sign with", "pilotfish keys new, or use --mode paper")
    if live and settings.run.followers.isdigit() and gateway.real_money:
        raise ConfigError("mode live", "needs a file of followers, not a number", "--followers followers.csv")
    known = await asyncio.to_thread(known_instruments, path) if path.exists() and not passing else []
    leads = [entry.address.lower() for entry in settings.leads]
    survey = await gateway.survey(leads, ours(settings, None) if live else [], known, keys, signer)
    survey = with_equity(settings, survey)
    if not survey.leads:  # nobody to draw followers for: the doctor says so
        nobody = Population(Follows.of([], [], []), np.zeros(0, dtype=np.int64), [], [])
        found = examine(settings, survey, nobody.follows, keys.addresses if keys else ())
        return Ready(settings, gateway, survey, nobody, found, keys, signer)
    population = population_of(
        settings.run.followers,
        [name_of(settings, lead) for lead in survey.leads],
        [lead.equity if lead.equity > 0 else UNKNOWN_EQUITY for lead in survey.leads],
        settings.run.seed,
        settings.venue.instruments or [one.symbol for one in survey.instruments],
        False,
        float(settings.run.capital_usdc),
    )
    if live and settings.run.route == "segregated":
        survey = await gateway.survey(leads, ours(settings, population), known, keys, signer)
        survey = with_equity(settings, survey)
    addresses = keys.addresses if keys else ()
    return Ready(
        settings, gateway, survey, population, examine(settings, survey, population.follows, addresses), keys, signer
    )


def with_equity(settings: LiveSettings, survey: Survey) -> Survey:
    """What the file says of a lead's equity stands above what the venue says. Raises ConfigError."""
    stated: dict[str, int] = {}
    for number, entry in enumerate(settings.leads):
        if entry.equity_usdc:
            stated[entry.address.lower()] = units(settings, f"leads[{number}].equity_usdc", entry.equity_usdc, USDC)
    leads = [
        msgspec.structs.replace(one, equity=stated[one.address]) if one.address in stated else one
        for one in survey.leads
    ]
    return msgspec.structs.replace(survey, leads=leads)


def ours(settings: LiveSettings, population: Population | None) -> list[Ours]:
    """Accounts as the file names them; a follower's by its id once the followers are known. Raises ConfigError."""
    ids = {name: number for number, name in enumerate(population.names)} if population else {}
    out = []
    for number, entry in enumerate(settings.accounts):
        if entry.follower and population is not None and entry.follower not in ids:
            where = settings.where(f"accounts[{number}].follower")
            raise ConfigError(where, f"{entry.follower!r} is no follower", "use a name of the followers file")
        account = ids.get(entry.follower, number) if entry.follower else OMNIBUS
        out.append(Ours(account, entry.address.lower(), entry.key.lower(), entry.vault.lower(), entry.wallet))
    return out


def known_instruments(journal: Path) -> list[Instrument]:
    """Those an existing journal has listed, in its order: ids never change."""
    with SqliteJournal(journal, read_only=True) as opened:
        events = (decode_event(one.payload) for one in opened.read() if one.kind is RecordKind.EVENT)
        return [event.instrument for event in events if isinstance(event, InstrumentListed)]
