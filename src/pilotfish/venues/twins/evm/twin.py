"""A node of the small chain: JSON-RPC over HTTP, heads and logs over a socket, and what can go wrong with both.

What real nodes say was learnt from go-ethereum's and anvil's answers; errors are go-ethereum's words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.public.ladder import SLOT0
from pilotfish.venues.evm.wire import bloom
from pilotfish.venues.evm.wire.abi import address, height, selector, unhex, words
from pilotfish.venues.evm.wire.swaps import Pool
from pilotfish.venues.evm.wire.transactions import Transaction
from pilotfish.venues.keys.key import keccak
from pilotfish.venues.reading import Reading
from pilotfish.venues.twins.evm.chain import Block, Chain, Pending, SendRefused
from pilotfish.venues.twins.evm.words import error_words, hexed, receipt_words
from pilotfish.venues.twins.faults import SECOND, Fault, TwinFaults, TwinSettings
from pilotfish.venues.twins.port import Answer, Push

WS_PATH = "/ws"
_REORG_DEPTH_MAX = 3
_LOGS_MAX = 10_000
_BALANCE_OF, _BITMAP, _TICKS = selector("balanceOf(address)"), selector("tickBitmap(int16)"), selector("ticks(int24)")
_WORD_BITS = 256


class Terms(msgspec.Struct, frozen=True):
    """`block_ns`: between two blocks; their stamps are whole seconds."""

    block_ns: int = SECOND
    chain: int = 31337


class _Request(msgspec.Struct, frozen=True):
    method: str
    id: int | None = None
    params: list[Any] = []


class RpcError(Exception):
    """What a node answers instead of a result."""

    def __init__(self, code: int, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(message)


_REQUESTS: Reading[list[_Request] | _Request] = Reading("JSON-RPC request", list[_Request] | _Request)
_REQUEST: Reading[_Request] = Reading("JSON-RPC request", _Request)


class EvmTwin:
    """`chain` holds the books. `settings.skew_ns`: its clock less true time."""

    def __init__(
        self,
        pool: Pool,
        root: int,
        now_ns: int,
        faults: TwinFaults | None = None,
        settings: TwinSettings | None = None,
        terms: Terms | None = None,
    ) -> None:
        self.faults, self._settings, self.terms = faults or TwinFaults(), settings or TwinSettings(), terms or Terms()
        self.chain = Chain(pool, self.terms.chain, root, self._stamp_s(now_ns) - 1)
        self.pushes: list[Push] = []
        self.now_ns = now_ns
        self._pool = pool
        self._next_ns = now_ns + self.terms.block_ns
        self._frozen_ns = -1
        self._subscribed: dict[int, dict[str, str]] = {}  # stream → subscription → kind
        self._subscriptions = 0
        self._methods: dict[str, Callable[[list[Any]], Any]] = {
            "eth_chainId": lambda params: hex(self.terms.chain),
            "eth_blockNumber": lambda params: hex(self.chain.tip.number),
            "eth_getBlockByNumber": self._block,
            "eth_getLogs": self._get_logs,
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getTransactionCount": self._count,
            "eth_getBalance": lambda params: hex(self.chain.world.coin.get(address(params[0]), 0)),
            "eth_sendRawTransaction": self._send,
            "eth_call": self._call,
        }

    # -- people --------------------------------------------------------------------------------------------------------

    def fund(self, who: str, base: int, quote: int, coin_wei: int = 10**21) -> None:
        """So much of each token, and coin for gas."""
        world = self.chain.world
        world.tokens[self._pool.base.address, who] = base
        world.tokens[self._pool.quote.address, who] = quote
        world.coin[who] = coin_wei

    def somebody_sends(self, who: str, to: str, data: bytes) -> None:
        """Of one of the simulated: whoever has no key here."""
        world = self.chain.world
        nonce = self.chain.pending_count(who)
        made = Transaction(self.terms.chain, nonce, 10**9, 10**12, 400_000, bytes.fromhex(to[2:]), 0, data)
        world.coin[who] = 10**24
        self.chain.admit(Pending("0x" + keccak(who.encode() + made.unsigned()).hex(), who, made))

    def reorganise(self, depth: int, now_ns: int, *, drop: bool = False) -> None:
        """Other blocks take the place of the last `depth`, and one comes on top. `drop`: what they had is lost."""
        depth = min(depth, self.chain.tip.number - 1)
        if depth <= 0:
            return
        lost = [one.pending.hash for k in range(depth) for one in self.chain.blocks[self.chain.tip.number - k].mined]
        gone = self.chain.fork(depth, lost if drop else ())
        for block in gone:
            for log in self._logs(block):
                self._publish("logs", log | {"removed": True})
        for block in reversed(gone):
            self._mined(self.chain.mine(block.stamp_s))
        self._mined(self.chain.mine(self._stamp_s(now_ns)))

    # -- the driver's side ---------------------------------------------------------------------------------------------

    def opened(self, stream: int, path: str, now_ns: int) -> None:
        if path.partition("?")[0] != WS_PATH:
            self.pushes.append(Push(stream, None))
            return
        self._subscribed[stream] = {}

    def closed(self, stream: int, now_ns: int) -> None:
        self._subscribed.pop(stream, None)

    def frame(self, stream: int, raw: bytes, now_ns: int) -> None:
        if stream not in self._subscribed:
            return
        self.advance(now_ns)
        try:
            request = _REQUEST.decode(raw)
        except MessageRefused:
            return self._say(stream, error_words(None, -32700, "parse error"))
        if request.method == "eth_subscribe":
            self._subscriptions += 1
            name = hex(self._subscriptions)
            self._subscribed[stream][name] = str(request.params[0]) if request.params else ""
            return self._say(stream, {"jsonrpc": "2.0", "id": request.id, "result": name})
        self._say(stream, self._answer(request))

    def request(self, method: str, url: str, headers: dict[str, str], body: bytes, now_ns: int) -> Answer:
        self.advance(now_ns)
        try:
            asked = _REQUESTS.decode(body)
        except MessageRefused:
            return Answer(200, msgspec.json.encode(error_words(None, -32700, "parse error")))
        requests = asked if isinstance(asked, list) else [asked]
        fails = False
        if any(one.method == "eth_sendRawTransaction" for one in requests):
            for fault, status in ((Fault.RATE_LIMIT, 429), (Fault.AUTH, 401)):
                if self.faults.hit(fault):
                    return Answer(status, b"")
            fails = self.faults.hit(Fault.ERROR_500)
            if fails and self.faults.draw(Fault.ERROR_500, 2):
                return Answer(500, b"")
        answers = [self._answer(one) for one in requests]
        if fails:
            return Answer(500, b"")
        return Answer(200, msgspec.json.encode(answers if isinstance(asked, list) else answers[0]))

    def advance(self, now_ns: int) -> None:
        while self._next_ns <= now_ns:
            self.now_ns, self._next_ns = self._next_ns, self._next_ns + self.terms.block_ns
            if self.faults.hit(Fault.FROZEN):
                self._frozen_ns = self.now_ns + self.faults.lasting_ns
            if self.now_ns < self._frozen_ns:
                continue
            if self.faults.hit(Fault.SETTLEMENT):
                self.reorganise(1 + self.faults.draw(Fault.SETTLEMENT, _REORG_DEPTH_MAX), self.now_ns)
            else:
                self._mined(self.chain.mine(self._stamp_s(self.now_ns)))
        self.now_ns = max(self.now_ns, now_ns)

    def next_ns(self) -> int | None:
        return self._next_ns

    # -- what it says --------------------------------------------------------------------------------------------------

    def _stamp_s(self, now_ns: int) -> int:
        return (now_ns + self._settings.skew_ns) // SECOND

    def _mined(self, block: Block) -> None:
        self._publish("newHeads", self._head(block))
        for log in self._logs(block):
            self._publish("logs", log)

    def _publish(self, kind: str, result: dict[str, Any]) -> None:
        for stream, subscriptions in self._subscribed.items():
            for name, wanted in subscriptions.items():
                if wanted == kind:
                    params = {"subscription": name, "result": result}
                    self._say(stream, {"jsonrpc": "2.0", "method": "eth_subscription", "params": params})

    def _say(self, stream: int, message: dict[str, Any]) -> None:
        self.pushes.append(Push(stream, msgspec.json.encode(message)))

    def _answer(self, request: _Request) -> dict[str, Any]:
        method = self._methods.get(request.method)
        if method is None:
            return error_words(request.id, -32601, f"the method {request.method} does not exist/is not available")
        try:
            return {"jsonrpc": "2.0", "id": request.id, "result": method(request.params)}
        except RpcError as bad:
            return error_words(request.id, bad.code, bad.message)
        except (MessageRefused, IndexError, KeyError, TypeError, ValueError, AttributeError):
            return error_words(request.id, -32602, "invalid argument")

    # -- methods -------------------------------------------------------------------------------------------------------

    def _send(self, params: list[Any]) -> str:
        if self.faults.hit(Fault.BALANCE):
            raise RpcError(-32000, "insufficient funds for gas * price + value")
        try:
            return self.chain.send(unhex(params[0]))
        except SendRefused as bad:
            raise RpcError(-32000, bad.what) from None

    def _numbered(self, text: str) -> Block:
        chain = self.chain
        found = chain.tip if text in ("latest", "pending") else chain.at(0 if text == "earliest" else height(text))
        if found is None:
            raise RpcError(-32000, "header not found")
        return found

    def _block(self, params: list[Any]) -> dict[str, Any] | None:
        try:
            return self._head(self._numbered(params[0]))
        except RpcError:
            return None

    def _head(self, block: Block) -> dict[str, Any]:
        held = 0
        if any(mined.events for mined in block.mined):
            held = bloom.bits(bytes.fromhex(self._pool.address[2:]))
        return {
            "number": hex(block.number), "hash": block.hash, "parentHash": block.parent,
            "timestamp": hex(block.stamp_s), "baseFeePerGas": hex(block.base_fee_wei),
            "logsBloom": "0x" + held.to_bytes(256, "big").hex(), "gasUsed": hex(sum(m.gas for m in block.mined)),
        }  # fmt: skip

    def _logs(self, block: Block) -> list[dict[str, Any]]:
        events = [(mined, event) for mined in block.mined for event in mined.events]
        return [
            {
                "address": self._pool.address, "topics": list(event.topics), "data": "0x" + event.data.hex(),
                "blockNumber": hex(block.number), "blockHash": block.hash, "transactionHash": mined.pending.hash,
                "logIndex": hex(index), "removed": False,
            }
            for index, (mined, event) in enumerate(events)
        ]  # fmt: skip

    def _get_logs(self, params: list[Any]) -> list[dict[str, Any]]:
        wanted = params[0]
        first, last = self._numbered(wanted["fromBlock"]).number, height(wanted["toBlock"])
        if last > self.chain.tip.number:
            raise RpcError(-32000, "block range extends beyond current head block")
        found = [log for number in range(first, last + 1) for log in self._logs(self.chain.blocks[number])]
        if len(found) > _LOGS_MAX:
            raise RpcError(-32005, "query returned more than 10000 results")
        return found

    def _transaction(self, params: list[Any]) -> dict[str, Any] | None:
        found = self.chain.find(params[0])
        if found is None:
            return None
        pending, block, _ = found
        one = pending.transaction
        return {
            "hash": pending.hash, "from": pending.sender, "to": "0x" + one.to.hex(), "input": "0x" + one.data.hex(),
            "nonce": hex(one.nonce), "blockNumber": hex(block.number) if block is not None else None,
        }  # fmt: skip

    def _receipt(self, params: list[Any]) -> dict[str, Any] | None:
        _, block, mined = self.chain.find(params[0]) or (None, None, None)
        return receipt_words(block, mined) if block is not None and mined is not None else None

    def _count(self, params: list[Any]) -> str:
        who = address(params[0])
        if params[1] == "pending":
            return hex(self.chain.pending_count(who))
        return hex(self._numbered(params[1]).world.nonces.get(who, 0))

    def _call(self, params: list[Any]) -> str:
        to, data = address(params[0]["to"]), unhex(params[0]["data"])
        world = self._numbered(params[1]).world
        if to in (self._pool.base.address, self._pool.quote.address) and data[:4] == _BALANCE_OF:
            return hexed([world.tokens.get((to, f"0x{words(data[4:], 1)[0]:040x}"), 0)])
        if to != self._pool.address:
            return "0x"
        pool = world.pool
        if data == SLOT0[0]:
            return hexed([pool.root, pool.tick, 0, 0, 0, 0, 1])
        if data == SLOT0[1]:
            return hexed([pool.liquidity])
        argument = words(data[4:], 1)[0]
        argument = argument - 2**256 if argument >> 255 else argument
        if data[:4] == _BITMAP:
            places = (divmod(tick // self._pool.spacing, _WORD_BITS) for tick in pool.net)
            return hexed([sum(1 << bit for place, bit in places if place == argument)])
        if data[:4] == _TICKS:
            return hexed([abs(pool.net.get(argument, 0)), pool.net.get(argument, 0), 0, 0, 0, 0, 0, 1])
        raise RpcError(3, "execution reverted")
