"""An executor, a lead, an agent of it, a book that takes whatever it is told, and what they sign."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import msgspec
from web3 import Web3
from web3.contract import Contract
from web3.logs import DISCARD

from pilotfish.venues.evm.wire import instructions
from pilotfish.venues.evm.wire.instructions import Instruction
from pilotfish.venues.keys.key import Key
from tests.contracts.chain import deploy, send
from tests.contracts.doubles import compiled, sources

BOND = (10 * 10**6, 1_000 * 10**6)
"""Least and greatest, base units."""


@dataclass(frozen=True)
class Scene:
    web3: Web3
    usdc: Contract
    pool: Contract
    executor: Contract
    book: Contract
    lead: Key
    agent: Key
    stranger: Key
    owner: str
    separator: bytes

    def instruction(self, **other: Any) -> Instruction:
        """A good one, except in what is given."""
        now = self.web3.eth.get_block("latest")["timestamp"]
        lead, book = Web3.to_checksum_address(self.lead.address), self.book.address
        good = Instruction(lead, book, self.usdc.address, self.pool.address, 10**17, 7, now + 10_000, 5)
        return msgspec.structs.replace(good, **other)

    def signature(self, order: Instruction, key: Key | None = None) -> bytes:
        return instructions.sign(order, self.separator, key or self.lead)

    def mirror(self, order: Instruction, signature: bytes | None = None, route: bytes = b"") -> Any:
        """The call, by the owner's account: anyone may bring an instruction."""
        return self.executor.functions.mirror(fields(order), signature or self.signature(order), route)

    def bring(self, order: Instruction, signature: bytes | None = None) -> Any:
        return send(self.web3, self.mirror(order, signature), self.owner)

    def by(self, key: Key, call: Any, gas: int | None = None) -> Any:
        return send_by(self.web3, key, call, gas)

    def with_book(self, mode: int) -> Scene:
        """The same with a book that refuses (1), burns its gas (2) or calls the executor again (3)."""
        return dataclasses.replace(self, book=book_of(self.web3, self.lead.address, mode))

    def events(self, mined: Any, name: str) -> list[Any]:
        return [e["args"] for e in self.executor.events[name]().process_receipt(mined, DISCARD)]


def fuel(web3: Web3, key: Key) -> str:
    """Give the account of `key` what its gas costs; its address."""
    who = Web3.to_checksum_address(key.address)
    sent = web3.eth.send_transaction({"from": web3.eth.accounts[0], "to": who, "value": 10**18})
    web3.eth.wait_for_transaction_receipt(sent)
    return str(who)


def send_by(web3: Web3, key: Key, call: Any, gas: int | None = None) -> Any:
    """Send `call` as the account of `key`, the same on every chain. A revert raises."""
    who = Web3.to_checksum_address(key.address)
    fields = {"from": who, "nonce": web3.eth.get_transaction_count(who), **({"gas": gas} if gas else {})}
    signed = web3.eth.account.sign_transaction(call.build_transaction(fields), key.reveal())
    mined = web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(signed.raw_transaction))
    assert mined["status"] == 1, "reverted"
    return mined


def next_at(web3: Web3, second: int) -> None:
    """The next block, and a call at "pending", has exactly this time."""
    web3.provider.make_request("evm_setNextBlockTimestamp", [second])


def scene(web3: Web3) -> Scene:
    owner = web3.eth.accounts[0]
    lead, agent, stranger = (Key(bytes([n]) * 32) for n in (1, 2, 3))
    usdc = deploy(web3, "LocalToken", "USD Coin", "USDC", 6)
    pool = deploy(web3, "InsurancePool", owner, usdc.address)
    executor = deploy(web3, "MirrorExecutor", owner, pool.address, *BOND)
    for key in (lead, agent, stranger):
        fuel(web3, key)
    separator = instructions.domain(web3.eth.chain_id, executor.address)
    book = book_of(web3, lead.address)
    for listed in (executor, book):
        send(web3, pool.functions.setBook(listed.address, True), owner)
    return Scene(web3, usdc, pool, executor, book, lead, agent, stranger, owner, separator)


def book_of(web3: Web3, lead: str, mode: int = 0) -> Contract:
    return compiled(web3, "Executor.sol", "PlainBook", Web3.to_checksum_address(lead), mode)


def fields(order: Instruction) -> tuple[Any, ...]:
    return msgspec.structs.astuple(order)


def gas_at_most(web3: Web3, mined: Any) -> int:
    """What it used, as if no byte of its calldata were zero: addresses and signatures differ from chain to chain."""
    return int(mined["gasUsed"] + 12 * bytes(web3.eth.get_transaction(mined["transactionHash"])["input"]).count(0))


def errors_of(executor: Contract, double: str) -> Contract:
    """The executor with the errors of a double beside its own: what comes through it from there."""
    abi = [e for e in sources("Executor.sol")[double]["abi"] if e["type"] == "error"]
    return executor.w3.eth.contract(address=executor.address, abi=[*executor.abi, *abi])
