"""Polymarket's twin: CLOB V2, data API and gamma over simulated matching, with what may go wrong there.

    twin = PolymarketTwin([listing("Will it rain?")], start_ns=now, sources={0: flow})
    account = twin.open_account(owner_address, signature_type=3, money=1_000_000_000)
    with serving(twin) as url: ...  # or `twins.virtual` joins it with a session

Written from the official client (polymarket-client 0.14), the venue's documentation, recorded messages, and what users
reported of refusals. No call was ever compared with the live venue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.sim.agenda import Agenda
from pilotfish.venues.sim.figures import OUTCOME
from pilotfish.venues.sim.flow import OrderFlow
from pilotfish.venues.twins.faults import Fault, TwinFaults, TwinSettings
from pilotfish.venues.twins.polymarket.accounts import Account, Accounts, ApiKey
from pilotfish.venues.twins.polymarket.bots import Bot
from pilotfish.venues.twins.polymarket.desk import Desk
from pilotfish.venues.twins.polymarket.guard import Heartbeats, Limits, LimitTerms
from pilotfish.venues.twins.polymarket.http import Api
from pilotfish.venues.twins.polymarket.markets import ONE, SHARE, Listing, Source, TwinMarket, instrument
from pilotfish.venues.twins.polymarket.people import LeadTrade, People, What, timed
from pilotfish.venues.twins.polymarket.records import Trade
from pilotfish.venues.twins.polymarket.settle import Settlements, SettlementTimes
from pilotfish.venues.twins.polymarket.streams import Streams
from pilotfish.venues.twins.polymarket.wallets import raw_address, shown
from pilotfish.venues.twins.port import Answer, Push

SECOND = 1_000_000_000
MS = 1_000_000
SKEWED_NS = 5 * SECOND


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How the twin runs, ns. `limits` None: no rate limits."""

    step_ns: int = 100 * MS  # strangers act, and books are told, this often
    silent_ns: int = 60 * SECOND  # a stream on which the client says nothing is ended after this
    heartbeat_ns: int = 10 * SECOND
    index_ns: int = 4 * SECOND  # how long the data API takes to show what is on chain
    redeem_ns: int = 30 * SECOND  # how long leads wait after a resolution
    settlement: SettlementTimes = SettlementTimes()
    limits: LimitTerms | None = None
    page: int = 100  # rows of a page of orders or trades


