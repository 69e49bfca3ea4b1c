"""Two venues looked at as one: leads of the first, our account on the second. The instruments we trade come first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from pilotfish.domain.instrument import Instrument
from pilotfish.venues.gateway import AccountSurvey, Gateway, LeadSurvey, LiveVenue, Ours, Signer, Survey
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.worlds.live.pair import PairVenue

T = TypeVar("T")


class PairGateway:
    """`leads` is read without an account; `trade` is where orders go."""

    def __init__(self, leads: Gateway, trade: Gateway) -> None:
        self._leads, self._trade = leads, trade
        self.name, self.real_money = f"{leads.name} on {trade.name}", trade.real_money
        self.shown_after_ns = trade.shown_after_ns
        self._surveys: tuple[Survey, Survey] | None = None
        self._ids: tuple[dict[int, int], dict[int, int]] = ({}, {})  # each venue's own id → the run's

    async def survey(
        self, leads: Sequence[str], ours: Sequence[Ours], known: Sequence[Instrument], keys: Keyring | None = None,
        signer: Signer | None = None,
    ) -> Survey:  # fmt: skip
        """Raises what either venue raises."""
        traded = [one for one in known if one.venue == self._trade.name]
        followed = [one for one in known if one.venue != self._trade.name]
        there = await self._leads.survey(leads, [], _counted(followed))
        here = await self._trade.survey([], ours, _counted(traded), keys, signer)
        self._surveys = there, here
        free = len(known)
        ids_here, free = _assigned(here.instruments, traded, free)
        ids_there, free = _assigned(there.instruments, followed, free)
        self._ids = ids_there, ids_here
        instruments = _renumbered(here.instruments, ids_here) + _renumbered(there.instruments, ids_there)
        found = [_lead(one, ids_there) for one in there.leads]
        offset_ns = max(here.clock_offset_ns, there.clock_offset_ns, key=abs)
        return Survey(
            self.name, sorted(instruments, key=lambda one: one.id),
            {**_keyed(here.marks, ids_here), **_keyed(there.marks, ids_there)}, found,
            [_account(one, ids_here) for one in here.accounts], offset_ns, here.round_trips_ns,
            [*here.budgets, *there.budgets], [*here.notes, *there.notes],
        )  # fmt: skip

    async def positions(self, ours: Sequence[Ours]) -> dict[int, dict[int, int]]:
        held = await self._trade.positions(ours)
        return {who: _keyed(positions, self._ids[1]) for who, positions in held.items()}

    def open(
        self, survey: Survey, keys: Keyring | None, journal: int, on_ready: Callable[[], None],
        signer: Signer | None = None, cancel_on_stop: bool = True,
    ) -> LiveVenue:  # fmt: skip
        assert self._surveys is not None, "survey it first"
        there, here = self._surveys
        ids_there, ids_here = self._ids
        ours = msgspec.structs.replace(here, instruments=_renumbered(here.instruments, ids_here))
        trade = self._trade.open(ours, keys, journal, on_ready, signer, cancel_on_stop)
        leads = self._leads.open(there, None, journal, on_ready)
        ids = [ids_there[one.id] for one in there.instruments]
        return PairVenue(leads, trade, ids, len(survey.instruments))


def _counted(known: Sequence[Instrument]) -> list[Instrument]:
    return [msgspec.structs.replace(one, id=k) for k, one in enumerate(known)]


def _assigned(listed: Sequence[Instrument], known: Sequence[Instrument], free: int) -> tuple[dict[int, int], int]:
    """(a venue's own id → the run's, the next free id): those known keep theirs."""
    before = {k: one.id for k, one in enumerate(known)}
    new = [one.id for one in listed if one.id not in before]
    return before | {own: free + k for k, own in enumerate(new)}, free + len(new)


def _renumbered(listed: Sequence[Instrument], ids: Mapping[int, int]) -> list[Instrument]:
    return [msgspec.structs.replace(one, id=ids[one.id]) for one in listed]


def _keyed(values: Mapping[int, T], ids: Mapping[int, int]) -> dict[int, T]:
    return {ids[key]: value for key, value in values.items()}


def _lead(one: LeadSurvey, ids: Mapping[int, int]) -> LeadSurvey:
    return msgspec.structs.replace(one, positions=_keyed(one.positions, ids))


def _account(one: AccountSurvey, ids: Mapping[int, int]) -> AccountSurvey:
    return msgspec.structs.replace(one, positions=_keyed(one.positions, ids))
