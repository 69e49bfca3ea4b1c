"""Polymarket as a run needs it: asked over HTTP how things stand, then opened as a session over real sockets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec

from pilotfish.domain.errors import ConfigError, VenueError
from pilotfish.domain.instrument import Instrument
from pilotfish.venues.gateway import AccountSurvey, LeadSurvey, LiveVenue, Ours, Signer, Survey, drive
from pilotfish.venues.keys.key import KeyRefused
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.net.http import Answered, Http
from pilotfish.venues.net.terms import WireTerms
from pilotfish.venues.polymarket import bootstrap
from pilotfish.venues.polymarket.bootstrap import Question
from pilotfish.venues.polymarket.public.listing import Listing
from pilotfish.venues.polymarket.session import PolymarketSession
from pilotfish.venues.polymarket.settings import SECOND, Account, Credentials, Settings
from pilotfish.venues.polymarket.wire import auth
from pilotfish.venues.polymarket.wire.codec import API_KEY
from pilotfish.venues.polymarket.wire.signing import SignatureType, auth_request
from pilotfish.venues.session import Ask

TRIPS = 4
_WALLETS = {
    "eoa": SignatureType.EOA,
    "proxy": SignatureType.PROXY,
    "safe": SignatureType.SAFE,
    "deposit": SignatureType.POLY_1271,
}


class PolymarketGateway:
    """API keys are derived from the accounts' keys at every survey, and kept in memory alone.

    The key of a wallet's owner can move its money: the doctor says so of every account here.
    """

    name = "polymarket"
    shown_after_ns = 120 * SECOND  # settled on chain, then indexed

    def __init__(
        self,
        settings: Settings,
        *,
        real_money: bool = True,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.settings, self.real_money = settings, real_money
        self._clock = clock
        self._offer: bootstrap.Offer | None = None
        self._credentials: dict[int, Credentials] = {}

    async def survey(
        self,
        leads: Sequence[str],
        ours: Sequence[Ours],
        known: Sequence[Instrument],
        keys: Keyring | None = None,
        signer: Signer | None = None,
    ) -> Survey:
        """Raises VenueError: out of reach, or an answer that cannot be used; KeyRefused without a key to log in."""
        http = _Asker(self.settings, self._clock)
        try:
            offset_ns = await self._offset(http)
            accounts = [_account(one) for one in ours]
            for account in accounts:
                self._credentials[account.account] = await self._log_in(http, account, offset_ns, keys, signer)
            offer = self._offer = await self._listed(http, leads, accounts, known)
            started = [await self._lead(http, lead, offer.listing) for lead in leads]
            surveyed = [
                await self._standing(http, account, one, offer.listing)
                for account, one in zip(accounts, ours, strict=True)
            ]
        finally:
            await http.close()
        marks: dict[int, int] = {}
        for start in started:
            marks |= {key: price for key, (_, price) in start.positions.items()}
        found = [
            LeadSurvey(lead, start.equity, {key: lots for key, (lots, _) in start.positions.items()})
            for lead, start in zip(leads, started, strict=True)
        ]
        notes = [f"{symbol} is not to be found any more" for symbol in offer.gone]
        notes += [f"a lead holds {len(one.unlisted)} tokens that cannot be listed" for one in started if one.unlisted]
        return Survey(
            self.name, offer.instruments, marks, found, surveyed, offset_ns, http.trips_ns[1 : 1 + TRIPS], [], notes
        )

    async def positions(self, ours: Sequence[Ours]) -> dict[int, dict[int, int]]:
        """What our accounts hold now, by the data API: lots by account and instrument. Raises VenueError."""
        offer, http = self._surveyed(), _Asker(self.settings, self._clock)
        try:
            held = {one.account: await self._lead(http, one.address, offer.listing) for one in ours}
        finally:
            await http.close()
        return {who: {key: lots for key, (lots, _) in start.positions.items()} for who, start in held.items()}

    def open(
        self,
        survey: Survey,
        keys: Keyring | None,
        journal: int,
        on_ready: Callable[[], None],
        signer: Signer | None = None,
        cancel_on_stop: bool = True,
    ) -> LiveVenue:
        offer = self._surveyed()
        settings = msgspec.structs.replace(self.settings, journal=journal, cancel_on_stop=cancel_on_stop)
        accounts = [_account(one.ours) for one in survey.accounts] if keys else []
        positions = [one.positions for one in survey.leads] + [one.positions for one in survey.accounts]
        held = {key for each in positions for key, lots in each.items() if lots}
        session = PolymarketSession(
            settings, offer.listing, [lead.address for lead in survey.leads], accounts, keys, self._credentials,
            watch=sorted(held),
        )  # fmt: skip
        return drive(session, self._clock, keys, signer, on_ready)

    def _surveyed(self) -> bootstrap.Offer:
        if self._offer is None:
            raise ConfigError("the venue", "was not looked at before it is used", "survey it first")
        return self._offer

    async def _log_in(
        self, http: _Asker, account: Account, offset_ns: int, keys: Keyring | None, signer: Signer | None
    ) -> Credentials:
        """The account's API key: derived where there is one, else made. Raises VenueError, KeyRefused."""
        seconds = (self._clock() + offset_ns) // SECOND
        request = auth_request(account.key, seconds)
        signed = keys.sign(request) if keys else None
        if signed is None and signer is not None:
            (signed,) = await signer([request])
        if signed is None:
            raise KeyRefused(f"no key for {account.key[:42]}", "", "add it to the keystore, or mend `key`")
        headers = auth.l1_headers(account.key, seconds, signed)
        status = 0
        for method, path in (("GET", "/auth/derive-api-key"), ("POST", "/auth/api-key")):
            answer = await http.ask(Question(method, self.settings.clob_url, path), headers)
            status = answer.status
            if status in (200, 201):
                return auth.credentials(API_KEY.decode(answer.body))
        what = f"{self.settings.clob_url}/auth"
        raise VenueError(what, f"answered {status}", "check the account's key, and that it has signed up")

    async def _listed(
        self, http: _Asker, leads: Sequence[str], accounts: Sequence[Account], known: Sequence[Instrument]
    ) -> bootstrap.Offer:
        """Markets of the journal, and of what leads and we hold."""
        tokens: list[str] = []
        for wallet in (*leads, *(account.address for account in accounts)):
            tokens += (await self._lead(http, wallet, Listing())).unlisted
        questions = bootstrap.listing_questions(self.settings, known, tokens)
        return bootstrap.listed([(await http.well(one)).body for one in questions], known)

    async def _lead(self, http: _Asker, lead: str, listing: Listing) -> bootstrap.LeadStart:
        questions = bootstrap.lead_questions(self.settings, lead)
        return bootstrap.lead_start([(await http.well(one)).body for one in questions], listing)

    async def _standing(self, http: _Asker, account: Account, ours: Ours, listing: Listing) -> AccountSurvey:
        answers = []
        for one in bootstrap.account_questions(self.settings, account):
            headers: dict[str, str] = {}
            if one.account is not None:
                seconds, made = self._clock() // SECOND, self._credentials[account.account]
                headers = auth.l2_headers(made, account.key, seconds, one.method, one.path, one.body or None)
            answers.append((await http.well(one, headers)).body)
        start = bootstrap.account_start(account, answers, listing)
        may_trade = not start.closed_only and start.allowed > 0
        note = "closed-only mode" if start.closed_only else "" if start.allowed else "no allowance for the exchanges"
        positions = {key: lots for key, (lots, _) in start.positions.items()}
        worth = sum(_value(listing, key, lots, price) for key, (lots, price) in start.positions.items())
        return AccountSurvey(ours, start.cash + worth, positions, start.orders, may_trade, True, note)

    async def _offset(self, http: _Asker) -> int:
        """The venue's clock less ours; its answer has seconds, so the nearest of a few counts."""
        found = []
        for _ in range(TRIPS):
            asked = self._clock()
            answer = await http.well(bootstrap.time_question(self.settings))
            found.append(bootstrap.clock_offset_ns(answer.body, asked, self._clock()))
        nearest = min(found, key=abs)
        return 0 if abs(nearest) <= SECOND // 2 else nearest


