"""A live run that is killed again and again, against a twin that goes on: nothing lost, doubled or wrong."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pilotfish.domain.mandate import OMNIBUS
from pilotfish.journal.sqlite import SqliteJournal
from pilotfish.venues.keys.keystore import Keystore
from pilotfish.venues.twins.hyperliquid.twin import HyperliquidTwin
from pilotfish.venues.twins.server import server_in_thread
from pilotfish.worlds.live.closed import Closed
from pilotfish.worlds.live.holdings import positions_of
from pilotfish.worlds.shard import Shard

LEADS = {"0x" + f"{k}" * 40: coin for k, coin in ((1, "BTC"), (2, "ETH"), (3, "HYPE"))}
ACCOUNT = "0x" + "ab" * 20
LOTS = {"BTC": 20_000, "ETH": 40_000, "HYPE": 20_000}
KILLS = 10
DEADLINE_S = 60.0
PASSWORD = "a long password"


def settings(folder: Path, url: str, key: str) -> str:
    leads = "\n".join(f'[[leads]]\naddress = "{one}"' for one in LEADS)
    return f"""
[run]
mode = "live"
followers = "40"
out = "{folder}/out"
[venue]
name = "hyperliquid-testnet"
http_url = "{url}"
ws_url = "{url.replace("http", "ws")}/ws"
instruments = ["BTC", "ETH", "HYPE"]
[keys]
folder = "{folder}/keys"
password_file = "{folder}/password"
[limits]
capital_usdc = 10000000
order_usdc = 10000000
gross_usdc = 100000000
loss_usdc = 1000000
leverage = 20
{leads}
[[accounts]]
address = "{ACCOUNT}"
key = "{key}"
"""


def start(folder: Path) -> subprocess.Popen:
    command = [sys.executable, "-c", "from pilotfish.cli import app; app()", "run", "--config", str(folder / "p.toml")]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PILOTFISH_")} | {"COLUMNS": "200"}
    with (folder / "output.txt").open("ab") as output:
        return subprocess.Popen(command, stdout=output, stderr=output, env=environment)


@pytest.mark.timeout(240)
def test_a_live_run_that_is_killed_goes_on_from_its_journal_and_ends_where_the_venue_is(tmp_path: Path) -> None:
    secret = bytes(31) + b"\x21"
    key = Keystore(tmp_path / "keys", work=2).add(secret, PASSWORD)
    (tmp_path / "password").write_text(PASSWORD)
    (tmp_path / "password").chmod(0o600)
    twin = HyperliquidTwin(time.time_ns())
    for lead in LEADS:
        twin.open_account(lead, 200_000)
    twin.open_account(ACCOUNT, 10_000_000)
    twin.approve_agent(ACCOUNT, key)
    with server_in_thread(twin) as server:
        (tmp_path / "p.toml").write_text(settings(tmp_path, server.url, key))

        def orders() -> int:
            return server.call_from_thread(lambda: len(twin.orders_of(ACCOUNT)))

        def wait_for(count: int, process: subprocess.Popen) -> None:
            deadline, turn = time.monotonic() + DEADLINE_S, 0
            while orders() < count:
                assert time.monotonic() < deadline, (tmp_path / "output.txt").read_text()
                lead, coin = list(LEADS.items())[turn % 3]
                lots = LOTS[coin] * (1 if turn % 5 < 3 else -1)
                server.call_from_thread(lambda: twin.trade(lead, coin, lots))  # noqa: B023
                turn += 1
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.1)
                    raise AssertionError((tmp_path / "output.txt").read_text())

        for _ in range(KILLS):
            process = start(tmp_path)
            wait_for(orders() + 2, process)
            process.send_signal(signal.SIGKILL)
            process.wait()
        process = start(tmp_path)
        wait_for(orders() + 2, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, (tmp_path / "output.txt").read_text()
        held = {k: twin.position(ACCOUNT, one.symbol) for k, one in enumerate(twin.instruments)}
        assert twin.duplicates_received == 0
        assert len({one.order.cloid for one in twin.orders_of(ACCOUNT)}) == orders()
    with SqliteJournal(tmp_path / "out/journal.db") as journal:
        state = Shard.open(journal, Closed(), time.time_ns()).state
        journal.commit()
    symbols = {one.instrument.symbol: k for k, one in enumerate(state.listings)}
    ours = positions_of(state).get(OMNIBUS, {})
    assert ours
    for k, one in enumerate(twin.instruments):
        assert ours.get(symbols[one.symbol], 0) == held[k], one.symbol
    assert not any(state.ledger.sums().values())
    for path in [*(tmp_path / "out").iterdir(), tmp_path / "output.txt"]:
        raw = path.read_bytes()
        assert secret.hex().encode() not in raw
        assert PASSWORD.encode() not in raw
