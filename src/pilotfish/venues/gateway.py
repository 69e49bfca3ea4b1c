"""A venue as a run needs it: looked at once before anything starts, then opened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from pilotfish.domain.instrument import Instrument
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.keys.schemes import SignRequest
from pilotfish.venues.net.driver import Driver
from pilotfish.venues.paper import Depth, Level
from pilotfish.venues.port import Venue
from pilotfish.venues.session import Session, Unfinished

Signer = Callable[[Sequence[SignRequest]], Awaitable[list[bytes]]]


class Ours(msgspec.Struct, frozen=True):
    """An account that we trade: `account` is OMNIBUS or a follower id, `key` the address of the key that signs."""

    account: int
    address: str
    key: str
    vault: str = ""
    wallet: str = ""  # Polymarket: eoa, proxy, safe or deposit


class LeadSurvey(msgspec.Struct, frozen=True):
    """A lead as the venue knows it: equity in money units, lots by instrument id."""

    address: str
    equity: int
    positions: dict[int, int] = {}


class AccountSurvey(msgspec.Struct, frozen=True):
    """One of ours: what it has, and what the key may do with it. `None`: the venue does not say."""

    ours: Ours
    equity: int
    positions: dict[int, int]
    orders: int = 0  # open ones, whoever sent them
    may_trade: bool | None = None
    may_withdraw: bool | None = None
    note: str = ""


class Budget(msgspec.Struct, frozen=True):
    """A limit of the venue: how much of it is used."""

    name: str
    used: int
    cap: int


class Survey(msgspec.Struct, frozen=True):
    """What a venue said when it was looked at. `instruments`: those known before, with their ids, then new ones."""

    venue: str
    instruments: list[Instrument]
    marks: dict[int, int]
    leads: list[LeadSurvey]
    accounts: list[AccountSurvey]
    clock_offset_ns: int  # the venue's clock less ours
    round_trips_ns: list[int]
    budgets: list[Budget] = []
    notes: list[str] = []


class LiveVenue(Venue, Depth, Protocol):
    """A venue that is really there. `failure` is set when its session broke: nothing more comes."""

    @property
    def failure(self) -> Exception | None: ...

    def recall(self, unfinished: Unfinished, now_ns: int) -> None:
        """Before `start`: what a journal leaves open. It is asked about, never sent."""
        ...

    async def start(self) -> None: ...

    async def stop(self, timeout_s: float = 10.0) -> None:
        """Cancel what is open (where the settings say so), wait for the answers, close."""
        ...

    def counters(self) -> dict[str, int]: ...


class WithDepth(Session, Depth, Protocol):
    """A session that keeps whole books."""


class LiveDriver(Driver):
    """A driver that shows the books of its session."""

    session: WithDepth

    def depth(self, instrument: int) -> tuple[Sequence[Level], Sequence[Level], int] | None:
        return self.session.depth(instrument)

    def recall(self, unfinished: Unfinished, now_ns: int) -> None:
        self.session.recall(unfinished, now_ns)


def drive(
    session: WithDepth,
    clock: Callable[[], int],
    keys: Keyring | None,
    signer: Signer | None,
    on_ready: Callable[[], None],
) -> LiveDriver:
    """A session over real sockets. Batches are signed by `signer`, or here where there is none."""
    sign_here = (lambda one: keys.sign_all([one])[0]) if keys and signer is None else None
    return LiveDriver(session, clock, signer, sign_here, on_ready)


class Gateway(Protocol):
    name: str
    real_money: bool  # False for testnets and twins
    shown_after_ns: int  # how long a trade may take until `positions` shows it

    async def survey(
        self,
        leads: Sequence[str],
        ours: Sequence[Ours],
        known: Sequence[Instrument],
        keys: Keyring | None = None,
        signer: Signer | None = None,
    ) -> Survey:
        """Ask the venue; with keys where it wants a log-in. Raises VenueError: out of reach, or an unusable answer."""
        ...

    async def positions(self, ours: Sequence[Ours]) -> dict[int, dict[int, int]]:
        """What our accounts hold now: lots by account and instrument, all of it. Raises VenueError."""
        ...

    def open(
        self,
        survey: Survey,
        keys: Keyring | None,
        journal: int,
        on_ready: Callable[[], None],
        signer: Signer | None = None,
        cancel_on_stop: bool = True,
    ) -> LiveVenue:
        """Without keys: public data only. `journal`: 64 bits that tell this journal's orders from all others."""
        ...
