"""Both local nodes, over real sockets: the same accounts, the same answers, and news as blocks are mined."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import aiohttp
import pytest

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.deploy.packages import anvil_path
from pilotfish.venues.evm.node.nodes import LocalNode, local_node
from tests.unit.chain_scene import LOGS_ITS_CALLDATA, Scene, creation

TOPIC = "0x" + "07" * 32


@pytest.fixture(scope="module", params=["embedded", "anvil"])
def node(request: pytest.FixtureRequest) -> Iterator[LocalNode]:
    if request.param == "anvil" and anvil_path() is None:
        pytest.skip("anvil has no package for this machine, or it is not installed")
    with local_node(request.param) as started:
        yield started


@asynccontextmanager
async def connected(node: LocalNode) -> AsyncIterator["Wire"]:
    async with aiohttp.ClientSession() as http, http.ws_connect(node.socket_url) as socket:
        yield Wire(http, socket, node.url)


class Wire:
    def __init__(self, http, socket, url):
        self._http, self._socket, self._url = http, socket, url

    async def post(self, body, **headers):
        async with self._http.post(self._url, data=json.dumps(body), headers=headers) as response:
            return response.status, await response.text()

    async def ask(self, method, *params):
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        status, text = await self.post(body, **{"Content-Type": "application/json"})
        assert status == 200
        return json.loads(text)["result"]

    async def subscribe(self, *params):
        await self._socket.send_str(
            json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": params})
        )
        return json.loads(await self._socket.receive_str())["result"]

    async def news(self):
        told = json.loads(await asyncio.wait_for(self._socket.receive_str(), 20))["params"]
        return told["subscription"], told["result"]


def test_both_nodes_are_the_same_local_chain(node):
    async def scenario():
        async with connected(node) as wire:
            accounts = [who.lower() for who in await wire.ask("eth_accounts")]
            return accounts, await wire.ask("eth_chainId")

    accounts, chain = asyncio.run(scenario())
    scene = Scene()
    assert accounts == [key.address for key in scene.keys]
    assert chain == hex(31_337)


def test_blocks_and_logs_are_pushed_as_they_are_mined(node):
    async def scenario():
        async with connected(node) as wire:
            sender = (await wire.ask("eth_accounts"))[5]
            data = "0x" + creation(LOGS_ITS_CALLDATA).hex()
            heads = await wire.subscribe("newHeads")
            made = await wire.ask("eth_sendTransaction", {"from": sender, "data": data})
            assert (await wire.news())[0] == heads
            contract = (await wire.ask("eth_getTransactionReceipt", made))["contractAddress"]
            logs = await wire.subscribe("logs", {"address": contract})
            await wire.ask("eth_sendTransaction", {"from": sender, "to": contract, "data": TOPIC})
            heard = dict([await wire.news(), await wire.news()])
            last = await wire.ask("eth_getBlockByNumber", "latest", False)
            return heard[heads], heard[logs], last, contract

    head, log, last, contract = asyncio.run(scenario())
    assert (head["hash"], head["parentHash"], head["number"]) == (last["hash"], last["parentHash"], last["number"])
    assert (log["blockHash"], log["address"].lower(), log["topics"]) == (last["hash"], contract.lower(), [TOPIC])
    assert log["transactionHash"] == last["transactions"][0]


def test_who_unsubscribes_hears_no_more(node):
    async def scenario():
        async with connected(node) as wire:
            first, second = await wire.subscribe("newHeads"), await wire.subscribe("newHeads")
            await wire._socket.send_str(json.dumps({"id": 2, "method": "eth_unsubscribe", "params": [first]} | JSON))
            assert json.loads(await wire._socket.receive_str())["result"] is True
            await wire.ask("evm_mine")
            return second, (await wire.news())[0]

    JSON = {"jsonrpc": "2.0"}
    second, heard = asyncio.run(scenario())
    assert heard == second


def test_a_web_page_cannot_drive_the_embedded_chain():
    async def scenario(node):
        body = {"id": 1, "method": "eth_accounts"}
        async with connected(node) as wire:
            status, _ = await wire.post(body, **{"Content-Type": "text/plain"})
            assert status == 415
            posed = {"Content-Type": "application/json", "Host": f"evil.example:{node.port}"}
            assert (await wire.post(body, **posed))[0] == 415
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await wire._http.ws_connect(node.socket_url, headers={"Origin": "https://example.org"})

    with local_node("embedded") as node:
        asyncio.run(scenario(node))


def test_a_port_that_is_taken_is_said_to_be():
    with (
        local_node("embedded") as node,
        pytest.raises(Exception, match=f"port {node.port}"),
        local_node("embedded", node.port),
    ):
        pass


def test_a_chain_of_another_kind_is_refused():
    with pytest.raises(ConfigError, match="is no local chain"), local_node("ganache"):
        pass


HOLDS_A_NODE = """
import sys
from pilotfish.venues.evm.node.nodes import local_node
with local_node(sys.argv[1]) as node:
    print(node.port, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("kind", ["embedded", "anvil"])
def test_a_node_ends_when_who_started_it_is_killed(kind):
    if kind == "anvil" and anvil_path() is None:
        pytest.skip("anvil has no package for this machine, or it is not installed")
    command = [sys.executable, "-c", HOLDS_A_NODE, kind]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter:
        port = int(starter.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
            starter.kill()
            with suppress(ConnectionResetError):  # which is hanging up as well
                assert line.recv(1) == b""
