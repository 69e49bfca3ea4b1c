"""Centralised exchanges as a run names them: whose API key, and which of their markets."""

from __future__ import annotations

import os
from typing import NamedTuple

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.venues.ccxt.credentials import read_credentials
from pilotfish.venues.ccxt.gateway import CcxtGateway
from pilotfish.venues.ccxt.settings import Credentials, Settings
from pilotfish.venues.keys.key import Key, keccak
from pilotfish.worlds.live.settings import AccountEntry, LiveSettings

EXCHANGES = ("binance", "bybit", "okx")


class Exchange(NamedTuple):
    """`settings` name the API key as the one account; `keys` stand for it where keys are counted by their address."""

    settings: LiveSettings
    gateway: CcxtGateway
    keys: tuple[Key, ...]


def exchange_of(settings: LiveSettings) -> Exchange:
    """Raises ConfigError for what cannot be there, and in a live run where the API key is missing."""
    name = settings.venue.name
    if settings.accounts:
        raise ConfigError(
            settings.where("accounts"), f"are not named on {name}: the API key is the account", "take it out"
        )
    credentials = read_credentials(name, settings.keys.api_file, os.environ)
    if settings.run.mode == "live" and credentials is None:
        to_do = f"set PILOTFISH_{name.upper()}_KEY and PILOTFISH_{name.upper()}_SECRET, or api_file in [keys]"
        raise ConfigError(f"the API key of {name}", "is not there", to_do)
    return with_key(settings, name, credentials, settings.venue.http_url, real_money=True)


def with_key(
    settings: LiveSettings, exchange: str, credentials: Credentials | None, url: str, *, real_money: bool
) -> Exchange:
    """At its own address, or at `url`."""
    accounts = (OMNIBUS if settings.run.route == "omnibus" else 0,)
    symbols, urls = settings.venue.instruments, {"base": url} if url else dict[str, str]()
    wanted = Settings(exchange=exchange, symbols=symbols, urls=urls, accounts=accounts)
    gateway = CcxtGateway(wanted, credentials, real_money=real_money)
    if credentials is None:
        return Exchange(settings, gateway, ())
    stand_in = Key(keccak(f"pilotfish {exchange} {credentials.key} {credentials.secret}".encode()))
    account = AccountEntry(address=stand_in.address, key=stand_in.address)
    return Exchange(msgspec.structs.replace(settings, accounts=(account,)), gateway, (stand_in,))
