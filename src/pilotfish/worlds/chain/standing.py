"""What stands on a chain, against what was deployed: code, owners, prices, halts."""

from __future__ import annotations

from typing import NamedTuple

from rich.table import Table

from pilotfish.venues.evm.artifact import load
from pilotfish.venues.evm.deploy_client import ChainClient
from pilotfish.venues.evm.deploy_code import is_made_by
from pilotfish.venues.evm.deploy_record import Record, Step
from pilotfish.venues.evm.eyes import fields, octets


class Standing(NamedTuple):
    """`rows`: contract, address, code, and what else is to be said of it. Each fault is a sentence."""

    rows: list[tuple[str, str, str, str]]
    faults: list[str]

    def table(self) -> Table:
        table = Table()
        for column in ("contract", "address", "code", ""):
            table.add_column(column)
        for row in self.rows:
            table.add_row(*row)
        return table


async def standing(client: ChainClient, record: Record) -> Standing:
    """Ask the chain about all of it. Raises NoAnswer."""
    found = Standing([], [])
    chain = await client.chain_id()
    block = fields(await client.node.ask("eth_getBlockByNumber", ["0x0", False]), "first block")
    genesis = "0x" + octets(block.get("hash"), "hash", 32).hex()
    if (chain, genesis) != (record.chain_id, record.genesis):
        found.faults.append(f"this is another chain than the deployment's ({chain}, not {record.chain_id})")
        return found
    if not record.complete:
        found.faults.append("the deployment is not complete: pilotfish chain deploy goes on with it")
    for name, step in record.steps.items():
        if step.address and step.done:
            await _code(client, name, step, found)
    return found


async def _code(client: ChainClient, name: str, step: Step, found: Standing) -> None:
    code = await client.code(step.address)
    if not code:
        found.faults.append(f"{name}: nothing stands at {step.address}")
    elif step.artifact and not is_made_by(code, bytes.fromhex(load(step.artifact).bytecode[2:])):
        found.faults.append(f"{name}: what stands at {step.address} is not the {step.artifact} of this pilotfish")
    said = "none" if not code else "as shipped" if step.artifact else "of its package"
    found.rows.append((name, step.address, said, ""))