class PolymarketTwin:
    """The venue. Books of record: `desk.orders`, `settlements.trades`, `desk.duplicates_received` (orders sent
    again under the same hash), `desk.doubled` (taken under a wallet's salt that was taken before), `accounts`."""

    def __init__(
        self,
        listed: Sequence[Listing],
        start_ns: int = 0,
        sources: Mapping[int, Source] | None = None,
        faults: TwinFaults | None = None,
        settings: TwinSettings | None = None,
        terms: Terms | None = None,
    ) -> None:
        self.faults, self.terms = faults or TwinFaults(), terms or Terms()
        self.settings = settings or TwinSettings()
        self.agenda = Agenda(start_ns)
        self.accounts = Accounts(self.settings.seed)
        self.streams = Streams(self.accounts, self.clock_ns, self.terms.silent_ns)
        self.settlements = Settlements(self.agenda, self.faults, self.terms.settlement, self._settling)
        self.desk = Desk(self.accounts, self.agenda, self.faults, self.settlements, self.streams, self.clock_ns)
        self.people = People(self.terms.index_ns)
        self.limits, self.heartbeats = Limits(self.terms.limits), Heartbeats(self.terms.heartbeat_ns)
        self._api = Api(self)
        self._until: dict[Fault, int] = {}  # faults that last, and their ends
        self._leads: set[str] = set()
        self._bots: list[Bot] = []
        given = sources or {}
        self.markets = [TwinMarket(number, one, given.get(number)) for number, one in enumerate(listed)]
        for market in self.markets:
            for token in market.listed.tokens:
                self.desk.markets[token] = self.streams.markets[token] = market
        self.agenda.at(start_ns, self._step)
        self.agenda.at(start_ns + SECOND, self._each_second)

    # driven by the server or in virtual time

    @property
    def pushes(self) -> list[Push]:
        return self.streams.pushes

    @pushes.setter
    def pushes(self, pushes: list[Push]) -> None:
        self.streams.pushes = pushes

    def opened(self, stream: int, path: str, now_ns: int) -> None:
        self.advance(now_ns)
        self.streams.opened(stream, path, now_ns)

    def closed(self, stream: int, now_ns: int) -> None:
        self.streams.closed(stream)

    def frame(self, stream: int, raw: bytes, now_ns: int) -> None:
        self.advance(now_ns)
        self.streams.frame(stream, raw, now_ns)

    def request(self, method: str, url: str, headers: dict[str, str], body: bytes, now_ns: int) -> Answer:
        self.advance(now_ns)
        for market in self.markets:
            self.desk.advance(market, self.agenda.now_ns)
        answer = self._api.answer(method, url, headers, body)
        self._publish()
        return answer

    def advance(self, now_ns: int) -> None:
        self.agenda.run(now_ns)
        self.streams.hang_up(now_ns)
        for key in self.heartbeats.missed(now_ns):
            self.heartbeat_missed(key)

    def next_ns(self) -> int | None:
        due = [self.agenda.next_ns(), self.heartbeats.next_ns()]
        if (heard := self.streams.next_ns()) is not None:
            due.append(heard + self.terms.silent_ns)
        return min(ns for ns in due if ns is not None)

    def clock_ns(self) -> int:
        """The venue's own clock."""
        return self.agenda.now_ns + self.settings.skew_ns + (SKEWED_NS if self._lasting(Fault.SKEW) else 0)

    # what a test or a world does to it

    def open_account(self, owner: str, signature_type: int = 3, money: int = 0) -> Account:
        """A wallet for the key with this address, with `money` (10^-6 USDC) and all allowances.

        Its `wallet` is the address that trades: the owner's own, or the proxy, Safe or deposit wallet that belongs to
        it. Raises ConfigError when it is open.
        """
        return self.accounts.open(owner, signature_type, money)

    def change_tick(self, number: int, tick: int) -> None:
        """As the venue does near 0 and 1. Resting orders stay as they are."""
        market = self.markets[number]
        if tick == market.tick or ONE % tick:
            raise ConfigError(f"tick {tick} of market {number}", "is no other tick of the venue's", "give 1 … 1000")
        old, market.tick = market.tick, tick
        if isinstance(market.source, OrderFlow):  # strangers keep to the new grid
            price = market.source.mark(number, self.agenda.now_ns)
            market.book.replace_anonymous([], [])
            listed = msgspec.structs.replace(market.listed, tick=tick)
            market.source = flow(number, listed, self.settings.seed + tick, price, self.agenda.now_ns)
        self.streams.tick_changed(market, old)

    def resolve(self, number: int, winner: int) -> None:
        """The market has an outcome: orders end, trading too, and tokens can be redeemed."""
        market = self.markets[number]
        if not market.open or winner not in (0, 1):
            raise ConfigError(f"outcome {winner} of market {number}", "cannot be", "resolve once, to 0 or 1")
        self.desk.close(market)
        market.winner = winner
        self.streams.resolved(market)
        self._publish()
        for wallet in sorted(self._leads):
            self.agenda.at(self.agenda.now_ns + self.terms.redeem_ns, partial(self._redeemed, wallet, number))

    def redeem(self, wallet: str, number: int) -> int:
        """Turn a resolved market's tokens into money, 10^-6; how much it was. For wallets of accounts and for leads."""
        market = self.markets[number]
        if market.winner is None:
            raise ConfigError(f"market {number}", "has no outcome yet", "resolve it first")
        account, now_ns = self.accounts.wallet(wallet), self.agenda.now_ns
        yes_no = market.listed.tokens
        if account is not None:
            lots = account.tokens.pop(yes_no[market.winner], 0)
            account.tokens.pop(yes_no[1 - market.winner], None)
            account.money += lots
        else:
            held = self.people.holdings(wallet, now_ns + self.terms.index_ns)
            found = held.get((number, market.winner))
            lots = found[1].lots if found else 0
            if not any(h.lots for (each, _), (_, h) in held.items() if each == number):
                return 0
        self.people.did(now_ns, wallet, What("REDEEM", market, -1, -1, lots, SHARE))
        return lots

    def split(self, wallet: str, number: int, lots: int) -> None:
        """Money into pairs of tokens, or (negative) pairs into money, 10^-6. Raises ConfigError where there is less."""
        market, account = self.markets[number], self.accounts.wallet(wallet)
        pair = market.listed.tokens
        if account is None or account.money < lots or min(account.tokens[token] for token in pair) < -lots:
            raise ConfigError(f"{lots} of pairs for {wallet}", "there is not enough", "open the account with more")
        for token, half in zip(pair, (abs(lots) // 2, abs(lots) - abs(lots) // 2), strict=True):
            account.move(token, 1 if lots > 0 else -1, abs(lots), half)
        kind, side = ("SPLIT", 1) if lots > 0 else ("MERGE", -1)
        self.people.did(self.agenda.now_ns, wallet, What(kind, market, -1, side, abs(lots), SHARE // 2))

    def trade_by_itself(self, address: str, number: int) -> None:
        """A lead trades this market from the seed, once a second at most, until `rest`."""
        self._leads.add(address.lower())
        self._bots.append(Bot(address, self.markets[number], self.settings.seed))

    def rest(self) -> None:
        """Leads that trade by themselves stop."""
        self._bots.clear()

    def api_key(self, owner: str) -> ApiKey:
        """The credentials of a key's address, made if there are none: for who does not want to ask over the wire."""
        address, keys = shown(raw_address(owner)), self.accounts
        return keys.derive(address, 0) if keys.keys_of(address) else keys.create(address, 0)

    def play(self, address: str, trades: Sequence[LeadTrade], start_ns: int, speed: float = 1.0) -> None:
        """A lead's trades happen from `start_ns` on: on the tape at once, in the data API `terms.index_ns` later.

        They do not meet the book: they are what was. Raises ConfigError for a token that is not listed here.
        """
        for trade in trades:
            if trade.token not in self.desk.markets:
                raise ConfigError(f"token {trade.token} of a lead", "is not listed", "list its market in the twin")
        self._leads.add(address.lower())
        for ns, trade in timed(trades, start_ns, speed):
            self.agenda.at(ns, partial(self._played, address, trade))

    # what happens by itself

    def key_unknown(self) -> bool:
        """Whether the venue has forgotten all keys, for a while."""
        if not self._lasting(Fault.AUTH) and self.faults.hit(Fault.AUTH):
            self._until[Fault.AUTH] = self.agenda.now_ns + self.faults.lasting_ns
        return self._lasting(Fault.AUTH)

    def heartbeat_missed(self, key: ApiKey) -> None:
        """Cancel all of a key's orders."""
        for order in self.desk.live_of(key.owner):
            self.desk.cancel(order)

    def _lasting(self, fault: Fault) -> bool:
        return self.agenda.now_ns < self._until.get(fault, 0)

    def _step(self) -> None:
        for market in self.markets:
            self.desk.advance(market, self.agenda.now_ns)
        self._publish()
        self.agenda.at(self.agenda.now_ns + self.terms.step_ns, self._step)

    def _publish(self) -> None:
        for market in self.markets:
            self.streams.publish(market)

    def _each_second(self) -> None:
        for fault in (Fault.SKEW, Fault.FROZEN):
            if not self._lasting(fault) and self.faults.hit(fault):
                self._until[fault] = self.agenda.now_ns + self.faults.lasting_ns
        self.streams.frozen = self._lasting(Fault.FROZEN)
        for bot in self._bots:
            if (trade := bot.trade(self.agenda.now_ns)) is not None:
                self._played(bot.address, trade)
        if self.faults.hit(Fault.CROSSED):
            self.streams.cross(self.markets[self.faults.draw(Fault.CROSSED, len(self.markets))])
        self.agenda.at(self.agenda.now_ns + SECOND, self._each_second)

    def _settling(self, trade: Trade) -> None:
        trade.updated_ns = self.clock_ns()
        if trade.status == "MINED":
            self.people.settled(trade, self.agenda.now_ns)
        self.streams.trade(trade)

    def _redeemed(self, wallet: str, number: int) -> None:
        self.redeem(wallet, number)

    def _played(self, address: str, trade: LeadTrade) -> None:
        market = self.desk.markets[trade.token]
        outcome = market.listed.tokens.index(trade.token)
        what = What("TRADE", market, outcome, trade.side, trade.lots, trade.price)
        self.people.did(self.agenda.now_ns, address, what)
        self.desk.printed(market, outcome, trade.side, trade.lots, min(max(trade.price // 100, 1), ONE - 1))


def flow(number: int, listed: Listing, seed: int, price: int, start_ns: int) -> OrderFlow:
    """Strangers for a market, from the figures fitted to outcome tokens; `price`: the efficient one, 10^-4."""
    return OrderFlow(instrument(number, listed), OUTCOME, seed, price, start_ns)
