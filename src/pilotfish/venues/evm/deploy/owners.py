"""Who has power over what stands, against who shall: the timelock over everything, the Safe over the timelock."""

from __future__ import annotations

from pilotfish.venues.evm.contracts.artifact import load
from pilotfish.venues.evm.contracts.system import Owned, Safe, Timelock
from pilotfish.venues.evm.deploy.client import ChainClient
from pilotfish.venues.evm.deploy.record import Record
from pilotfish.venues.evm.deploy.safe import NOBODY


async def owner_faults(client: ChainClient, record: Record) -> list[str]:
    """What is wrong, as sentences. Raises NoAnswer."""
    timelock = record.address("Timelock")
    faults = []
    for name, step in record.steps.items():
        functions = {e["name"] for e in load(step.artifact).abi if e["type"] == "function"} if step.artifact else set()
        contract = Owned(step.address)
        if "owner" in functions and (owner := await client.read(contract.owner())) != timelock:
            faults.append(f"{name} is owned by {owner}, not by the timelock {timelock}")
        if "pendingOwner" in functions and (heir := await client.read(contract.pending_owner())) != NOBODY:
            faults.append(f"{name} is offered to {heir}")
    return faults + await _timelock_faults(client, record) + await _safe_faults(client, record)


async def _timelock_faults(client: ChainClient, record: Record) -> list[str]:
    timelock, safe, read = Timelock(record.address("Timelock")), record.address("Safe"), client.read
    roles = {
        "propose": (await read(timelock.proposer_role()), safe),
        "cancel": (await read(timelock.canceller_role()), safe),
        "execute": (await read(timelock.executor_role()), NOBODY),
        "administer": (await read(timelock.default_admin_role()), timelock.address),
    }
    faults = []
    for what, (role, holder) in roles.items():
        if not await read(timelock.has_role(role, holder)):
            faults.append(f"{holder} cannot {what} at the timelock, and shall")
        for other in {record.deployer, safe, timelock.address, NOBODY} - {holder}:
            if await read(timelock.has_role(role, other)):
                faults.append(f"{other} can {what} at the timelock, and shall not")
    delay, wanted = await read(timelock.get_min_delay()), record.settings.timelock_delay_s if record.settings else 0
    if delay < wanted:
        faults.append(f"the timelock waits {delay} s, not {wanted}")
    return faults


async def _safe_faults(client: ChainClient, record: Record) -> list[str]:
    safe = Safe(record.address("Safe"))
    owners = {owner.lower() for owner in await client.read(safe.get_owners())}
    wanted = {owner.lower() for owner in record.settings.safe.owners} if record.settings else set()
    threshold = await client.read(safe.get_threshold())
    faults = [f"{owner} is an owner of the Safe, and shall not be" for owner in sorted(owners - wanted)]
    faults += [f"{owner} is no owner of the Safe" for owner in sorted(wanted - owners)]
    if record.settings and threshold < record.settings.safe.threshold:
        faults.append(f"{threshold} of the Safe's owners are enough, and {record.settings.safe.threshold} shall be")
    return faults
