"""What the commands for real venues do, apart from how they are typed."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import stat
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.gateway import LiveVenue, Signer
from pilotfish.venues.hyperliquid.gateway import HyperliquidGateway
from pilotfish.venues.keys.key import Key
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.keys.keystore import Keystore
from pilotfish.venues.keys.pool import SignerLink, SignerPool, secrets_of
from pilotfish.venues.keys.signer import SignerServer, keep_to_yourself
from pilotfish.venues.net.driver import new_loop
from pilotfish.views.report.schema import Book
from pilotfish.views.report.table import LiveView
from pilotfish.worlds import model
from pilotfish.worlds.commands import finish, fresh_path
from pilotfish.worlds.lead_table import LeadTable, totals
from pilotfish.worlds.live.doctor import passed, show
from pilotfish.worlds.live.run import LiveRun
from pilotfish.worlds.live.settings import TWIN, LiveSettings
from pilotfish.worlds.live.start import CONFIRMATION, Ready, journal_path, look
from pilotfish.worlds.live.venues import Place, gateway_of
from pilotfish.worlds.reporting import Inputs
from pilotfish.worlds.world import World

T = TypeVar("T")


def live_run(
    settings: LiveSettings, confirmation: str, console: Console, recordings: Sequence[Path] = (), resume: str = ""
) -> None:
    """`pilotfish run --mode paper|live`. `recordings`: what the leads of a twin did."""
    on_loop(_live_run(settings, confirmation, console, recordings, resume))


def doctor(settings: LiveSettings, console: Console) -> bool:
    """`pilotfish doctor`. Returns whether a run would start."""

    async def examine() -> bool:
        async with gateway_of(settings, console) as place, signing(place, needed=False) as (keys, signer):
            ready = await look(place.settings, place.gateway, keys, signer, passing=place.passing)
        show(ready.findings, console)
        return passed(ready.findings)

    return on_loop(examine())


async def _live_run(
    settings: LiveSettings, confirmation: str, console: Console, recordings: Sequence[Path], resume: str
) -> None:
    async with gateway_of(settings, console, recordings) as place, signing(place) as (keys, signer):
        settings, gateway = place.settings, place.gateway
        live = settings.run.mode == "live"
        ready = await look(settings, gateway, keys, signer, passing=place.passing)
        show(ready.findings, console)
        if not passed(ready.findings):
            raise ConfigError("the run", "does not start like this", "mend what is marked ✗, then: pilotfish doctor")
        if live and gateway.real_money and confirmation != CONFIRMATION:
            raise ConfigError("mode live", "was not confirmed", f'add --confirm "{CONFIRMATION}"')
        path = fresh_path(Path(settings.run.out)) if place.passing else journal_path(settings)
        every_s, shown_s = 0.5 if console.is_terminal else 10.0, 0.0
        with LiveView(console) as view:

            def refresh(world: World, table: LeadTable, venue: LiveVenue, seconds: float) -> None:
                nonlocal shown_s
                world.equity.sample(world.shard.state, world.now_ns)
                if seconds - shown_s >= every_s:
                    shown_s = seconds
                    notes = [*doubts(world), *(run.audit.differences if run.audit else ())]
                    view.update(table.rows(), totals(world, seconds), [*halts(world), *notes])

            run = LiveRun(ready, refresh, resume=resume)
            world = await run.play(path)
    if run.cancels_unconfirmed:
        console.print("[yellow]not every cancel was confirmed in time; the next start asks the venue first[/]")
    finish(world, ready.population, path, _inputs(ready, world), run.seconds, console)


def halts(world: World) -> list[str]:
    """Why nothing is opened, where that is so."""
    guard = world.shard.state.guard
    shut = guard.shut
    return [f"no opens: {shut.text}; look, then start again with --resume 'why'"] if shut else []


def doubts(world: World) -> list[str]:
    """Which instruments that matter now are not trusted, and why."""
    state = world.shard.state
    held = {key for lead in state.leads for key, lots in lead.positions.items() if lots}
    return [
        f"{state.listings[key].instrument.symbol}: {state.listings[key].doubt.text}"
        for key in sorted(held)
        if state.listings[key].doubt
    ]


def _inputs(ready: Ready, world: World) -> Inputs:
    settings = ready.settings
    seeded = settings.run.followers.isdigit()
    figures = model.figures([], {}, capital=float(settings.run.capital_usdc) if seeded else None)
    count = len(world.shard.state.listings)
    name = settings.venue.name
    book: Book = "twin" if name.endswith(TWIN) else "live" if ready.live else "paper"
    title = f"{'Live' if ready.live else 'Paper'} on {name}" + (", a twin" if book == "twin" else "")
    return Inputs(title, settings.run.seed, settings.run.route, [book] * count, [""] * count, figures, venue=name)


# -- keys --------------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def signing(place: Place, *, needed: bool = True) -> AsyncIterator[tuple[Keyring | None, Signer | None]]:
    """The keys that the accounts name, from a signer's socket or the keystore; none in paper."""
    settings = place.settings
    wanted = sorted({entry.key.lower() for entry in settings.accounts})
    if settings.run.mode == "paper" or not wanted:
        if settings.run.mode == "live" and needed:
            raise ConfigError("mode live", "no account is named", "add [[accounts]] with address and key")
        yield None, None
        return
    if place.keys:
        yield Keyring(place.keys), None
        return
    if settings.keys.signer:
        link = await SignerLink.connect(Path(settings.keys.signer).expanduser())
        try:
            yield Keyring(remote=await link.addresses()), link.sign
        finally:
            await link.close()
        return
    keyring, secrets = unlock(settings, wanted)
    if not settings.keys.processes:
        yield keyring, None
        return
    async with SignerPool(secrets, settings.keys.processes) as pool:
        yield keyring, pool.sign


