"""pilotfish.toml: one file for a paper or live run. What platform.toml may hold, it may hold as well.

Secrets are never in it: it names a folder of encrypted keys, or the socket of a signer. `PILOTFISH_RUN__MODE=paper`
overrides `mode` in [run], and so on; options of the command line override both. docs/live.md is the user's page.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.worlds.platform import Settings, Table, parse

FILE = Path("pilotfish.toml")
TWIN = "-twin"  # how the names of venues end that are on this machine
_ENVIRONMENT = re.compile(r"PILOTFISH_(RUN|VENUE|TRADE|KEYS|LIMITS|FEES|RISK|EXECUTION|REBALANCE)__([A-Z0-9_]+)")
_SECRET = re.compile(r"(0x)?[0-9a-fA-F]{64}|(?:[a-z]{3,8} ){11,23}[a-z]{3,8}")
_SECRET_NAMES = ("private_key", "secret", "password", "passphrase", "mnemonic", "seed_phrase", "api_secret")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class Run(Table, frozen=True, kw_only=True):
    mode: Literal["", "paper", "live"] = ""  # paper, and on a twin live, when it is not said
    out: str = "out/live"
    followers: str = "1000"  # so many seeded ones (paper only), or a CSV file
    capital_usdc: Decimal = Decimal(1_000)  # median of seeded followers
    seed: int = 1
    route: Literal["omnibus", "segregated"] = "omnibus"
    minutes: Decimal = Decimal(0)  # 0: until it is stopped
    on_stop: Literal["cancel", "leave"] = "cancel"  # open orders, when it ends


class PoolEntry(Table, frozen=True, kw_only=True):
    """A Uniswap v3 pool, by its address, and which of its two tokens is the base."""

    pool: str
    base: str


class VenueTable(Table, frozen=True, kw_only=True):
    name: str = "hyperliquid"
    instruments: tuple[str, ...] = ()  # those that are traded; none named: every perpetual of the venue
    ws_url: str = ""  # instead of the venue's own
    http_url: str = ""
    rpc_url: str = ""  # an EVM node: the venue `evm` itself, or for leads that are followed on chain
    send_url: str = ""  # evm: another node for transactions alone, a private one for instance
    chain: int = 0  # evm: the chain's id …
    router: str = ""  # … and Uniswap's SwapRouter on it
    depth: int = 1  # evm: blocks on an order's own before it is over
    gas_gwei_max: Decimal = Decimal(500)  # evm: for one gas, tip included
    pools: tuple[PoolEntry, ...] = ()  # evm: what is traded
    dead_man_switch: bool = False  # the venue cancels our orders when it stops hearing from us, where it can


class TradeTable(Table, frozen=True, kw_only=True):
    """Another venue than the leads': orders go there, by [[mappings]]."""

    name: str = ""
    instruments: tuple[str, ...] = ()
    http_url: str = ""


class Keys(Table, frozen=True, kw_only=True):
    folder: str = "~/.pilotfish/keys"
    password_file: str = ""  # else asked for
    signer: str = ""  # the socket of `pilotfish signer`, instead of a folder
    processes: int = 0  # that sign batches; 0: this one
    api_file: str = ""  # of an exchange's API key (docs/ccxt.md); else PILOTFISH_BINANCE_KEY and so on
    may_withdraw: bool = False  # True: start though a key could withdraw, where the venue knows no other keys


class Limits(Table, frozen=True, kw_only=True):
    """Of the whole run, whatever the mandates say. Live does not start without all of them."""

    capital_usdc: Decimal = Decimal(0)  # all allocations together
    order_usdc: Decimal = Decimal(0)  # one order
    gross_usdc: Decimal = Decimal(0)  # all positions together, longs and shorts added
    loss_usdc: Decimal = Decimal(0)  # opens halt when equity has fallen by this much
    leverage: Decimal = Decimal(0)  # of each follow


class LeadEntry(Table, frozen=True, kw_only=True):
    address: str
    name: str = ""
    equity_usdc: Decimal = Decimal(0)  # what copies are in proportion to; 0: what the venue says


class AccountEntry(Table, frozen=True, kw_only=True):
    """Whose money is traded and which key signs. `follower` is a name of the followers file; none: for all of them."""

    address: str
    key: str
    follower: str = ""
    vault: str = ""
    wallet: Literal["", "eoa", "proxy", "safe", "deposit"] = ""  # Polymarket: what kind of wallet the address is


class LiveSettings(Settings, frozen=True, kw_only=True):
    run: Run = Run()
    venue: VenueTable = VenueTable()
    trade: TradeTable = TradeTable()
    keys: Keys = Keys()
    limits: Limits = Limits()
    leads: tuple[LeadEntry, ...] = ()
    accounts: tuple[AccountEntry, ...] = ()


