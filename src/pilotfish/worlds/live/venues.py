"""The venues a run can name, and how each is reached."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
from rich.console import Console

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.ccxt.settings import Credentials
from pilotfish.venues.gateway import Gateway
from pilotfish.venues.hyperliquid.accounts import MAINNET_HTTP, MAINNET_WS, TESTNET_HTTP, TESTNET_WS
from pilotfish.venues.hyperliquid.accounts import Settings as HyperliquidSettings
from pilotfish.venues.hyperliquid.gateway import HyperliquidGateway
from pilotfish.venues.keys.key import Key
from pilotfish.venues.polymarket.gateway import PolymarketGateway
from pilotfish.venues.polymarket.settings import Settings as PolymarketSettings
from pilotfish.worlds.live.chains import CHAIN, chain_of
from pilotfish.worlds.live.exchanges import EXCHANGES, exchange_of, with_key
from pilotfish.worlds.live.pair_gateway import PairGateway
from pilotfish.worlds.live.settings import (
    TWIN,
    AccountEntry,
    LeadEntry,
    Limits,
    LiveSettings,
    TradeTable,
    VenueTable,
)
from pilotfish.worlds.live.twin import twin_process
from pilotfish.worlds.live.twin_venues import TwinWanted

SUMMARIES = {
    "hyperliquid": "perpetuals and spot on Hyperliquid",
    "hyperliquid-testnet": "the same with play money",
    "hyperliquid-twin": "a server on this machine that speaks its protocol: real sockets, no account, no money",
    "polymarket": "outcome tokens on Polymarket",
    "polymarket-twin": "a server on this machine that speaks its protocol",
    CHAIN: "tokens in Uniswap v3 pools of a chain",
    **{name: f"linear perpetuals on {name}, to trade on: nobody is followed there" for name in EXCHANGES},
    **{f"{name}-twin": "a server on this machine that speaks its protocol" for name in EXCHANGES},
}
TWIN_SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT")
TWIN_MINUTES = Decimal(3)
TWIN_LIMITS = Limits(
    capital_usdc=Decimal(10**9), order_usdc=Decimal(10**8), gross_usdc=Decimal(10**10), loss_usdc=Decimal(10**8),
    leverage=Decimal(20),
)  # fmt: skip


class Place(msgspec.Struct):
    """A venue that can be looked at and opened. A twin brings settings and keys of its own."""

    settings: LiveSettings
    gateway: Gateway
    keys: tuple[Key, ...] = ()
    passing: bool = False  # it is gone after the run: every run has a journal of its own


@contextlib.asynccontextmanager
async def gateway_of(settings: LiveSettings, console: Console, recordings: Sequence[Path] = ()) -> AsyncIterator[Place]:
    """The venue the settings name, for as long as it is needed. Raises ConfigError for a name that nobody knows."""
    name = settings.venue.name
    if settings.trade.name:
        async with _pair(settings, console, recordings) as place:
            yield place
        return
    if name.endswith(TWIN) and name in SUMMARIES:
        async with _twin(settings, console, recordings) as place:
            yield place
        return
    if recordings:
        raise ConfigError("--recording", "is for simulated runs and twins", "leave it out, or name a twin")
    if name in EXCHANGES:
        found = exchange_of(settings)
        yield Place(found.settings, found.gateway, found.keys)
        return
    if name not in _GATEWAYS:
        known = "; ".join(f"{one}: {summary}" for one, summary in SUMMARIES.items())
        raise ConfigError(settings.where("venue.name"), f"{name!r} is no venue", f"use one of these. {known}")
    yield Place(settings, _GATEWAYS[name](settings))


@contextlib.asynccontextmanager
async def _pair(settings: LiveSettings, console: Console, recordings: Sequence[Path]) -> AsyncIterator[Place]:
    """Leads of [venue], copied on [trade]. Raises ConfigError where that is none of the exchanges."""
    trade = settings.trade
    if trade.name.removesuffix(TWIN) not in EXCHANGES:
        known = ", ".join(name for one in EXCHANGES for name in (one, one + TWIN))
        raise ConfigError(settings.where("trade.name"), f"{trade.name!r} cannot be traded on apart", f"use {known}")
    there = VenueTable(name=trade.name, instruments=trade.instruments, http_url=trade.http_url)
    alone = msgspec.structs.replace(settings, trade=TradeTable())
    async with (
        gateway_of(msgspec.structs.replace(alone, accounts=()), console, recordings) as leads,
        gateway_of(msgspec.structs.replace(alone, venue=there, leads=()), console) as traded,
    ):
        both = msgspec.structs.replace(
            traded.settings, leads=leads.settings.leads, venue=leads.settings.venue, trade=trade,
            limits=settings.limits if traded.gateway.real_money else traded.settings.limits,
        )  # fmt: skip
        passing = leads.passing or traded.passing
        yield Place(both, PairGateway(leads.gateway, traded.gateway), traded.keys, passing)


def _hyperliquid(settings: LiveSettings, *, mainnet: bool) -> Gateway:
    venue = settings.venue
    ws, http = (MAINNET_WS, MAINNET_HTTP) if mainnet else (TESTNET_WS, TESTNET_HTTP)
    reached = HyperliquidSettings(
        mainnet, venue.ws_url or ws, venue.http_url or http, 0, schedule_cancel=venue.dead_man_switch
    )
    return HyperliquidGateway(reached, venue.instruments, real_money=mainnet)


def _polymarket(settings: LiveSettings) -> Gateway:
    """One address for all of its services, where one is given: as a twin has it."""
    venue = settings.venue
    reached = PolymarketSettings(journal=0, rpc_url=venue.rpc_url)
    if venue.http_url:
        reached = _one_host(reached, venue.http_url, venue.ws_url or venue.http_url.replace("http", "ws", 1) + "/ws")
    return PolymarketGateway(reached)


def _one_host(reached: PolymarketSettings, http: str, ws: str) -> PolymarketSettings:
    return msgspec.structs.replace(
        reached, clob_url=http, data_url=http, gamma_url=http, market_ws_url=f"{ws}/market", user_ws_url=f"{ws}/user"
    )


_GATEWAYS: dict[str, Callable[[LiveSettings], Gateway]] = {
    "hyperliquid": lambda settings: _hyperliquid(settings, mainnet=True),
    "hyperliquid-testnet": lambda settings: _hyperliquid(settings, mainnet=False),
    "polymarket": _polymarket,
    CHAIN: chain_of,
}


@contextlib.asynccontextmanager
async def _twin(settings: LiveSettings, console: Console, recordings: Sequence[Path]) -> AsyncIterator[Place]:
    """A twin in a process of its own, an account funded there, an agent's key made for this run and kept nowhere."""
    key = Key(secrets.token_bytes(32))
    run = settings.run
    minutes = run.minutes or TWIN_MINUTES
    name, listed = settings.venue.name, [str(path) for path in recordings]
    secret = secrets.token_hex(16)
    wanted = TwinWanted(name, run.seed, float(minutes), key.address, listed, secret)
    async with twin_process(wanted) as twin:
        for note in twin.notes:
            console.print(note, highlight=False)
        leads = settings.leads or tuple(
            LeadEntry(address=one.address, name=one.name, equity_usdc=Decimal(one.equity_usdc)) for one in twin.leads
        )
        limits = TWIN_LIMITS if settings.limits == Limits() else settings.limits
        if (exchange := name.removesuffix(TWIN)) in EXCHANGES:
            ours = msgspec.structs.replace(
                settings, limits=limits, accounts=(), run=msgspec.structs.replace(run, minutes=minutes),
                venue=msgspec.structs.replace(settings.venue, instruments=settings.venue.instruments or TWIN_SYMBOLS),
            )  # fmt: skip
            found = with_key(ours, exchange, Credentials(key.address, secret, secret), twin.url, real_money=False)
            yield Place(found.settings, found.gateway, found.keys, passing=True)
            return
        changed = msgspec.structs.replace(
            settings,
            leads=leads,
            limits=limits,
            accounts=(AccountEntry(address=twin.account, key=key.address),),
            keys=msgspec.structs.replace(settings.keys, may_withdraw=True),
            run=msgspec.structs.replace(run, minutes=minutes),
            venue=msgspec.structs.replace(settings.venue, instruments=()),
        )
        ws = twin.url.replace("http", "ws", 1) + "/ws"
        gateway: Gateway
        if name == "polymarket-twin":
            reached = _one_host(PolymarketSettings(journal=0), twin.url, ws)
            gateway = PolymarketGateway(reached, real_money=False)
        else:
            gateway = HyperliquidGateway(HyperliquidSettings(False, ws, twin.url, 0), real_money=False)
        yield Place(changed, gateway, (key,), passing=True)
