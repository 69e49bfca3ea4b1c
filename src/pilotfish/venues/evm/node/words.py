"""Blocks, transactions and logs of a local chain as JSON-RPC says them.

https://ethereum.github.io/execution-apis/
"""

from __future__ import annotations

from typing import Any

from pilotfish.venues.evm.deploy.signing import created
from pilotfish.venues.evm.node.asked import LogFilter, octets
from pilotfish.venues.evm.node.chain import Block
from pilotfish.venues.evm.node.evm import SignedTransactionAPI

Json = dict[str, Any]


def said(data: bytes) -> str:
    return "0x" + data.hex()


def head_words(block: Block) -> Json:
    """What a subscriber to newHeads hears."""
    header: Any = block.header
    return {
        "number": hex(block.number), "hash": said(block.hash), "parentHash": said(header.parent_hash),
        "sha3Uncles": said(header.uncles_hash), "logsBloom": "0x" + header.bloom.to_bytes(256, "big").hex(),
        "transactionsRoot": said(header.transaction_root), "stateRoot": said(header.state_root),
        "receiptsRoot": said(header.receipt_root), "miner": said(header.coinbase), "difficulty": "0x0",
        "extraData": said(header.extra_data), "gasLimit": hex(header.gas_limit), "gasUsed": hex(header.gas_used),
        "timestamp": hex(header.timestamp), "mixHash": said(header.mix_hash), "nonce": "0x" + "00" * 8,
        "baseFeePerGas": hex(header.base_fee_per_gas), "withdrawalsRoot": said(header.withdrawals_root),
        "blobGasUsed": hex(header.blob_gas_used), "excessBlobGas": hex(header.excess_blob_gas),
        "parentBeaconBlockRoot": said(header.parent_beacon_block_root), "requestsHash": said(header.requests_hash),
    }  # fmt: skip


def block_words(block: Block, whole: bool) -> Json:
    shown: list[Any] = [
        transaction_words(one, block, index) if whole else said(bytes(one.hash))
        for index, one in enumerate(block.transactions)
    ]
    return head_words(block) | {
        "size": hex(block.size), "transactions": shown, "uncles": [], "withdrawals": [], "totalDifficulty": "0x0",
    }  # fmt: skip


def transaction_words(one: SignedTransactionAPI, block: Block | None, index: int = 0) -> Json:
    """One of a block, or one that waits for a block (None)."""
    kind = getattr(one, "type_id", 0)
    words: Json = {
        "type": hex(kind), "hash": said(bytes(one.hash)), "nonce": hex(one.nonce), "from": said(one.sender),
        "to": said(one.to) if one.to else None, "value": hex(one.value), "gas": hex(one.gas), "input": said(one.data),
        "blockHash": said(block.hash) if block else None, "blockNumber": hex(block.number) if block else None,
        "transactionIndex": hex(index) if block else None, "chainId": hex(one.chain_id or 0),
        "r": hex(one.r), "s": hex(one.s), "v": hex(one.y_parity if kind else getattr(one, "v", 0)),
        "gasPrice": hex(paid_price(one, block) if block else one.max_fee_per_gas),
    }  # fmt: skip
    if kind:
        entries = [{"address": said(a), "storageKeys": [said(k.to_bytes(32, "big")) for k in keys]}
                   for a, keys in one.access_list]  # fmt: skip
        words |= {"yParity": words["v"], "accessList": entries}
    if kind >= 2:
        words |= {"maxFeePerGas": hex(one.max_fee_per_gas), "maxPriorityFeePerGas": hex(one.max_priority_fee_per_gas)}
    return words


def paid_price(one: SignedTransactionAPI, block: Block) -> int:
    """Wei a unit of gas."""
    base: int = block.header.base_fee_per_gas or 0
    return min(one.max_fee_per_gas, base + one.max_priority_fee_per_gas)


def receipt_words(block: Block, index: int) -> Json:
    one, receipt = block.transactions[index], block.receipts[index]
    before = block.receipts[index - 1].gas_used if index else 0
    made = None if one.to else created(said(one.sender), one.nonce)
    first = sum(len(r.logs) for r in block.receipts[:index])
    return {
        "type": hex(getattr(one, "type_id", 0)), "status": hex(int.from_bytes(receipt.state_root, "big")),
        "transactionHash": said(bytes(one.hash)), "transactionIndex": hex(index), "blockHash": said(block.hash),
        "blockNumber": hex(block.number), "from": said(one.sender), "to": said(one.to) if one.to else None,
        "cumulativeGasUsed": hex(receipt.gas_used), "gasUsed": hex(receipt.gas_used - before),
        "effectiveGasPrice": hex(paid_price(one, block)), "contractAddress": made,
        "logs": [_log_words(block, index, first + n, log) for n, log in enumerate(receipt.logs)],
        "logsBloom": "0x" + receipt.bloom.to_bytes(256, "big").hex(),
    }  # fmt: skip


def logs_of(block: Block, wanted: LogFilter) -> list[Json]:
    """Those of the block's logs that the filter takes. Raises NodeRefused for a filter that is none."""
    who, topics = _choice(wanted.address, 20), [_choice(topic, 32) for topic in wanted.topics]
    found, place = [], 0
    for index, receipt in enumerate(block.receipts):
        for log in receipt.logs:
            told = [t.to_bytes(32, "big") for t in log.topics]
            fits = len(topics) <= len(told) and all(not c or t in c for c, t in zip(topics, told, strict=False))
            if fits and (not who or log.address in who):
                found.append(_log_words(block, index, place, log))
            place += 1
    return found


def _choice(text: str | list[str] | None, length: int) -> set[bytes]:
    """Empty takes any."""
    return {octets(t, length) for t in ([text] if isinstance(text, str) else text or [])}


def _log_words(block: Block, index: int, place: int, log: Any) -> Json:
    return {
        "address": said(log.address), "topics": [said(t.to_bytes(32, "big")) for t in log.topics],
        "data": said(log.data), "blockNumber": hex(block.number), "blockHash": said(block.hash),
        "blockTimestamp": hex(block.header.timestamp), "transactionHash": said(bytes(block.transactions[index].hash)),
        "transactionIndex": hex(index), "logIndex": hex(place), "removed": False,
    }  # fmt: skip
