"""Live and paper runs against the twin over real sockets: what the shard believes is what the venue's books say."""

import asyncio
import threading
import time
from pathlib import Path

import pytest

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.journal.recover import verify_file
from pilotfish.journal.sqlite import SqliteJournal
from pilotfish.venues.hyperliquid.accounts import Settings
from pilotfish.venues.hyperliquid.gateway import HyperliquidGateway
from pilotfish.venues.keys.key import Key
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.keys.pool import SignerLink, SignerPool
from pilotfish.venues.keys.signer import SignerServer
from pilotfish.venues.twins.hyperliquid.twin import HyperliquidTwin
from pilotfish.venues.twins.server import TwinServer
from pilotfish.worlds.live import audit
from pilotfish.worlds.live.doctor import Level, passed
from pilotfish.worlds.live.holdings import positions_of
from pilotfish.worlds.live.run import LiveRun
from pilotfish.worlds.live.settings import parse_settings
from pilotfish.worlds.live.start import look
from pilotfish.worlds.verify import verify

LEADS = ["0x" + f"{k}" * 40 for k in (1, 2)]
ACCOUNT = "0x" + "ab" * 20
KEY = Key(bytes(31) + b"\x05")
COINS = ("BTC", "ETH")
DEADLINE_S = 60.0
FILE = f"""
[run]
mode = "MODE"
followers = "20"
out = "OUT"
[limits]
capital_usdc = 10000000
order_usdc = 10000000
gross_usdc = 100000000
loss_usdc = 1000000
leverage = 20
[[leads]]
address = "{LEADS[0]}"
name = "one"
[[leads]]
address = "{LEADS[1]}"
[[accounts]]
address = "{ACCOUNT}"
key = "{KEY.address}"
"""


def a_twin() -> HyperliquidTwin:
    twin = HyperliquidTwin(time.time_ns())
    for lead in LEADS:
        twin.open_account(lead, 100_000)
    twin.open_account(ACCOUNT, 1_000_000)
    twin.approve_agent(ACCOUNT, KEY.address)
    return twin


class Scene:
    """A served twin, and runs against it."""

    def __init__(self, twin: HyperliquidTwin, url: str, folder: Path) -> None:
        self.twin, self.path = twin, folder / "journal.db"
        self._folder = folder
        self.gateway = HyperliquidGateway(
            Settings(False, url.replace("http", "ws") + "/ws", url, 0), COINS, real_money=False
        )

    async def ready(self, mode: str = "live", text: str = FILE):
        settings = parse_settings(text.replace("MODE", mode).replace("OUT", str(self._folder)), "p.toml")
        return await look(settings, self.gateway, Keyring([KEY]))

    async def run(self, mode: str, copies: int, trades):
        """Let the leads trade one by one until so many copies are settled, then stop in order."""
        ready, state = await self.ready(mode), {"next": 0}
        assert passed(ready.findings), ready.findings
        run = LiveRun(ready, lambda world, table, venue, seconds: look_on(world))

        def look_on(world) -> None:
            shard = world.shard.state
            quiet = not shard.blocks and shard.guard.connected and shard.ledger.follows
            if quiet and state["next"] < len(trades):
                self.twin.trade(*trades[state["next"]])
                state["next"] += 1
            elif quiet and world.copies.all.filled + world.copies.all.carried >= copies:
                run.stop()

        world = await asyncio.wait_for(run.play(self.path), DEADLINE_S)
        world.shard.journal.close()
        return world, run


def with_scene(tmp_path: Path, play) -> None:
    async def all_of_it() -> None:
        twin = a_twin()
        async with TwinServer(twin) as server:
            await play(Scene(twin, server.url, tmp_path))

    asyncio.run(all_of_it())


BUYS = [(LEADS[0], "BTC", 40_000), (LEADS[1], "ETH", -90_000)]
SELLS = [(LEADS[0], "BTC", -25_000), (LEADS[1], "ETH", 30_000)]


