"""Polymarket as a session: a market stream, a stream for each account of ours, and REST for what the streams lose.

It counts as up when the market stream and that of the pooled account have answered a PING since they were opened, the
dead man's switch of the pooled account is answered, and the leads' positions are known. Streams of separate accounts
may come and go: their orders are asked for by REST.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pilotfish.domain.events import Connection, Reconciled
from pilotfish.domain.orders import Command, Query
from pilotfish.gate.approved import Approved
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.polymarket.link import Link
from pilotfish.venues.polymarket.public.chain import Chain
from pilotfish.venues.polymarket.public.clock import Clock
from pilotfish.venues.polymarket.public.discovery import Discovery
from pilotfish.venues.polymarket.public.leads import Leads
from pilotfish.venues.polymarket.public.listing import Listing
from pilotfish.venues.polymarket.public.market import STREAM, Books
from pilotfish.venues.polymarket.public.resolutions import Resolutions
from pilotfish.venues.polymarket.settings import OMNIBUS, SECOND, Account, Credentials, Settings
from pilotfish.venues.polymarket.streams import Streams
from pilotfish.venues.polymarket.trading.desk import Trading
from pilotfish.venues.polymarket.trading.heartbeat import Heartbeats
from pilotfish.venues.polymarket.trading.posting import Guards
from pilotfish.venues.polymarket.wire.assets import VENUE
from pilotfish.venues.polymarket.wire.auth import stream_auth
from pilotfish.venues.polymarket.wire.codec import MARKET, USER, Heard
from pilotfish.venues.polymarket.wire.messages import PONG, MarketMessage, SubscribeUser, UserMessage
from pilotfish.venues.session import Linked, Unfinished
from pilotfish.venues.trust import Trust

_QUESTION_NS_MAX = 15 * SECOND  # a question without an answer for so long gives way to the next
_LOOK_NS = SECOND // 4


class PolymarketSession(Linked[Link]):
    """A `Session`. `leads[k]` is the wallet of lead k; without `accounts` it listens only.

    `credentials`: each account's API key. The venue refuses an order whose hash it has seen, so ids are idempotent.
    """

    name = VENUE
    idempotent_ids = True

    def __init__(
        self,
        settings: Settings,
        listing: Listing,
        leads: Sequence[str],
        accounts: Sequence[Account],
        keys: Keyring | None,
        credentials: Mapping[int, Credentials],
        trust: Trust | None = None,
        watch: Iterable[int] = (),
    ) -> None:
        self._accounts = {one.account: (one, credentials[one.account]) for one in accounts}
        self._link = Link(settings, self._accounts)
        self.trust = trust or Trust()
        self.books = Books(self._link, listing, self.trust)
        self._streams = Streams(self._link, self._gone)
        self._clock = Clock(self._link, self.trust)
        self.resolutions = Resolutions(self._link, listing, lambda: self.books.watched)
        guards = Guards(self._alive, self.resolutions.winners.__contains__)
        self.trading = Trading(self._link, listing, keys, guards)
        self._beats = Heartbeats(self._link, self._want_beats, self._beat_changed)
        self._leads = Leads(self._link, listing, leads)
        self._discovery = Discovery(self._link, listing, self._listed)
        self._chain = Chain(self._link, list(leads), self._leads.heard, self._leads.doubtful)
        self._leads.on_trade = self.books.watch
        self._leads.on_unlisted = self._discovery.want
        self._leads.on_redeem = self.resolutions.want
        self.books.on_tick = self._tick_changed
        self.books.on_resolved = self.resolutions.told
        self.resolutions.over = self._over
        self._listing, self._watch = listing, tuple(watch)
        self._question = 0
        self._question_ns = -_QUESTION_NS_MAX
        self._due_ns = 0
        self._stop_ns = -1

    def provisional(self) -> dict[int, int]:
        """Instrument → lots bought less lots sold that are matched and not confirmed on the chain."""
        return self.trading.settlements.provisional

    def depth(self, instrument: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]], int] | None:
        """The latest whole book: bids and asks as (price, lots), best first, and the venue's stamp."""
        return self.books.depth(instrument)

    def watch(self, instrument: int, now_ns: int) -> None:
        """Follow an instrument's book and mark."""
        self.books.watch(instrument, now_ns)

    def recall(self, unfinished: Unfinished, now_ns: int) -> None:
        """Before `start`, at every start: without it a question about an order of before is not answered."""
        self.trading.reconciling.recall(unfinished.orders, unfinished.settling, now_ns)
        self._leads.recall(unfinished.held)

    # -- streams and answers -------------------------------------------------------------------------------------------

    def start(self, now_ns: int) -> None:
        for instrument in self._watch:
            self.books.watch(instrument, now_ns)
        self._streams.start(STREAM, self._link.settings.market_ws_url)
        for account in self._accounts:
            self._streams.start(_user(account), self._link.settings.user_ws_url)
        self.trading.reconciling.start(now_ns)
        self.tick(now_ns)

    def opened(self, name: str, now_ns: int) -> None:
        if not self._streams.opened(name, now_ns):
            return
        if name == STREAM:
            self.books.opened(now_ns)
            self.resolutions.sweep(now_ns)
        else:
            account = int(name.removeprefix("user "))
            self._link.send(name, SubscribeUser(stream_auth(self._accounts[account][1])))
        self._streams.ping(name, now_ns)

    def lost(self, name: str, why: str, now_ns: int) -> None:
        if not self.stopped:
            self._streams.lost(name, now_ns)

    def frame(self, name: str, raw: bytes, now_ns: int) -> None:
        pong = raw == PONG
        if not self._streams.heard(name, now_ns, pong=pong):
            return
        if name == STREAM:
            if pong:
                self.trust.probed(now_ns)
            market: Heard[MarketMessage] = MARKET.hear(raw)
            self._refused(len(market.refused))
            self.books.hear(market.messages, now_ns)
        else:
            user: Heard[UserMessage] = USER.hear(raw)
            self._refused(len(user.refused))
            self.trading.hear(user.messages, now_ns)
        if pong:
            self._settle(now_ns)

    def answered(self, ask: int, status: int, headers: dict[str, str], body: bytes, now_ns: int) -> None:
        self._link.answered(ask, status, headers, body, now_ns)
        self.trading.results.flush(now_ns)
        self._settle(now_ns)

    def failed(self, ask: int, why: str, now_ns: int) -> None:
        self._link.failed(ask, now_ns)
        self._settle(now_ns)

    def signed(self, sign: int, first: int, signatures: Sequence[bytes], now_ns: int) -> None:
        self.trading.posting.signed(sign, first, signatures, now_ns)

    # -- commands and time ---------------------------------------------------------------------------------------------

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        self.trading.submit(commands, now_ns)
        for approved in commands:
            if isinstance(approved.command, Query):
                self._ask(approved.command, now_ns)

    def tick(self, now_ns: int) -> None:
        if self.stopped:
            return
        self._link.tick(now_ns)
        self._streams.tick(now_ns)
        if self.trust.needs_probe(now_ns):
            self._streams.probe(STREAM, now_ns)
        self._clock.tick(now_ns)
        self._beats.tick(now_ns)
        self.trading.tick(now_ns)
        self._leads.tick(now_ns)
        self._chain.tick(now_ns)
        self._discovery.tick(now_ns)
        self.resolutions.tick(now_ns)
        self.books.tick(now_ns)
        self._settle(now_ns)
        self._due_ns = now_ns + _LOOK_NS
        if self._stop_ns >= 0 and self.trading.quiet(now_ns):
            self._beats.stop()
            self._streams.stop()
            self._stop_ns = -2

    def next_ns(self) -> int | None:
        if self.stopped:
            return None
        parts = (
            self._link, self._streams, self._clock, self._beats, self.trading, self._leads, self._chain,
            self._discovery, self.resolutions, self.books,
        )  # fmt: skip
        due = [ns for part in parts if (ns := part.next_ns()) is not None]
        return min([self._due_ns, *due])

    def stop(self, now_ns: int) -> None:
        """No order leaves from now on; what is open is cancelled where the settings say so."""
        if self._stop_ns == -1:
            self._stop_ns = now_ns
            self.trading.stop(now_ns)
            self.tick(now_ns)

    @property
    def stopped(self) -> bool:
        return self._stop_ns == -2

    def counters(self) -> dict[str, int]:
        surplus = sum(abs(lots) for lots in self.trading.results.surplus.values())
        provisional = sum(abs(lots) for lots in self.provisional().values())
        return {**self._link.counts, "provisional lots": provisional, "surplus lots held": surplus}

    # -- what holds it together ----------------------------------------------------------------------------------------

    def _settle(self, now_ns: int) -> None:
        """Up or down, told when it changes."""
        pooled = OMNIBUS in self._accounts
        up = self._streams.proven(STREAM) and self._leads.ready
        up = up and (not pooled or (self._streams.proven(_user(OMNIBUS)) and self._beats.alive(OMNIBUS, now_ns)))
        if up and not self._link.up:
            self._connect(True, now_ns)

    def _connect(self, up: bool, now_ns: int) -> None:
        if self._link.up != up:
            self._link.up = up
            self._link.told.append(Connection(self._link.venue_ns(now_ns), now_ns, up))

    def _gone(self, name: str, now_ns: int) -> None:
        if name == STREAM:
            self.books.lost(now_ns)
        else:
            self.trading.unknown(int(name.removeprefix("user ")), now_ns)
        if name in (STREAM, _user(OMNIBUS)):
            self._connect(False, now_ns)

    def _ask(self, query: Query, now_ns: int) -> None:
        """One question at a time; the engine asks again."""
        if now_ns - self._question_ns < _QUESTION_NS_MAX:
            return
        self._question_ns = now_ns
        self._question += 1
        number = self._question

        def orders(told: bool, then_ns: int) -> None:
            if not told:
                return answer(None, then_ns)
            self.trading.reconciling.reconcile(query, then_ns, answer)

        def answer(reconciled: Reconciled | None, then_ns: int) -> None:
            if number != self._question:
                return
            self._question_ns = -_QUESTION_NS_MAX
            if reconciled is None:
                self._link.counts["questions not answered"] += 1
            elif self._link.up:
                self._link.told.append(reconciled)

        self._leads.reconcile(now_ns, orders)

    def _alive(self, account: int, now_ns: int) -> bool:
        return self._stop_ns == -1 and self._beats.alive(account, now_ns)

    def _want_beats(self) -> set[int]:
        """The pooled account always; of the others those that have orders which may rest."""
        return {OMNIBUS} & set(self._accounts) | self.trading.working.accounts()

    def _beat_changed(self, account: int, alive: bool, now_ns: int) -> None:
        """Missed: the server cancels everything, or has. Answered again: it is asked what is left."""
        self.trading.unknown(account, now_ns)
        if account == OMNIBUS and not alive:
            self._connect(False, now_ns)

    def _tick_changed(self, instrument: int, tick: int, now_ns: int) -> None:
        self._listing.tick_changed(instrument, tick)
        self.trading.ask_open(instrument, now_ns)

    def _over(self, instrument: int, now_ns: int) -> None:
        """The venue cancels what rests; how that ended is asked for."""
        self.books.over(instrument, now_ns)
        self._leads.over(instrument)
        self.trading.ask_open(instrument, now_ns)

    def _listed(self, token: str, now_ns: int) -> None:
        listed = self._listing.of_token(token)
        if listed is not None:
            self.books.watch(listed.instrument.id, now_ns)
            self._leads.listed(token, now_ns)

    def _refused(self, count: int) -> None:
        for _ in range(count):
            self._link.set_aside("frame")


def _user(account: int) -> str:
    return f"user {account}"
