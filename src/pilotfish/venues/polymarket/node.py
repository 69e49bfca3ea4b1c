"""A node of the chain, asked one question: what a call would do. https://ethereum.org/en/developers/docs/apis/json-rpc"""

from __future__ import annotations

import aiohttp
import msgspec

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.polymarket.wallet import WalletRefused
from pilotfish.venues.reading import Reading


class Fault(msgspec.Struct, frozen=True):
    message: str = ""
    code: int = 0


class Reply(msgspec.Struct, frozen=True):
    result: str | None = None
    error: Fault | None = None


_REPLY: Reading[Reply] = Reading("answer of a node", Reply)
_TIMEOUT = aiohttp.ClientTimeout(total=10)


class Node:
    """`simulate` is what `Wallet` needs. The url may hold a key of its own: it is never shown."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url = http, url

    async def simulate(self, sender: str, to: str, data: str) -> bytes:
        """What the call returns as of the latest block. Raises WalletRefused when it reverts or nobody answers."""
        call = {"from": sender, "to": to, "data": data}
        question = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "latest"]}
        what = f"a call of {to[:42]}"
        try:
            async with self._http.post(self._url, json=question, timeout=_TIMEOUT) as response:
                reply = _REPLY.decode(await response.read())
        except (aiohttp.ClientError, TimeoutError) as bad:
            raise WalletRefused(what, f"the node does not answer: {type(bad).__name__}", "try another node") from None
        except MessageRefused as bad:
            raise WalletRefused(what, bad.why, "try another node") from None
        if reply.error is not None or reply.result is None:
            why = reply.error.message[:300] if reply.error else "nothing was answered"
            raise WalletRefused(what, f"would revert: {why}", "see balance, allowance and the state of the market")
        try:
            return bytes.fromhex(reply.result.removeprefix("0x"))
        except ValueError:
            raise WalletRefused(what, "the node answered no bytes", "try another node") from None

    def __repr__(self) -> str:
        return "Node()"