def chosen(
    path: Path | None,
    run: Mapping[str, object],
    venue: Mapping[str, object],
    leads: Sequence[str],
    platform: Path | None = None,
) -> LiveSettings:
    """What a command was given stands above environment and file; what is empty was not given. Raises ConfigError."""
    if platform is not None:
        raise ConfigError("--platform", "is for simulated runs", "write its tables into pilotfish.toml")
    names = {"capital": "capital_usdc"}
    over = {
        "run": {names.get(name, name): _plain(value) for name, value in run.items() if value != ""},
        "venue": {name: _plain(value) for name, value in venue.items() if value != ""},
    }
    settings = read_settings(path, over=over)
    added = tuple(LeadEntry(address=one) for one in leads)
    for one in added:
        if not _ADDRESS.fullmatch(one.address):
            raise ConfigError(f"--lead {one.address[:60]}", "is no address", "write 0x and 40 hexadecimal digits")
    return msgspec.structs.replace(settings, leads=(*settings.leads, *added))


def read_settings(
    path: Path | None,
    environment: Mapping[str, str] | None = None,
    over: Mapping[str, Mapping[str, Any]] | None = None,
) -> LiveSettings:
    """From a file, or pilotfish.toml where none is named and it exists, or the defaults. Raises ConfigError.

    `over`, by table and key, stands above the environment, and that above the file.
    """
    over = _merged(overrides(os.environ if environment is None else environment), over or {})
    chosen = path or FILE
    if path is None and not chosen.exists():
        return parse_settings("", "(defaults)", over)
    try:
        text = chosen.read_text(encoding="utf-8")
    except OSError as bad:
        why = f"cannot be read ({bad.strerror})"
        raise ConfigError(f"--config {chosen}", why, "check the path, or make one: pilotfish init") from bad
    except UnicodeDecodeError as bad:
        raise ConfigError(f"--config {chosen}", "is not UTF-8 text", "save it as UTF-8") from bad
    return parse_settings(text, chosen.name, over)


def parse_settings(text: str, file: str, over: dict[str, dict[str, Any]] | None = None) -> LiveSettings:
    """From the text of a file called `file`. Raises ConfigError with the line and the remedy."""
    _no_secrets(text, file)
    settings = parse(text, file, LiveSettings, over)
    if not settings.run.mode:
        mode: Literal["paper", "live"] = "live" if settings.venue.name.endswith(TWIN) else "paper"
        settings = msgspec.structs.replace(settings, run=msgspec.structs.replace(settings.run, mode=mode))
    for number, lead in enumerate(settings.leads):
        _address(settings, f"leads[{number}].address", lead.address)
    for number, account in enumerate(settings.accounts):
        _address(settings, f"accounts[{number}].address", account.address)
        if account.vault:
            _address(settings, f"accounts[{number}].vault", account.vault)
    for name in Limits.__struct_fields__:
        if not getattr(settings.limits, name).is_finite() or getattr(settings.limits, name) < 0:
            raise ConfigError(settings.where(f"limits.{name}"), "is not a number of 0 or more", "write one")
    if settings.run.minutes < 0 or settings.run.capital_usdc <= 0:
        raise ConfigError(settings.where("run.minutes"), "minutes and capital_usdc are not below 0", "mend them")
    return settings


def overrides(environment: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """PILOTFISH_TABLE__KEY=value, by table and key; the value as TOML reads it, or as text."""
    found: dict[str, dict[str, Any]] = {}
    for name, text in environment.items():
        if match := _ENVIRONMENT.fullmatch(name):
            try:
                value = tomllib.loads(f"x = {text}", parse_float=Decimal)["x"]
            except (ValueError, RecursionError):
                value = text
            found.setdefault(match[1].lower(), {})[match[2].lower()] = value
    return found


def _merged(under: Mapping[str, Mapping[str, Any]], over: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {table: {**under.get(table, {}), **over.get(table, {})} for table in {**under, **over}}


def _plain(value: object) -> object:
    """As a TOML file would have it."""
    if isinstance(value, float):
        return Decimal(str(value))
    return str(value) if isinstance(value, Path) else value


def _address(settings: LiveSettings, path: str, text: str) -> None:
    if not _ADDRESS.fullmatch(text):
        raise ConfigError(settings.where(path), f"{text[:60]!r} is no address", "write 0x and 40 hexadecimal digits")


def _no_secrets(text: str, file: str) -> None:
    """A key in the file is refused before anything reads it, and is not repeated in the error."""
    for number, line in enumerate(text.splitlines(), 1):
        name = line.partition("=")[0].strip().lower()
        if _SECRET.search(line) or (name in _SECRET_NAMES and "=" in line):
            raise ConfigError(
                f"{file}:{number}", "looks like a private key or a password",
                "take it out, treat it as disclosed, and keep keys in the keystore: pilotfish keys new",
            )  # fmt: skip
