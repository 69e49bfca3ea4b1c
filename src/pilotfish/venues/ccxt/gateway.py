"""A centralised exchange as a run needs it: asked how things stand, then opened as a venue.

Nobody is followed there. The account is that of the API key; its address is a fingerprint of the key's secret, which
tells keys apart and gives nothing away.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import msgspec

from pilotfish.domain.errors import ConfigError, PilotfishError
from pilotfish.domain.instrument import Instrument, to_units_floor
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.venues.ccxt.dialects import DIALECTS
from pilotfish.venues.ccxt.exchange import make
from pilotfish.venues.ccxt.failures import unusable
from pilotfish.venues.ccxt.listing import Listed, listed_all
from pilotfish.venues.ccxt.live import CcxtLive
from pilotfish.venues.ccxt.positions import stated
from pilotfish.venues.ccxt.settings import Credentials, Settings
from pilotfish.venues.ccxt.upkeep import measure_clock
from pilotfish.venues.ccxt.venue import CcxtVenue
from pilotfish.venues.gateway import AccountSurvey, LiveVenue, Ours, Signer, Survey
from pilotfish.venues.keys.keyring import Keyring

PROBES = 4
_DIGITS = "0123456789abcdefghijklmnopqrstuv"


class CcxtGateway:
    """`settings.symbols`: what is traded. Without `credentials`: public data only."""

    shown_after_ns = 0

    def __init__(
        self, settings: Settings, credentials: Credentials | None = None, *, real_money: bool = True,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:  # fmt: skip
        settings.check()
        self.name, self.settings, self.real_money = settings.exchange, settings, real_money
        self._credentials, self._clock = credentials, clock
        self._listed: tuple[Listed, ...] = ()
        self._markets: list[dict[str, Any]] = []

    async def survey(
        self, leads: Sequence[str], ours: Sequence[Ours], known: Sequence[Instrument], keys: Keyring | None = None,
        signer: Signer | None = None,
    ) -> Survey:  # fmt: skip
        """Raises VenueError where the exchange cannot be used, ConfigError for leads, accounts and unknown symbols."""
        if leads:
            why = "cannot be followed: the exchange does not say who traded"
            raise ConfigError(f"leads on {self.name}", why, "take [[leads]] and --lead out (docs/ccxt.md)")
        self._check(ours)
        async with self._exchange() as exchange:
            offset_ns, trips_ns = await self._probe(exchange)
            budgets = DIALECTS[self.name].budgets(
                {name.lower(): text for name, text in (exchange.last_response_headers or {}).items()}
            )
            await exchange.load_markets()
            gone = [one.symbol for one in known if one.symbol not in exchange.markets]
            instruments = self._list(exchange, known)
            self._markets = [exchange.markets[one.symbol] for one in self._listed]
            marks = await self._marks(exchange)
            found, notes = await self._account(exchange, ours[0]) if ours else (None, [])
        notes = [f"{symbol} is not traded here any more" for symbol in gone] + notes
        accounts = [found] if found is not None else []
        return Survey(self.name, instruments, marks, [], accounts, offset_ns, trips_ns, budgets, notes)

    async def positions(self, ours: Sequence[Ours]) -> dict[int, dict[int, int]]:
        """What the account holds now, in the surveyed instruments. Raises VenueError."""
        self._check(ours)
        if not self._listed:
            raise ConfigError("the venue", "was not looked at before it is used", "survey it first")
        async with self._exchange() as exchange:
            exchange.set_markets(self._markets)
            return {one.account: await stated(exchange, self._listed) for one in ours}

    def open(
        self, survey: Survey, keys: Keyring | None, journal: int, on_ready: Callable[[], None],
        signer: Signer | None = None, cancel_on_stop: bool = True,
    ) -> LiveVenue:  # fmt: skip
        """Without keys: public data only. Raises ConfigError when nothing was surveyed before."""
        if not self._listed:
            raise ConfigError("the venue", "was not looked at before it is used", "survey it first")
        symbols = tuple(one.symbol for one in self._listed)
        settings = msgspec.structs.replace(self.settings, symbols=symbols, namespace=namespace_of(journal))
        credentials = self._credentials if keys is not None and self._credentials else Credentials("", "")
        ids = {one.symbol: one.id for one in survey.instruments}
        venue = CcxtVenue(settings, credentials, known=ids, clock=self._clock, on_ready=on_ready)
        return CcxtLive(venue, cancel_on_stop)

    def _check(self, ours: Sequence[Ours]) -> None:
        """Raises ConfigError for accounts that cannot be."""
        if not ours:
            return
        accounts = tuple(one.account for one in ours)
        msgspec.structs.replace(self.settings, accounts=accounts).check()
        if accounts != (OMNIBUS,):
            raise ConfigError(f"{len(ours)} accounts on {self.name}", "its API key is one account", "name one")
        if self._credentials is None:
            exchange = self.name.upper()
            to_do = f"set PILOTFISH_{exchange}_KEY and PILOTFISH_{exchange}_SECRET, or api_file in [keys]"
            raise ConfigError(f"the API key of {self.name}", "is not there", to_do)

    @asynccontextmanager
    async def _exchange(self) -> AsyncIterator[Any]:
        """For some questions; what fails among them is told as a VenueError."""
        settings = msgspec.structs.replace(self.settings, throttled=False)
        credentials = self._credentials or Credentials("", "")
        exchange = make(settings, credentials, lambda url, message: None, lambda: None)
        try:
            yield exchange
        except PilotfishError:
            raise
        except Exception as error:
            raise unusable(self.name, error) from None
        finally:
            await exchange.close()

    async def _probe(self, exchange: Any) -> tuple[int, list[int]]:
        """(clock offset by the fastest of some answers, round trips but the first, which has the connection in it)."""
        found = []
        for _ in range(PROBES + 1):
            began = self._clock()
            offset_ns = await measure_clock(exchange, self._clock)
            found.append((self._clock() - began, offset_ns))
        return min(found)[1], [trip for trip, _ in found[1:]]

    def _list(self, exchange: Any, known: Sequence[Instrument]) -> list[Instrument]:
        """Those of the journal stay, with their ids, and are listed as long as they are there: to be closed."""
        kept = tuple(one.symbol for one in known if one.symbol in exchange.markets)
        symbols = (*kept, *(one for one in self.settings.symbols if one not in kept))
        settings = msgspec.structs.replace(self.settings, symbols=symbols)
        self._listed = listed_all(exchange, settings, {one.symbol: one.id for one in known})
        now = {one.symbol: one.instrument for one in self._listed}
        before = {one.symbol for one in known}
        new = sorted((one for one in now.values() if one.symbol not in before), key=lambda one: one.id)
        return [*(now.get(one.symbol, one) for one in known), *new]

    async def _marks(self, exchange: Any) -> dict[int, int]:
        rows = await DIALECTS[self.name].mark_prices(exchange, [one.symbol for one in self._listed])
        return {
            one.instrument.id: one.mark(price)
            for one in self._listed
            if (price := rows.get(one.symbol, {}).get("markPrice")) is not None
        }

    async def _account(self, exchange: Any, ours: Ours) -> tuple[AccountSurvey, list[str]]:
        dialect = DIALECTS[self.name]
        may = await dialect.standing(exchange, [one.symbol for one in self._listed])
        stock = Decimal(str(dialect.equity(await exchange.fetch_balance())))
        equity = to_units_floor(stock, self._listed[0].instrument.money_decimals)
        held = await stated(exchange, self._listed)
        orders = 0
        for one in self._listed:
            orders += len(await exchange.fetch_open_orders(one.symbol))
        notes = list(may.notes)
        why = "" if may.may_trade else "it may not trade perpetuals: give the API key that right"
        if may.may_withdraw:
            why = "make an API key that trades and cannot withdraw, bound to this machine's address"
        return AccountSurvey(ours, equity, held, orders, may.may_trade, may.may_withdraw, why), notes


def namespace_of(journal: int) -> str:
    """A journal's 64 bits as the front of its client order ids: `p` and 13 digits of 5 bits."""
    return "p" + "".join(_DIGITS[journal >> 5 * place & 31] for place in range(12, -1, -1))
