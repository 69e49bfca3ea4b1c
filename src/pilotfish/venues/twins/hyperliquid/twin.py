"""The twin itself: HTTP and WebSocket in front, time behind. Everything from a seed and the times it is given."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from pilotfish.domain.errors import VenueError
from pilotfish.domain.events import LeadFill
from pilotfish.domain.instrument import Instrument, to_units_floor
from pilotfish.venues.hyperliquid.wire.answers import OrderHistory, Status
from pilotfish.venues.hyperliquid.wire.messages import UserFill
from pilotfish.venues.sim.agenda import Agenda
from pilotfish.venues.twins.faults import SECOND, Fault, TwinFaults
from pilotfish.venues.twins.hyperliquid import clock, listing
from pilotfish.venues.twins.hyperliquid.account import Account
from pilotfish.venues.twins.hyperliquid.actions import Desk
from pilotfish.venues.twins.hyperliquid.bots import Bot
from pilotfish.venues.twins.hyperliquid.core import Core
from pilotfish.venues.twins.hyperliquid.door import Door
from pilotfish.venues.twins.hyperliquid.info import Info
from pilotfish.venues.twins.hyperliquid.limits import Limits
from pilotfish.venues.twins.hyperliquid.order import Wanted
from pilotfish.venues.twins.hyperliquid.play import Due, Player
from pilotfish.venues.twins.hyperliquid.settings import HOUR, MONEY, HyperliquidSettings
from pilotfish.venues.twins.hyperliquid.streams import Listener, Streams
from pilotfish.venues.twins.hyperliquid.wallets import Wallets
from pilotfish.venues.twins.port import Answer, Push

SKEW_FAULT_NS = 10 * SECOND


class HyperliquidTwin:
    """A venue that begins at `start_ns`. See `venues.twins.port` for how it is driven."""

    def __init__(
        self, start_ns: int, settings: HyperliquidSettings | None = None, faults: TwinFaults | None = None
    ) -> None:
        self.settings = settings or HyperliquidSettings()
        self.faults = faults or TwinFaults(self.settings.seed)
        self.core = Core(self.settings, listing.markets(self.settings, start_ns), start_ns)
        self.wallets, self.limits = Wallets(), Limits(self.settings)
        self.info = Info(self.core, self.wallets, self.limits)
        self.desk = Desk(self.core, self.wallets, self.limits, self.faults)
        self.streams = Streams(self.core, self.info, self.faults)
        self._door = Door(self.core, self.info, self.desk, self.streams, self.limits, self.faults)
        self._player = Player(self.core)
        self._bots: list[Bot] = []
        self._agenda = Agenda(start_ns)
        self._second_ns = self._book_ns = start_ns
        self._hour = start_ns // HOUR
        self._frozen_until_ns = self._skewed_until_ns = start_ns
        for market in self.core.markets.values():
            clock.move(self.core, market)
        self.core.news.clear()
        self._agenda.at(start_ns + self.settings.tick_ns, self._tick)

    # -- the port ------------------------------------------------------------------------------------------------------

    @property
    def pushes(self) -> list[Push]:
        """What is to be sent; who drives takes it away."""
        return self.streams.pushes

    @pushes.setter
    def pushes(self, pushes: list[Push]) -> None:
        self.streams.pushes = pushes

    def opened(self, stream: int, path: str, now_ns: int) -> None:
        self.advance(now_ns)
        if path.partition("?")[0] != "/ws":
            self.pushes.append(Push(stream, None))
            return
        self.streams.up[stream] = Listener(now_ns)

    def closed(self, stream: int, now_ns: int) -> None:
        self.advance(now_ns)
        self.streams.up.pop(stream, None)

    def frame(self, stream: int, raw: bytes, now_ns: int) -> None:
        self.advance(now_ns)
        self._door.frame(stream, raw, now_ns)

    def request(self, method: str, url: str, headers: dict[str, str], body: bytes, now_ns: int) -> Answer:
        self.advance(now_ns)
        return self._door.request(method, url, body)

    def advance(self, now_ns: int) -> None:
        self._agenda.run(now_ns)
        self.core.now_ns = max(self.core.now_ns, now_ns)

    def next_ns(self) -> int | None:
        return self._agenda.next_ns()

    # -- what a world may do -------------------------------------------------------------------------------------------

    @property
    def instruments(self) -> list[Instrument]:
        """The listed perpetuals, numbered by their place in the universe."""
        return [market.instrument for market in self.core.markets.values()]

    def open_account(self, address: str, usdc: Decimal | int | str) -> None:
        """Deposit; the first deposit opens the account."""
        account = self.core.account(address)
        account.deposited = True
        account.cash += to_units_floor(Decimal(usdc), MONEY)

    def open_sub_account(self, master: str, address: str, usdc: Decimal | int | str) -> None:
        """An account that `master`, and its agents, trade for by naming it as the vault."""
        self.open_account(address, usdc)
        self.core.account(address).master = master.lower()

    def approve_agent(self, owner: str, agent: str, name: str = "") -> None:
        """What `owner` would sign with its own key."""
        self.wallets.approve(owner.lower(), agent.lower(), name, self.core.ms)

    def play(
        self, address: str, fills: Sequence[LeadFill | UserFill], start_ns: int, speed: float = 1.0,
        usdc: Decimal | int | str = 1_000_000,
    ) -> None:  # fmt: skip
        """Let the account trade as it was recorded, the first fill at `start_ns`, `speed` times as fast."""
        if not self.core.account(address).deposited:
            self.open_account(address, usdc)
        account = self.core.account(address)
        account.played = True
        for due in self._player.schedule(fills, start_ns, speed):
            self._agenda.at(due.ns, lambda due=due: self._happen(account, due))  # type: ignore[misc]

    def hang_up(self) -> None:
        """End every stream, as the venue does when it restarts its servers."""
        self.pushes += [Push(stream, None) for stream in self.streams.up]
        self.streams.up.clear()

    def trade_by_itself(self, address: str, coin: str, style: str = "rebalancer") -> None:
        """Let an open account trade a coin from the seed, once a second at most. Raises ConfigError, VenueError."""
        account = self._known(address)
        if not account.deposited or coin not in self.core.by_coin:
            raise VenueError(
                f"{address} in {coin}", "the account or the coin is not open here", "open_account it first"
            )
        self._bots.append(Bot(account, self.core.by_coin[coin], style, self.settings.seed))

    def rest(self) -> None:
        """Those who trade by themselves stop, with what they hold."""
        self._bots.clear()

    def trade(self, address: str, coin: str, lots: int, bps: int = 50) -> Status:
        """An order of somebody else's, now: signed lots, at once, at most `bps` from the touch."""
        market, side = self.core.by_coin[coin], 1 if lots > 0 else -1
        clock.move(self.core, market)
        bid, _, ask, _ = market.book.best()
        price = market.instrument.bound_price((ask if side > 0 else bid) or market.mark, side, bps)
        status = self.core.place(
            self.core.account(address), Wanted(market.asset, side, abs(lots), price, "Ioc", False, None)
        )
        self.streams.tell()
        return status

    # -- books of record -----------------------------------------------------------------------------------------------

    def orders_of(self, address: str) -> list[OrderHistory]:
        """Every order the venue gave a number, in the order of their numbers."""
        return [order.history() for order in self.core.orders.values() if order.owner == address.lower()]

    def fills_of(self, address: str) -> list[UserFill]:
        return list(self._known(address).fills)

    def position(self, address: str, coin: str) -> int:
        """Signed lots."""
        return self._known(address).holding(self.core.by_coin[coin]).lots

    def equity(self, address: str) -> int:
        """USDC units."""
        return self._known(address).equity

    @property
    def duplicates_received(self) -> int:
        """Orders that came with a client order id the venue had accepted before: none may ever."""
        return self.core.duplicates

    def counters(self) -> dict[str, int]:
        return {
            "orders": len(self.core.orders), "duplicates_received": self.core.duplicates,
            "weight": self.limits.weight, "unplayable": self._player.unplayable,
        }  # fmt: skip

    # -- inside --------------------------------------------------------------------------------------------------------

    def _known(self, address: str) -> Account:
        return self.core.accounts.get(address.lower()) or Account(address.lower(), 0)

    def _happen(self, account: Account, due: Due) -> None:
        self.core.now_ns = self._agenda.now_ns
        clock.move(self.core, due.market)
        self._player.happen(account, due)
        self.streams.tell()

    def _tick(self) -> None:
        core = self.core
        now = core.now_ns = self._agenda.now_ns
        self._agenda.at(now + self.settings.tick_ns, self._tick)
        for market in core.markets.values():
            clock.move(core, market)
        clock.switch_off(core)
        if now // HOUR != self._hour:
            self._hour = now // HOUR
            clock.pay_funding(core)
            if self._hour % 24 == 0:
                clock.new_day(core)
        if now >= self._second_ns + SECOND:
            self._second_ns = now
            self._each_second(now)
        self.streams.tell()
        books = now >= self._book_ns + self.settings.book_ns
        self._book_ns = now if books else self._book_ns
        self.streams.tick(books=books, frozen=now < self._frozen_until_ns)
        for stream in self.streams.idle(now):
            del self.streams.up[stream]
            self.pushes.append(Push(stream, None))

    def _each_second(self, now: int) -> None:
        core, faults = self.core, self.faults
        for bot in self._bots:
            bot.act(core)
        clock.liquidate(core)
        if faults.hit(Fault.FROZEN):
            self._frozen_until_ns = now + faults.lasting_ns
        if faults.hit(Fault.SKEW):
            self._skewed_until_ns = now + faults.lasting_ns
        core.skew_ns = self.settings.skew_ns - (SKEW_FAULT_NS if now < self._skewed_until_ns else 0)
        if faults.hit(Fault.HEARTBEAT):
            for account in core.accounts.values():
                clock.cancel_all(core, account)
