"""Hyperliquid as a run needs it: asked over HTTP how things stand, then opened as a session over real sockets."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from pilotfish.domain.errors import ConfigError, VenueError
from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.venues.decimals import fixed_floor
from pilotfish.venues.gateway import AccountSurvey, Budget, LeadSurvey, LiveVenue, Ours, Signer, Survey, drive
from pilotfish.venues.hyperliquid import agent, bootstrap
from pilotfish.venues.hyperliquid.accounts import Account, Settings
from pilotfish.venues.hyperliquid.session import HyperliquidSession
from pilotfish.venues.hyperliquid.wire.answers import Accepted, PerpMeta
from pilotfish.venues.hyperliquid.wire.assets import Listing
from pilotfish.venues.hyperliquid.wire.codec import L2_BOOK, OPEN_ORDERS, RATE_LIMIT, REPLY, encode
from pilotfish.venues.hyperliquid.wire.messages import Ctx
from pilotfish.venues.keys.key import Key
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.net.http import Answered, Http
from pilotfish.venues.net.terms import WireTerms
from pilotfish.venues.reading import Reading
from pilotfish.venues.session import SECOND, Ask

MS = 1_000_000
PROBES = 4
BOOK_AGE_NS_MAX = 2 * SECOND  # the liquid book that clocks are compared by is never older
CONTEXTS: Reading[tuple[PerpMeta, list[Ctx]]] = Reading("metaAndAssetCtxs", tuple[PerpMeta, list[Ctx]])


class HyperliquidGateway:
    """`symbols`: only these are listed; none: every perpetual of the venue's own exchange."""

    name = "hyperliquid"
    shown_after_ns = 0

    def __init__(
        self,
        settings: Settings,
        symbols: Collection[str] = (),
        *,
        real_money: bool = True,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.settings, self.real_money = settings, real_money
        self._symbols, self._clock = tuple(symbols), clock
        self._market: bootstrap.Market | None = None

    async def survey(
        self,
        leads: Sequence[str],
        ours: Sequence[Ours],
        known: Sequence[Instrument],
        keys: Keyring | None = None,
        signer: Signer | None = None,
    ) -> Survey:
        """Raises VenueError: out of reach, or an answer that cannot be used. Raises ConfigError for unknown symbols."""
        http = _Asker(self.settings, self._clock)
        try:
            market = self._market = await self._listed(http, known)
            marks = await self._marks(http, market)
            started = [await self._lead(http, lead, market) for lead in leads]
            accounts = [_account_of(one) for one in ours]
            surveyed, budgets, instruments = [], list[Budget](), market.instruments
            for account, one in zip(accounts, ours, strict=True):
                found, budget, fees = await self._account(http, account, one, market)
                surveyed.append(found)
                budgets.append(budget)
                if not known:
                    instruments = bootstrap.with_fees(instruments, fees)
            offset_ns = await self._offset(http, market)
        finally:
            await http.close()
        notes = [f"{symbol} is not traded here any more" for symbol in market.gone]
        trips_ns = http.trips_ns[1:]  # the first one has the connection in it
        return Survey(self.name, instruments, marks, started, surveyed, offset_ns, trips_ns, budgets, notes)

    async def positions(self, ours: Sequence[Ours]) -> dict[int, dict[int, int]]:
        """What our accounts hold now: lots by account and instrument. Raises VenueError."""
        market, http = self._surveyed(), _Asker(self.settings, self._clock)
        try:
            held = {one.account: await self._lead(http, _account_of(one).trades_as, market) for one in ours}
        finally:
            await http.close()
        return {account: found.positions for account, found in held.items()}

    def _surveyed(self) -> bootstrap.Market:
        if self._market is None:
            raise ConfigError("the venue", "was not looked at before it is used", "survey it first")
        return self._market

    def open(
        self,
        survey: Survey,
        keys: Keyring | None,
        journal: int,
        on_ready: Callable[[], None],
        signer: Signer | None = None,
        cancel_on_stop: bool = True,
    ) -> LiveVenue:
        """Raises ConfigError when nothing was surveyed before."""
        market = self._surveyed()
        settings = msgspec.structs.replace(self.settings, journal=journal, cancel_on_stop=cancel_on_stop)
        by_symbol = {one.symbol: one for one in survey.instruments}
        traded = market.listing.by_coin.values()
        listing = Listing(one._replace(instrument=by_symbol[one.instrument.symbol]) for one in traded)
        accounts = [_account_of(one.ours) for one in survey.accounts] if keys else []
        positions = [one.positions for one in survey.leads] + [one.positions for one in survey.accounts]
        held = {key for each in positions for key, lots in each.items() if lots}
        session = HyperliquidSession(
            settings, listing, [lead.address for lead in survey.leads], accounts, keys, watch=sorted(held)
        )
        return drive(session, self._clock, keys, signer, on_ready)

    async def approve(self, main: Key, agent_address: str, name: str | None) -> None:
        """Authorise an agent for the main key's account. Raises VenueError with the venue's words when it refuses."""
        now_ms = self._clock() // MS
        body = agent.authorisation(main, agent_address, name, now_ms, mainnet=self.settings.mainnet)
        http = _Asker(self.settings, self._clock)
        try:
            reply = REPLY.decode(await http.post("/exchange", body, "approveAgent"))
        finally:
            await http.close()
        if not isinstance(reply, Accepted):
            raise VenueError("approveAgent", reply.response[:200], "the account needs a deposit before its first agent")

    async def _listed(self, http: _Asker, known: Sequence[Instrument]) -> bootstrap.Market:
        answers = [await http.info(body) for body in bootstrap.listing_questions()]
        dexes = sorted({symbol.partition(":")[0] for symbol in self._symbols if ":" in symbol})
        spot = any("/" in symbol or symbol.startswith("@") for symbol in self._symbols)
        market = bootstrap.listed(answers, known, (Kind.PERP, Kind.SPOT) if spot else (Kind.PERP,), dexes)
        if not self._symbols:
            return market
        if unknown := sorted(set(self._symbols) - set(market.listing.by_coin)):
            raise ConfigError(f"instruments {', '.join(unknown)}", "are not listed at the venue", "mend [venue]")
        known_symbols = {one.symbol for one in known}
        wanted = [one for one in market.instruments if one.symbol in self._symbols or one.symbol in known_symbols]
        ids = {one.symbol: number for number, one in enumerate(wanted)}
        listed = [msgspec.structs.replace(one, id=ids[one.symbol]) for one in wanted]
        traded = [market.listing.by_coin[one.symbol]._replace(instrument=one) for one in listed
                  if one.symbol in market.listing.by_coin]  # fmt: skip
        return market._replace(listing=Listing(traded), instruments=listed, new=len(listed) - len(known))

    async def _marks(self, http: _Asker, market: bootstrap.Market) -> dict[int, int]:
        marks: dict[int, int] = {}
        for dex in ("", *market.dexes):
            body = {"type": "metaAndAssetCtxs"} | ({"dex": dex} if dex else {})
            meta, contexts = CONTEXTS.decode(await http.info(body))
            for asset, context in zip(meta.universe, contexts, strict=False):
                one = market.listing.by_coin.get(asset.name)
                if one is not None:
                    marks[one.instrument.id] = fixed_floor(context.markPx, one.instrument.price_decimals)
        return marks

    async def _lead(self, http: _Asker, lead: str, market: bootstrap.Market) -> LeadSurvey:
        answers = [await http.info(body) for body in bootstrap.lead_questions(lead, market.dexes)]
        started = bootstrap.lead_start(answers, market.listing)
        return LeadSurvey(lead, started.equity, {key: lots for key, (lots, _) in started.positions.items()})

    async def _account(
        self, http: _Asker, account: Account, ours: Ours, market: bootstrap.Market
    ) -> tuple[AccountSurvey, Budget, bootstrap.UserFees]:
        answers = [await http.info(body) for body in bootstrap.account_questions(account, market.dexes)]
        start = bootstrap.account_start(account, answers, market.listing)
        role, agents = [await http.info(body) for body in agent.questions(account)]
        may = agent.permissions(
            account, agent.ROLE.decode(role), agent.EXTRA_AGENTS.decode(agents), self._clock() // MS
        )
        orders = OPEN_ORDERS.decode(await http.info({"type": "openOrders", "user": account.trades_as}))
        positions = {key: lots for key, (lots, _) in start.positions.items()}
        found = AccountSurvey(ours, start.equity, positions, len(orders), may.trade, may.withdraw, may.why)
        limit = RATE_LIMIT.decode(answers[-1])
        budget = Budget(
            f"requests of {account.trades_as[:6]}…{account.trades_as[-4:]}", limit.nRequestsUsed, limit.nRequestsCap
        )
        return found, budget, start.fees

    async def _offset(self, http: _Asker, market: bootstrap.Market) -> int:
        """The venue's clock less ours, ns: 0 where that is possible, else by how much they differ at the least.

        A book's stamp is not later than the answer, and a liquid book's not much earlier; the HTTP date has seconds.
        """
        coin = next(iter(market.listing.by_coin))
        low, high = -(2**62), 2**62
        for _ in range(PROBES):
            sent = self._clock()
            answer = await http.ask({"type": "l2Book", "coin": coin})
            received = self._clock()
            stamp = L2_BOOK.decode(answer.body).time * MS
            low = max(low, stamp - received)
            high = min(high, stamp + BOOK_AGE_NS_MAX - sent)
            if (date := _date_ns(answer)) is not None and date + SECOND - sent >= low:
                high = min(high, date + SECOND - sent)
        return min(max(0, low), max(high, low))


class _Asker:
    """POST /info, one at a time, timed."""

    def __init__(self, settings: Settings, clock: Callable[[], int]) -> None:
        self._settings, self._clock = settings, clock
        self._http = Http(WireTerms())
        self.trips_ns: list[int] = []

    async def info(self, body: dict[str, Any]) -> bytes:
        return (await self.ask(body)).body

    async def ask(self, body: dict[str, Any]) -> Answered:
        """Raises VenueError."""
        return await self._post("/info", encode(body), body["type"])

    async def post(self, path: str, body: bytes, what: str) -> bytes:
        """Raises VenueError."""
        return (await self._post(path, body, what)).body

    async def _post(self, path: str, body: bytes, what: str) -> Answered:
        url, began = f"{self._settings.http_url}{path}", self._clock()
        headers = {"content-type": "application/json"}
        answer = await self._http.ask(Ask(0, "POST", url, body, headers, self._settings.info_timeout_ns))
        self.trips_ns.append(self._clock() - began)
        what = f"{self._settings.http_url} ({what})"
        if isinstance(answer, str):
            raise VenueError(what, answer, "check the network, or the address in [venue]")
        if answer.status != 200:
            raise VenueError(what, f"answered {answer.status}", "wait a minute and try again")
        return answer

    async def close(self) -> None:
        await self._http.close()


def _account_of(one: Ours) -> Account:
    return Account(one.account, one.address, one.key, one.vault or None)


def _date_ns(answer: Answered) -> int | None:
    try:
        return int(parsedate_to_datetime(answer.headers["date"]).timestamp()) * SECOND
    except (KeyError, ValueError, TypeError):
        return None