def held(scene: Scene) -> dict[int, int]:
    symbols = [one.symbol for one in scene.twin.instruments]
    lots = {k: scene.twin.position(ACCOUNT, coin) for k, coin in enumerate(COINS) if coin in symbols}
    return {k: n for k, n in lots.items() if n}


def test_a_live_run_mirrors_stops_in_order_and_goes_on_where_its_journal_ends(tmp_path) -> None:
    async def play(scene: Scene) -> None:
        world, run = await scene.run("live", 20, BUYS)
        first = held(scene)
        assert first
        assert positions_of(world.shard.state) == {OMNIBUS: first}
        assert not run.cancels_unconfirmed
        again, run = await scene.run("live", 40, SELLS)
        second = held(scene)
        assert second != first
        assert positions_of(again.shard.state) == {OMNIBUS: second}
        assert run.audit is not None
        assert not run.audit.differences
        assert scene.twin.duplicates_received == 0
        assert all(one.order.cloid for one in scene.twin.orders_of(ACCOUNT))

    with_scene(tmp_path, play)
    chain = verify_file(tmp_path / "journal.db")
    with SqliteJournal(tmp_path / "journal.db", read_only=True) as journal:
        assert verify(journal, chain).ok


def test_a_paper_run_mirrors_and_the_venue_sees_no_order(tmp_path) -> None:
    async def play(scene: Scene) -> None:
        world, _ = await scene.run("paper", 20, BUYS)
        assert positions_of(world.shard.state)[OMNIBUS]
        assert not scene.twin.orders_of(ACCOUNT)

    with_scene(tmp_path, play)


def test_no_key_is_in_the_journal_or_the_report(tmp_path) -> None:
    async def play(scene: Scene) -> None:
        await scene.run("live", 20, BUYS)

    with_scene(tmp_path, play)
    for path in tmp_path.iterdir():
        raw = path.read_bytes()
        assert KEY.reveal() not in raw
        assert KEY.reveal().hex().encode() not in raw


def test_the_doctor_sees_at_the_venue_that_the_key_is_the_account_s_own_or_nobody_s(tmp_path) -> None:
    async def play(scene: Scene) -> None:
        well = await scene.ready()
        assert passed(well.findings)
        own = Key(bytes(31) + b"\x09")
        scene.twin.open_account(own.address, 1_000_000)
        text = FILE.replace(ACCOUNT, own.address).replace(KEY.address, own.address)
        found = (await scene.ready(text=text)).findings
        assert any(one.level is Level.ERROR and "could withdraw" in one.why for one in found)
        text = FILE.replace(f'key = "{KEY.address}"', f'key = "0x{"77" * 20}"')
        found = (await scene.ready(text=text)).findings
        assert any(one.level is Level.ERROR and "may not trade" in one.why for one in found)

    with_scene(tmp_path, play)


def test_a_skewed_venue_clock_is_an_error_of_the_doctor(tmp_path) -> None:
    async def play(scene: Scene) -> None:
        scene.twin.core.skew_ns = -20 * 10**9
        found = (await scene.ready()).findings
        assert any(one.what == "clock" and one.level is Level.ERROR for one in found)

    with_scene(tmp_path, play)


def test_a_symbol_that_nobody_lists_is_refused(tmp_path) -> None:
    async def play(scene: Scene) -> None:
        scene.gateway = HyperliquidGateway(scene.gateway.settings, ["BTC", "NOPE"], real_money=False)
        with pytest.raises(ConfigError, match="NOPE"):
            await scene.ready()

    with_scene(tmp_path, play)


def test_a_position_that_somebody_else_opened_stops_opens_and_is_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(audit, "EVERY_S", 0.1)
    monkeypatch.setattr(audit, "SOON_S", 0.05)

    async def play(scene: Scene) -> None:
        ready = await scene.ready()
        run, said = LiveRun(ready, lambda world, table, venue, seconds: look_on(world)), []

        def look_on(world) -> None:
            if not said and world.shard.state.ledger.follows:
                said.append(1)
                scene.twin.trade(ACCOUNT, "ETH", 5_000)
            if run.audit is not None and run.audit.differences:
                run.stop()

        world = await asyncio.wait_for(run.play(scene.path), DEADLINE_S)
        world.shard.journal.close()
        assert "ETH" in run.audit.differences[0]
        assert "0.5" in run.audit.differences[0]
        assert world.shard.state.guard.killed

    with_scene(tmp_path, play)


