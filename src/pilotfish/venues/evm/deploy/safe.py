"""The Safe that proposes to the timelock, and how everything becomes the timelock's.

The deployer owns each contract only while it sets it up. For that long it is also the Safe's one owner, so that the
timelock can take everything over in one call; then the Safe gets its owners and the deployer has nothing left.
"""

from __future__ import annotations

from typing import Any

from pilotfish.venues.evm.contracts.bindings import Call
from pilotfish.venues.evm.contracts.system import SAFE_FALLBACK, SAFE_PROXY, Owned, Safe, SafeFactory, Timelock
from pilotfish.venues.evm.deploy import packages
from pilotfish.venues.evm.deploy.settings import SafeSettings
from pilotfish.venues.evm.deploy.steps import Deployer
from pilotfish.venues.keys.key import keccak

NOBODY = "0x" + "00" * 20
SENTINEL = "0x" + "00" * 19 + "01"
"""What comes before the first owner in a Safe's list."""
NO_WORD = bytes(32)


async def deploy_safe(deployer: Deployer, settings: SafeSettings) -> Safe:
    """A Safe whose one owner is the deployer, for now."""
    factory = settings.factory or await deployer.create_package("Safe factory", SafeFactory.package)
    singleton = settings.singleton or await deployer.create_package("Safe singleton", Safe.package)
    fallback = settings.fallback or await deployer.create_package("Safe fallback", SAFE_FALLBACK)
    me = deployer.key.address
    setup = Safe(singleton).setup([me], 1, NOBODY, b"", fallback, NOBODY, 0, NOBODY).data
    # The number makes the address this deployment's own, whoever deployed a Safe through this factory before.
    number = int.from_bytes(keccak(f"{me} {deployer.record.genesis}".encode()), "big")
    await deployer.act("Safe", SafeFactory(factory).create_proxy_with_nonce(singleton, setup, number))
    address = safe_address(factory, singleton, setup, number)
    deployer.given("Safe", address)
    return Safe(address)


def safe_address(factory: str, singleton: str, setup: bytes, number: int) -> str:
    """Where the factory puts a Safe (CREATE2)."""
    code = bytes.fromhex(packages.artifact(SAFE_PROXY)["bytecode"][2:])
    made = keccak(code + bytes.fromhex(singleton[2:]).rjust(32, b"\0"))
    salt = keccak(keccak(setup) + number.to_bytes(32, "big"))
    return "0x" + keccak(b"\xff" + bytes.fromhex(factory[2:]) + salt + made)[12:].hex()


async def hand_over(deployer: Deployer, safe: Safe, timelock: Timelock, owned: list[Owned], delay_s: int) -> None:
    """Everything to the timelock, the timelock's delay to what it shall be."""
    for contract in owned:
        name = f"{contract.artifact} {contract.address} is offered"
        await deployer.act(name, contract.transfer_ownership(timelock.address))
    accepting: list[Call[Any]] = [contract.accept_ownership() for contract in owned]
    calls = [*accepting, timelock.update_delay(delay_s)]
    batch = [call.to for call in calls], [0] * len(calls), [call.data for call in calls], NO_WORD, NO_WORD
    await deployer.act("taking over is proposed", by_the_one_owner(deployer, safe, timelock.schedule_batch(*batch, 0)))
    await deployer.act("the timelock takes over", timelock.execute_batch(*batch))


async def leave_safe(deployer: Deployer, safe: Safe, settings: SafeSettings) -> None:
    """The owners in, the deployer out (unless it is one of them)."""
    me, owners = deployer.key.address, [owner.lower() for owner in settings.owners]
    for owner in (owner for owner in owners if owner != me):
        await deployer.act(
            f"{owner} owns the Safe", by_the_one_owner(deployer, safe, safe.add_owner_with_threshold(owner, 1))
        )
    if me in owners:
        last = safe.change_threshold(settings.threshold)
    else:  # an owner that is added becomes the first, so the deployer, the oldest, comes after the first added
        last = safe.remove_owner(next(owner for owner in owners if owner != me), me, settings.threshold)
    await deployer.act("the deployer leaves the Safe", by_the_one_owner(deployer, safe, last))


def by_the_one_owner(deployer: Deployer, safe: Safe, call: Call[Any]) -> Call[bool]:
    """Through the Safe. Its one owner sends it itself, which counts as its signature."""
    word = bytes.fromhex(deployer.key.address[2:]).rjust(32, b"\0")
    return safe.exec_transaction(call.to, 0, call.data, 0, 0, 0, 0, NOBODY, NOBODY, word + NO_WORD + b"\x01")