def unlock(settings: LiveSettings, wanted: list[str]) -> tuple[Keyring, list[bytes]]:
    """Keys of the keystore by address; what it lacks the doctor names. Raises KeyRefused."""
    store = Keystore(Path(settings.keys.folder).expanduser())
    there = [address for address in wanted if address in store.addresses()]
    if not there:
        return Keyring(), []
    password = read_password(settings.keys.password_file)
    keys = [store.unlock(address, password) for address in there]
    return Keyring(keys), secrets_of(keys) if settings.keys.processes else []


def read_password(file: str, *, twice: bool = False) -> str:
    """From a file that only its owner can read, or asked for. Raises ConfigError."""
    if file:
        path = Path(file).expanduser()
        try:
            if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ConfigError(str(path), "can be read by others", f"chmod 600 {path}")
            return path.read_text(encoding="utf-8").rstrip("\n")
        except OSError as bad:
            raise ConfigError(f"password file {path}", f"cannot be read ({bad.strerror})", "check the path") from bad
    if not os.isatty(0):
        raise ConfigError("the password", "cannot be asked for without a terminal", "set password_file in [keys]")
    password = getpass.getpass("password of the keystore: ")
    if twice and getpass.getpass("again: ") != password:
        raise ConfigError("the passwords", "differ", "try again")
    return password


def new_key(settings: LiveSettings, console: Console) -> None:
    """`pilotfish keys new`."""
    store = Keystore(Path(settings.keys.folder).expanduser())
    address = store.create(read_password(settings.keys.password_file, twice=True))
    console.print(f"{address}\nkept encrypted in {store.folder}; back it up", highlight=False)


def list_keys(settings: LiveSettings, console: Console) -> None:
    """`pilotfish keys list`."""
    store = Keystore(Path(settings.keys.folder).expanduser())
    for address in store.addresses():
        console.print(address, highlight=False)
    if not store.addresses():
        console.print(f"no keys in {store.folder}; make one: pilotfish keys new", highlight=False)


def approve(settings: LiveSettings, account: str, agent: str, name: str, console: Console) -> None:
    """`pilotfish approve`: the account's own key is asked for, signs once, and is kept nowhere."""
    on_loop(_approve(settings, account, agent, name, console))


async def _approve(settings: LiveSettings, account: str, agent: str, name: str, console: Console) -> None:
    async with gateway_of(settings, console) as place:
        if not isinstance(place.gateway, HyperliquidGateway):
            raise ConfigError(settings.venue.name, "has no agents", "docs/live.md says how keys are limited there")
        if not os.isatty(0):
            raise ConfigError("the account's key", "cannot be asked for without a terminal", "run this by hand")
        main = Key.from_hex(getpass.getpass(f"private key of {account}, used once and not kept: "))
        if main.address != account.lower():
            raise ConfigError("this key", f"is that of {main.address}, not of {account}", "use the account's own key")
        await place.gateway.approve(main, agent, name)
    console.print(f"{agent} may trade for {account} on {settings.venue.name}, and cannot withdraw", highlight=False)


def run_signer(settings: LiveSettings, socket: Path, console: Console) -> None:
    """`pilotfish signer`: every key of the keystore, for runs of this user, until it is stopped."""
    keep_to_yourself()
    store = Keystore(Path(settings.keys.folder).expanduser())
    password = read_password(settings.keys.password_file)
    keys = Keyring([store.unlock(address, password) for address in store.addresses()])
    server = SignerServer(socket, keys)
    console.print(f"signing for {len(keys.addresses)} keys at {socket}; Ctrl-C ends it", highlight=False)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            server.run()
    finally:
        server.close()


def on_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run on the fastest loop there is."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(work)
