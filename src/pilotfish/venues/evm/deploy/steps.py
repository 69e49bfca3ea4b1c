"""A deployment step by step: each is written down before it is sent, so that a second call goes on from there.

A step has a name. One that is done is passed over; one that was sent and not seen is sent again as it was, under its
own nonce, so nothing is ever deployed or done twice.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.contracts.bindings import Call, Contract
from pilotfish.venues.evm.contracts.types import Field, packed
from pilotfish.venues.evm.deploy import packages
from pilotfish.venues.evm.deploy.client import ChainClient, Prepared
from pilotfish.venues.evm.deploy.record import Record, Step, read_record, write_record
from pilotfish.venues.evm.deploy.settings import Settings
from pilotfish.venues.evm.deploy.signing import created
from pilotfish.venues.evm.eyes import fields, octets
from pilotfish.venues.keys.key import Key, keccak

C = TypeVar("C", bound=Contract)
Tell = Callable[[str], None]


class Deployer:
    """Use `Deployer.begin`. `tell` hears of each step that is really taken."""

    def __init__(self, client: ChainClient, key: Key, path: Path, record: Record, tell: Tell) -> None:
        self.client, self.key, self.record = client, key, record
        self._path, self._tell = path, tell

    @classmethod
    async def begin(cls, client: ChainClient, key: Key, path: Path, tell: Tell) -> Deployer:
        """Take up the file's deployment, or begin one. Raises ConfigError where the file is another chain's."""
        chain_id, genesis = await client.chain_id(), await _genesis(client)
        record = read_record(path)
        if record is None:
            record = Record(chain_id=chain_id, genesis=genesis, deployer=key.address)
            write_record(path, record)
        if (record.chain_id, record.genesis) != (chain_id, genesis):
            why = f"is of another chain ({record.chain_id}, first block {record.genesis[:18]}…)"
            raise ConfigError(f"{path}", why, "name another file, or go back to that chain")
        if record.deployer != key.address:
            raise ConfigError(f"{path}", f"was begun by {record.deployer}", "go on with that key, or name another file")
        return cls(client, key, path, record, tell)

    async def create(self, kind: type[C], *args: Any, name: str = "") -> C:
        """One of our contracts. Several of a kind need names."""
        name = name or kind.artifact
        step = await self._take(name, None, kind.creation(*args), kind.artifact)
        return kind(step.address)

    async def create_package(self, name: str, path: str, *args: Any, patched: bytes | None = None) -> str:
        """Somebody else's, from its npm package. Returns its address."""
        found = packages.artifact(path)
        inputs: list[Field] = next((e["inputs"] for e in found["abi"] if e["type"] == "constructor"), [])
        code = patched if patched is not None else bytes.fromhex(found["bytecode"].removeprefix("0x"))
        return (await self._take(name, None, code + packed(inputs, args, f"new {name}"), "")).address

    async def act(self, name: str, call: Call[Any], value_wei: int = 0) -> None:
        """A call that changes something."""
        await self._take(name, call.to, call.data, "", value_wei)

    def given(self, name: str, address: str) -> None:
        """A contract that stands already. Raises ConfigError where it was another."""
        held = self.record.given.setdefault(name, address.lower())
        if held != address.lower():
            raise ConfigError(f"{name} {address}", f"was {held} when this deployment began", "do not change it")

    def settle_on(self, settings: Settings) -> None:
        """What all of it is to be. Raises ConfigError where it was something else when this deployment began."""
        if self.record.settings not in (None, settings):
            why = "are not those that this deployment was begun with"
            raise ConfigError(f"the settings {settings.name}", why, "go on with those, or name another file")
        self.record.settings = settings

    async def finish(self) -> None:
        """See that all of it stands, then say that it is complete. Raises ConfigError where something is gone."""
        for name, step in self.record.steps.items():
            if step.code and "0x" + keccak(await self.client.code(step.address)).hex() != step.code:
                raise ConfigError(f"{name} at {step.address}", "stands there no more", "run the command again later")
        self.record.complete = True
        write_record(self._path, self.record)

    async def _take(self, name: str, to: str | None, data: bytes, artifact: str, value_wei: int = 0) -> Step:
        plan = "0x" + keccak(f"{to} {value_wei} ".encode() + data).hex()
        step = self.record.steps.get(name)
        if step is not None and step.plan != plan:
            why = "is not what was planned when this deployment began: other settings, or another version of pilotfish"
            raise ConfigError(f"step {name}", why, "go on with those, or begin another deployment with another file")
        if step is not None and step.done:
            return step
        if step is None or await self._displaced(step, name):
            self._tell(name)
            prepared = await self.client.prepare(self.key, to, data, name, value_wei=value_wei)
            step = Step(plan=plan, transaction=prepared.hash, raw=prepared.raw.hex(), nonce=prepared.nonce,
                        artifact=artifact)  # fmt: skip
            self.record.steps[name] = step
            write_record(self._path, self.record)
        await self.client.broadcast(Prepared(name, step.transaction, step.nonce, bytes.fromhex(step.raw)))
        receipt = await self.client.wait(step.transaction, name)
        step.block, step.gas_used, step.done = receipt.block, receipt.gas_used, True
        if to is None:
            step.address = created(self.key.address, step.nonce)
            step.code = "0x" + keccak(await self.client.code(step.address)).hex()
        write_record(self._path, self.record)
        return step

    async def _displaced(self, step: Step, name: str) -> bool:
        """Whether another transaction of the deployer took the step's nonce: it can never be mined then."""
        if await self.client.nonce(self.key.address) <= step.nonce:
            return False
        return await self.client.receipt(step.transaction, name) is None


async def _genesis(client: ChainClient) -> str:
    block = fields(await client.node.ask("eth_getBlockByNumber", ["0x0", False]), "first block")
    return "0x" + octets(block.get("hash"), "hash", 32).hex()
