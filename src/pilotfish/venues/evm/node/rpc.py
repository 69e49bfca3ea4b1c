"""What a local chain answers over JSON-RPC. Every request is read into a typed one first; nothing else gets in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pilotfish import __version__
from pilotfish.venues.evm.deploy.signing import signed
from pilotfish.venues.evm.node.accounts import CHAIN_ID
from pilotfish.venues.evm.node.asked import (
    INVALID,
    UNREADABLE,
    Account,
    BlockAsked,
    Called,
    CallFields,
    Filtered,
    History,
    Maybe,
    Nothing,
    OneFlag,
    OneText,
    Request,
    Slot,
    number,
    octets,
    read_batch,
    read_one,
    read_params,
)
from pilotfish.venues.evm.node.chain import Block, LocalChain
from pilotfish.venues.evm.node.evm import BLOCK_GAS, TRANSACTION_GAS_MAX
from pilotfish.venues.evm.node.pool import NodeRefused
from pilotfish.venues.evm.node.words import (
    Json,
    block_words,
    logs_of,
    receipt_words,
    said,
    transaction_words,
)
from pilotfish.venues.evm.wire.transactions import Transaction

BATCH_MAX = 1_000
LOGS_MAX = 20_000
PERCENTILES_MAX = 100
TIP = 10**9
"""Wei a unit of gas that the chain proposes as a tip."""


class LocalRpc:
    """A chain's answers."""

    def __init__(self, chain: LocalChain) -> None:
        self.chain = chain
        self._methods: dict[str, tuple[type[Any], Callable[[Any], Any]]] = {
            "web3_clientVersion": (Nothing, lambda _: f"pilotfish/{__version__}/py-evm"),
            "net_version": (Nothing, lambda _: str(CHAIN_ID)),
            "eth_chainId": (Nothing, lambda _: hex(CHAIN_ID)),
            "eth_syncing": (Nothing, lambda _: False),
            "eth_accounts": (Nothing, lambda _: [said(who) for who in chain.keys]),
            "eth_blockNumber": (Nothing, lambda _: hex(chain.head.number)),
            "eth_gasPrice": (Nothing, lambda _: hex((chain.next_header().base_fee_per_gas or 0) + TIP)),
            "eth_maxPriorityFeePerGas": (Nothing, lambda _: hex(TIP)),
            "eth_feeHistory": (History, self._fee_history),
            "eth_getBlockByNumber": (BlockAsked, lambda p: self._block_words(self._at(p.block), p.whole)),
            "eth_getBlockByHash": (BlockAsked, lambda p: self._block_words(chain.by_hash(octets(p.block)), p.whole)),
            "eth_getTransactionByHash": (OneText, self._transaction),
            "eth_getTransactionReceipt": (OneText, self._receipt),
            "eth_getBlockReceipts": (OneText, self._receipts),
            "eth_getTransactionCount": (Account, self._nonce),
            "eth_getBalance": (Account, lambda p: hex(self._state(p.block).get_balance(octets(p.who, 20)))),
            "eth_getCode": (Account, lambda p: said(self._state(p.block).get_code(octets(p.who, 20)))),
            "eth_getStorageAt": (Slot, self._storage),
            "eth_getLogs": (Filtered, self._logs),
            "eth_call": (Called, self._call),
            "eth_estimateGas": (Called, self._estimate),
            "eth_sendRawTransaction": (OneText, lambda p: said(chain.submit(octets(p.text)))),
            "eth_sendTransaction": (Called, self._send),
            "evm_snapshot": (Nothing, lambda _: hex(chain.snapshot())),
            "evm_revert": (OneText, lambda p: chain.revert(number(p.text))),
            "evm_mine": (Maybe, self._mine),
            "evm_increaseTime": (Maybe, lambda p: chain.ahead(_amount(p.amount))),
            "evm_setNextBlockTimestamp": (Maybe, lambda p: chain.next_at(_amount(p.amount))),
            "evm_setAutomine": (OneFlag, self._automine),
        }

    def answer(self, raw: bytes | str, extra: Callable[[Request], Any] | None = None) -> bytes:
        """The reply to one request or a batch of them. Never raises.

        `extra` answers eth_subscribe and eth_unsubscribe, which belong to one connection.
        """
        try:
            many = raw.lstrip()[:1] in (b"[", "[")
            requests = read_batch(raw) if many else [read_one(raw)]
        except UNREADABLE as bad:
            return msgspec.json.encode(_fault(None, -32700, f"not a request: {str(bad)[:200]}"))
        if not requests or len(requests) > BATCH_MAX:
            return msgspec.json.encode(_fault(None, -32600, f"a batch has 1 to {BATCH_MAX} requests"))
        replies = [self._reply(request, extra) for request in requests]
        return msgspec.json.encode(replies if many else replies[0])

    def _reply(self, request: Request, extra: Callable[[Request], Any] | None) -> Json:
        try:
            if extra is not None and request.method in ("eth_subscribe", "eth_unsubscribe"):
                return {"jsonrpc": "2.0", "id": request.id, "result": extra(request)}
            if request.method not in self._methods:
                raise NodeRefused(-32601, f"the method {request.method[:80]} does not exist")
            kind, does = self._methods[request.method]
            return {"jsonrpc": "2.0", "id": request.id, "result": does(read_params(request.params, kind))}
        except NodeRefused as bad:
            return _fault(request.id, bad.code, bad.message, bad.data)
        except Exception as bad:  # a local node answers for what breaks in it, and goes on
            return _fault(request.id, -32603, f"internal error: {type(bad).__name__}: {str(bad)[:200]}")

    # Reading.

    def _at(self, text: str) -> Block | None:
        """A block by its name, number or hash. None where there is none; `pending` is the latest."""
        if text in ("latest", "safe", "finalized", "pending"):
            return self.chain.head
        if text == "earliest":
            return self.chain.blocks[0]
        if len(text) == 66:
            return self.chain.by_hash(octets(text))
        height = number(text)
        return self.chain.blocks[height] if height <= self.chain.head.number else None

    def _block(self, text: str) -> Block:
        block = self._at(text)
        if block is None:
            raise NodeRefused(-32000, "header not found")
        return block

    def _state(self, text: str) -> Any:
        return self.chain.vm(self._block(text)).state

    @staticmethod
    def _block_words(block: Block | None, whole: bool) -> Json | None:
        return None if block is None else block_words(block, whole)

    def _transaction(self, params: OneText) -> Json | None:
        wanted = octets(params.text, 32)
        if (place := self.chain.place(wanted)) is not None:
            return transaction_words(place[0].transactions[place[1]], *place)
        waits = self.chain.waiting(wanted)
        return None if waits is None else transaction_words(waits, None)

    def _receipt(self, params: OneText) -> Json | None:
        place = self.chain.place(octets(params.text, 32))
        return None if place is None else receipt_words(*place)

    def _receipts(self, params: OneText) -> list[Json] | None:
        block = self._at(params.text)
        return None if block is None else [receipt_words(block, n) for n in range(len(block.transactions))]

    def _nonce(self, params: Account) -> str:
        who = octets(params.who, 20)
        if params.block in ("latest", "pending"):
            return hex(self.chain.nonce(who, params.block == "pending"))
        return hex(self._state(params.block).get_nonce(who))

    def _storage(self, params: Slot) -> str:
        value: int = self._state(params.block).get_storage(octets(params.who, 20), number(params.slot))
        return said(value.to_bytes(32, "big"))

    def _logs(self, params: Filtered) -> list[Json]:
        wanted = params.wanted
        if wanted.block_hash is not None:
            return logs_of(self._block(wanted.block_hash), wanted)
        first, last = (self._at(text) for text in (wanted.from_block, wanted.to_block))
        if first is None:
            return []
        blocks = self.chain.blocks[first.number : (last or self.chain.head).number + 1]
        found = [log for block in blocks for log in logs_of(block, wanted)]
        if len(found) > LOGS_MAX:
            raise NodeRefused(-32005, f"query returned more than {LOGS_MAX} results")
        return found

    def _fee_history(self, params: History) -> Json:
        newest = self._block(params.newest).number
        if len(params.percentiles) > PERCENTILES_MAX:
            raise NodeRefused(INVALID, f"more than {PERCENTILES_MAX} percentiles")
        count = min(max(_amount(params.count), 1), newest + 1, 1024)
        blocks = self.chain.blocks[newest + 1 - count : newest + 1]
        after = self.chain.blocks[newest + 1].header if newest < self.chain.head.number else self.chain.next_header()
        fees = [block.header.base_fee_per_gas or 0 for block in blocks] + [after.base_fee_per_gas or 0]
        return {
            "oldestBlock": hex(blocks[0].number),
            "baseFeePerGas": [hex(fee) for fee in fees],
            "gasUsedRatio": [block.header.gas_used / BLOCK_GAS for block in blocks],
            "reward": [[hex(TIP) for _ in params.percentiles] for _ in blocks],
        }

    # Running.

    def _run_as(self, call: CallFields) -> tuple[dict[str, Any], bytes]:
        data = call.input if call.input is not None else call.data
        gas = min(number(call.gas), TRANSACTION_GAS_MAX) if call.gas else TRANSACTION_GAS_MAX
        fields = {
            "gas": gas,
            "to": octets(call.to, 20) if call.to else b"",
            "value": number(call.value) if call.value else 0,
            "data": octets(data) if data else b"",
        }
        return fields, octets(call.from_, 20) if call.from_ else bytes(20)

    def _call(self, params: Called) -> str:
        fields, sender = self._run_as(params.call)
        block = None if params.block == "pending" else self._block(params.block)
        return said(bytes(self.chain.run(fields, sender, block).output))

    def _estimate(self, params: Called) -> str:
        fields, sender = self._run_as(params.call)
        return hex(self.chain.estimate(fields, sender, None))

    def _send(self, params: Called) -> str:
        fields, sender = self._run_as(params.call)
        key = self.chain.keys.get(sender)
        if key is None:
            raise NodeRefused(-32000, "unknown account: only eth_accounts sign here")
        if not params.call.gas:
            fields["gas"] = self.chain.estimate(fields, sender, None)
        call, base = params.call, self.chain.next_header().base_fee_per_gas or 0
        tip = number(call.tip) if call.tip else TIP
        most = call.max_fee or call.gas_price
        fee = number(most) if most else 2 * base + tip
        nonce = number(call.nonce) if call.nonce else self.chain.nonce(sender, pending=True)
        to, value, data = fields["to"], fields["value"], fields["data"]
        one = Transaction(CHAIN_ID, nonce, min(tip, fee), fee, fields["gas"], to, value, data)
        return said(self.chain.submit(signed(key, one)))

    def _mine(self, params: Maybe) -> str:
        if params.amount is not None:
            self.chain.next_at(_amount(params.amount))
        self.chain.mine()
        return "0x0"

    def _automine(self, params: OneFlag) -> None:
        self.chain.automine = params.flag


def _amount(given: str | int | None) -> int:
    if isinstance(given, int) and 0 <= given < 2**63:
        return given
    if isinstance(given, str) and (value := number(given)) < 2**63:
        return value
    raise NodeRefused(INVALID, "a number of seconds, blocks or an instant is missing")


def _fault(request: int | str | None, code: int, message: str, data: bytes | None = None) -> Json:
    error: Json = {"code": code, "message": message}
    if data is not None:
        error["data"] = said(data)
    return {"jsonrpc": "2.0", "id": request, "error": error}
