"""What a node of a chain says, asked once and taken with care: JSON-RPC over HTTP, sizes and times bounded.

Only for looking on: verifying, watching. Neither the path of an order nor a key is near. A node's URL can hold a key of
its own, so no error and no line shows more of it than the host.
"""

from __future__ import annotations

from typing import Any, NoReturn, Protocol

import msgspec
from yarl import URL

from pilotfish.domain.errors import VenueError
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.wire import abi
from pilotfish.venues.net.http import Http
from pilotfish.venues.session import SECOND, Ask

TIMEOUT_NS = 20 * SECOND
_WHY_CHARS = 200


class NoAnswer(VenueError):
    """A node gave no answer, or none that can be used: nobody knows anything new."""

    exit_code = 3  # so that who runs a command by a timer tells it from "does not hold", which is 1


class CallRefused(NoAnswer):
    """It answered with an error. `data` is what a contract reverted with, empty where it did not."""

    def __init__(self, what: str, why: str = "", to_do: str = "", data: bytes = b"") -> None:
        self.data = data
        super().__init__(what, why, to_do)


class Node(Protocol):
    """Whoever answers JSON-RPC. `name` may be shown."""

    name: str

    async def ask(self, method: str, params: list[Any]) -> Any:
        """The result. Raises NoAnswer, and CallRefused where the node said no."""
        ...


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""
    data: Any = None


class _Reply(msgspec.Struct):
    id: int
    result: Any = None
    error: _Error | None = None


class HttpNode:
    """A node at `url`; transactions go to the one at `send_url`, where there is one. Whoever makes this closes the
    `http`. Raises NoAnswer where a URL is none.
    """

    def __init__(self, url: str, http: Http, send_url: str = "") -> None:
        self.name, self._url, self._http, self._asked = _host(url), url, http, 0
        self._send_name, self._send_url = (_host(send_url), send_url) if send_url else (self.name, url)

    async def ask(self, method: str, params: list[Any]) -> Any:
        sends = method == "eth_sendRawTransaction"
        name, url = (self._send_name, self._send_url) if sends else (self.name, self._url)
        self._asked += 1
        number = self._asked
        body = msgspec.json.encode({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        headers = {"Content-Type": "application/json"}
        answer = await self._http.ask(Ask(number, "POST", url, body, headers, TIMEOUT_NS))
        if isinstance(answer, str):
            raise NoAnswer(f"node {name}", answer, "see that it runs and can be reached from here")
        try:
            reply = msgspec.json.decode(answer.body, type=_Reply)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            why = f"HTTP {answer.status} with no JSON-RPC in it"
            raise NoAnswer(f"node {name}, {method}", why, "see that the URL is a node's") from None
        if reply.error is not None:
            why = f"{reply.error.message[:_WHY_CHARS]} ({reply.error.code})"
            raise CallRefused(f"node {name}, {method}", why, data=revert_data(reply.error.data))
        if reply.id != number:
            raise NoAnswer(f"node {name}, {method}", "answered another question", "see what is in between")
        return reply.result


def _host(url: str) -> str:
    try:
        host = URL(url).host
    except ValueError:
        host = None
    if not host or not url.startswith(("http://", "https://")):
        raise NoAnswer("the URL of the node", "is not http(s)://host…", "for example http://127.0.0.1:8545")
    return host


def revert_data(told: Any) -> bytes:
    """What a contract reverted with, where the node tells: as nodes differ, text or an object with the text in it."""
    if isinstance(told, dict):
        told = told.get("data")
    try:
        return abi.unhex(told) if isinstance(told, str) else b""
    except MessageRefused:
        return b""


def quantity(told: Any, what: str) -> int:
    """A number as nodes write it, `0x1f`. Raises NoAnswer."""
    try:
        return abi.quantity(told) if isinstance(told, str) else _no(told, what)
    except MessageRefused:
        return _no(told, what)


def octets(told: Any, what: str, size: int | None = None) -> bytes:
    """Bytes as nodes write them, `0x…`; of a size where one is given. Raises NoAnswer."""
    try:
        raw = abi.unhex(told) if isinstance(told, str) else _no(told, what)
    except MessageRefused:
        return _no(told, what)
    return raw if size in (None, len(raw)) else _no(told, what)


def _no(told: Any, what: str) -> NoReturn:
    raise NoAnswer(f"the node's {what}", f"is not what it should be: {str(told)[:_WHY_CHARS]}", "ask another node")


def fields(told: Any, what: str) -> dict[str, Any]:
    """An object. Raises NoAnswer."""
    if isinstance(told, dict):
        return told
    raise NoAnswer(f"the node's {what}", f"is not there: {str(told)[:_WHY_CHARS]}", "ask another node")


def tag(block: int) -> str:
    """A block as parameters name it."""
    return hex(block)


async def call(node: Node, to: str, data: bytes, block: str = "latest", sender: str | None = None) -> bytes:
    """`eth_call`. Raises CallRefused, with what the contract reverted with, and NoAnswer."""
    asked = {"to": to, "data": "0x" + data.hex()} | ({"from": sender} if sender else {})
    return octets(await node.ask("eth_call", [asked, block]), "answer to a call")


async def block_at(node: Node, block: str) -> tuple[int, str, int]:
    """Number, hash and time (s) of a block by its tag. Raises NoAnswer, also where there is none."""
    told = fields(await node.ask("eth_getBlockByNumber", [block, False]), f"block {block}")
    digest = "0x" + octets(told.get("hash"), "block hash", 32).hex()
    return quantity(told.get("number"), "block number"), digest, quantity(told.get("timestamp"), "block time")


async def logs(node: Node, address: str, topics: list[str], first: int, last: int) -> list[Any]:
    """Of a contract, from block to block; where the node finds that too much, in halves. Raises NoAnswer."""
    asked = {"address": address, "fromBlock": tag(first), "toBlock": tag(last), "topics": topics}
    try:
        told = await node.ask("eth_getLogs", [asked])
    except CallRefused:
        if first >= last:
            raise
        middle = (first + last) // 2
        early = await logs(node, address, topics, first, middle)
        return early + await logs(node, address, topics, middle + 1, last)
    if not isinstance(told, list):
        raise NoAnswer("the node's log", "is no list", "ask another node")
    return told