def test_an_external_signer_and_a_pool_sign_what_the_run_sends(tmp_path) -> None:
    async def signed_by(scene: Scene, keys: Keyring, signer) -> None:
        settings = parse_settings(FILE.replace("MODE", "live").replace("OUT", str(tmp_path)), "p.toml")
        ready = await look(settings, scene.gateway, keys, signer)
        assert passed(ready.findings), ready.findings
        before, traded = len(scene.twin.orders_of(ACCOUNT)), list[bool]()

        def look_on(world, table, venue, seconds) -> None:
            if not traded and world.shard.state.ledger.follows and world.shard.state.guard.connected:
                traded.append(scene.twin.trade(LEADS[0], "BTC", 30_000) is not None)
            if len(scene.twin.orders_of(ACCOUNT)) > before:
                run.stop()

        run = LiveRun(ready, look_on)
        world = await asyncio.wait_for(run.play(scene.path), DEADLINE_S)
        world.shard.journal.close()

    async def play(scene: Scene) -> None:
        server = SignerServer(tmp_path / "signer", Keyring([KEY]))
        threading.Thread(target=server.run, daemon=True).start()
        link = await SignerLink.connect(server.path)
        await signed_by(scene, Keyring(remote=await link.addresses()), link.sign)
        await link.close()
        server.close()
        async with SignerPool([KEY.reveal()], 2) as pool:
            await signed_by(scene, Keyring(remote=[KEY.address]), pool.sign)

    with_scene(tmp_path, play)


def test_on_the_segregated_route_every_follower_trades_its_own_account_with_its_own_key(tmp_path) -> None:
    names = ["ann", "bob", "cyd"]
    keys = {name: KEY.derive(name.encode()) for name in names}
    addresses = {name: "0x" + f"{k + 3}{k + 4}" * 20 for k, name in enumerate(names)}
    rows = [f"{name},one,5000" for name in names]
    (tmp_path / "followers.csv").write_text("\n".join(["follower,lead,capital", *rows]))
    text = FILE.split("[[accounts]]", maxsplit=1)[0].replace(
        'followers = "20"', f'followers = "{tmp_path}/followers.csv"'
    )
    text = text.replace('mode = "MODE"', 'mode = "live"\nroute = "segregated"').replace("OUT", str(tmp_path))
    for name in names:
        text += f'[[accounts]]\nfollower = "{name}"\naddress = "{addresses[name]}"\nkey = "{keys[name].address}"\n'

    async def play(scene: Scene) -> None:
        for name in names:
            scene.twin.open_account(addresses[name], 6_000)
            scene.twin.approve_agent(addresses[name], keys[name].address)
        ready = await look(parse_settings(text, "p.toml"), scene.gateway, Keyring(keys.values()))
        assert passed(ready.findings), ready.findings
        traded: list = []

        def look_on(world, table, venue, seconds) -> None:
            state = world.shard.state
            if not traded and state.ledger.follows and state.guard.connected:
                traded.append(scene.twin.trade(LEADS[0], "BTC", 40_000))
            if traded and len(positions_of(state)) == len(names) and not state.batches:
                run.stop()

        run = LiveRun(ready, look_on)
        world = await asyncio.wait_for(run.play(scene.path), DEADLINE_S)
        world.shard.journal.close()
        held = positions_of(world.shard.state)
        assert {k: held[k][0] for k in range(3)} == {
            k: scene.twin.position(addresses[name], "BTC") for k, name in enumerate(names)
        }
        assert all(lots > 0 for one in held.values() for lots in one.values())

    with_scene(tmp_path, play)