def _account(one: Ours) -> Account:
    """A key whose address is the account's own is that of an EOA; else the wallet's kind must be said."""
    kind = SignatureType.EOA if one.key == one.address else _WALLETS[one.wallet or "deposit"]
    return Account(one.account, one.address, one.key, int(kind))


class _Asker:
    """One request at a time, timed."""

    def __init__(self, settings: Settings, clock: Callable[[], int]) -> None:
        self._timeout_ns, self._clock = settings.ask_timeout_ns, clock
        self._http = Http(WireTerms())
        self.trips_ns: list[int] = []

    async def ask(self, question: Question, headers: dict[str, str] | None = None) -> Answered:
        """Raises VenueError when there is no answer."""
        began = self._clock()
        more = {"content-type": "application/json"} if question.body else {}
        ask = Ask(0, question.method, question.url, question.body, {**more, **(headers or {})}, self._timeout_ns)
        answer = await self._http.ask(ask)
        self.trips_ns.append(self._clock() - began)
        if isinstance(answer, str):
            raise VenueError(question.base + question.path, answer, "check the network, or the address in [venue]")
        return answer

    async def well(self, question: Question, headers: dict[str, str] | None = None) -> Answered:
        """Raises VenueError also when the venue refuses."""
        answer = await self.ask(question, headers)
        if answer.status != 200:
            raise VenueError(question.base + question.path, f"answered {answer.status}", "wait a minute, then again")
        return answer

    async def close(self) -> None:
        await self._http.close()


def _value(listing: Listing, instrument: int, lots: int, price: int) -> int:
    one = listing.get(instrument)
    return one.instrument.notional_floor(lots, price) if one is not None and price > 0 else 0
