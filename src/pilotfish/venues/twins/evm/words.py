"""How a node writes what it knows."""

from __future__ import annotations

from typing import Any

from pilotfish.venues.evm.wire.abi import word
from pilotfish.venues.twins.evm.chain import Block, Mined


def receipt_words(block: Block, mined: Mined) -> dict[str, Any]:
    return {
        "transactionHash": mined.pending.hash, "blockNumber": hex(block.number), "blockHash": block.hash,
        "gasUsed": hex(mined.gas), "status": hex(int(mined.done)),
        "effectiveGasPrice": hex(min(mined.pending.transaction.fee_wei_max, block.base_fee_wei + 10**9)),
    }  # fmt: skip


def hexed(values: list[int]) -> str:
    return "0x" + b"".join(word(value % 2**256) for value in values).hex()


def error_words(number: int | None, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}
