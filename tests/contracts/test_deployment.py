"""A deployment ends with the timelock owning everything and the deployer nothing, whatever cut it off on its way."""

import asyncio
import io

import msgspec
import pytest
from rich.console import Console

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.contracts.artifact import load
from pilotfish.venues.evm.contracts.system import Breaker, Liquidator, Owned, PriceGuard, Safe, StrategyVault, Timelock
from pilotfish.venues.evm.deploy.client import TransactionRefused
from pilotfish.venues.evm.deploy.local import DEPLOYER, GUARDIAN, SIGNERS
from pilotfish.venues.evm.deploy.owners import owner_faults
from pilotfish.venues.evm.deploy.packages import anvil_path
from pilotfish.venues.evm.deploy.record import Record, read_record, write_record
from pilotfish.venues.evm.deploy.safe import NOBODY
from pilotfish.venues.evm.deploy.settings import NEVER
from pilotfish.venues.evm.deploy.steps import Deployer
from pilotfish.venues.evm.node.nodes import local_node
from pilotfish.venues.keys.key import keccak
from pilotfish.worlds.chain.reach import reached
from pilotfish.worlds.chain.standing import standing
from tests.contracts.deployment_scene import KEYS, deployed, told
from tests.contracts.inner_node import Died, inner


def test_every_contract_of_ours_is_owned_by_the_timelock_and_offered_to_nobody(system):
    _, client, record, _ = system

    async def owners():
        found = {}
        for name, step in record.steps.items():
            functions = (
                {e["name"] for e in load(step.artifact).abi if e["type"] == "function"} if step.artifact else set()
            )
            if "owner" in functions:
                pending = (
                    await client.read(Owned(step.address).pending_owner()) if "pendingOwner" in functions else NOBODY
                )
                found[name] = await client.read(Owned(step.address).owner()), pending
        return found

    found = asyncio.run(owners())
    assert len(found) >= 10
    assert set(found.values()) == {(record.address("Timelock"), NOBODY)}


def test_wallets_that_their_followers_can_empty_are_closed_at_their_line_but_neither_insured_nor_counted(system):
    _, client, record, _ = system
    liquidator = Liquidator(record.address("Liquidator"))
    assert asyncio.run(client.read(liquidator.books(record.address("CopyDesk")))) == (True, False, NEVER)
    assert asyncio.run(client.read(liquidator.books(record.address("StrategyVault")))) == (True, True, 0)


def test_only_the_safe_proposes_and_only_the_timelock_rules_itself(system):
    """By the log of every grant and every revocation, not by asking for those we think of."""
    node, client, record, _ = system
    timelock = Timelock(record.address("Timelock"))
    granted, revoked = (keccak(f"Role{what}(bytes32,address,address)".encode()) for what in ("Granted", "Revoked"))

    async def holders():
        logs = await node.ask("eth_getLogs", [{"fromBlock": "0x0", "toBlock": "latest", "address": timelock.address}])
        held: dict[bytes, set[str]] = {}
        for log in logs:
            topic, *rest = (bytes.fromhex(t[2:]) for t in log["topics"])
            if topic in (granted, revoked):
                role, who = rest[:2]
                change = held.setdefault(role, set()).add if topic == granted else held[role].remove
                change("0x" + who[12:].hex())
        roles = (
            timelock.proposer_role(),
            timelock.canceller_role(),
            timelock.executor_role(),
            timelock.default_admin_role(),
        )
        return held, [await client.read(role) for role in roles]

    held, (proposer, canceller, executor, admin) = asyncio.run(holders())
    safe = record.address("Safe")
    assert held == {proposer: {safe}, canceller: {safe}, executor: {NOBODY}, admin: {timelock.address}}


def test_two_of_three_own_the_safe_and_the_deployer_does_not(system):
    _, client, record, _ = system
    safe = Safe(record.address("Safe"))
    owners, threshold = asyncio.run(gathered(client.read(safe.get_owners()), client.read(safe.get_threshold())))
    assert ({owner.lower() for owner in owners}, threshold) == ({KEYS[n].address for n in SIGNERS}, 2)


async def gathered(*waiting):
    return [await one for one in waiting]


def test_the_deployer_can_change_nothing_any_more(system):
    _, client, record, _ = system

    async def tried():
        guard, breaker = PriceGuard(record.address("PriceGuard")), Breaker(record.address("Breaker"))
        for call in (
            guard.set_feed(record.given["pool"], NOBODY, 0, NOBODY, 0, 0),
            breaker.set_guardian(KEYS[DEPLOYER].address, True),
            breaker.resume(),
            Timelock(record.address("Timelock")).update_delay(0),
        ):
            with pytest.raises(TransactionRefused, match="Unauthorized"):
                await client.send(KEYS[DEPLOYER], call, "a last try")

    asyncio.run(tried())


def test_what_stands_is_what_is_shipped_and_its_price_can_be_used(system):
    _, client, record, _ = system
    found = told(client, record)
    assert found.faults == []
    assert {code for _, _, code in found.contracts} == {"ours", "its package's"}
    assert dict(found.figures)["price of WETH"].startswith("3,000.00 USDC")
    assert dict(found.figures)["platform"] == "open"


def test_a_guardians_halt_is_told(system):
    _, client, record, _ = system
    halt = Breaker(record.address("Breaker")).halt(b"drill".ljust(32, b"\0"))
    asyncio.run(client.send(KEYS[GUARDIAN], halt, "a halt"))
    assert dict(told(client, record).figures)["platform"].startswith("halted")


def test_a_feed_that_is_silent_is_told_with_its_reason(system):
    node, client, record, _ = system
    node.chain.ahead(3 * 86_400)
    node.chain.mine()
    assert any("StalePrice" in fault and "WETH" in fault for fault in told(client, record).faults)


def test_another_chain_or_other_code_is_told(system):
    _, client, record, _ = system
    other = msgspec.structs.replace(record, genesis="0x" + "00" * 32)
    assert ["another chain" in fault for fault in told(client, other).faults] == [True]
    moved = msgspec.convert(msgspec.to_builtins(record), type=Record)
    moved.steps["Breaker"].address = record.steps["PriceGuard"].address
    moved.steps["Anchor"].address = "0x" + "12" * 20
    faults = told(client, moved).faults
    assert any("is not the Breaker of this pilotfish" in fault for fault in faults)
    assert any("Anchor: nothing stands" in fault for fault in faults)


def test_power_in_the_wrong_hands_is_told(system):
    _, client, record, _ = system
    settings = record.settings
    wider = msgspec.structs.replace(settings.safe, owners=settings.safe.owners[1:], threshold=3)
    wrong = msgspec.structs.replace(
        record, settings=msgspec.structs.replace(settings, safe=wider, timelock_delay_s=10**9)
    )
    faults = asyncio.run(owner_faults(client, wrong))
    assert any("is an owner of the Safe, and shall not be" in fault for fault in faults)
    assert any("2 of the Safe's owners are enough, and 3 shall be" in fault for fault in faults)
    assert any("the timelock waits" in fault for fault in faults)


def test_a_second_call_does_nothing(system, tmp_path):
    node, client, record, _ = system
    path, head = tmp_path / "deployment.json", node.chain.head.number
    write_record(path, record)
    again, _ = asyncio.run(deployed(client, path))
    assert node.chain.head.number == head
    assert again == record


def test_cut_off_at_any_request_it_goes_on_and_does_nothing_twice(tmp_path):
    """Every 23 requests the power goes: before, between and after sending."""
    node, client = inner()
    path, cuts = tmp_path / "deployment.json", 0
    while True:
        node.dies_after = 23 + cuts % 7
        try:
            record, _ = asyncio.run(deployed(client, path))
        except Died:
            cuts += 1
            continue
        node.dies_after = None
        break
    assert cuts > 10
    assert told(client, record).faults == []
    mined = {"0x" + one.hash.hex() for block in node.chain.blocks for one in block.transactions}
    assert mined == {step.transaction for step in record.steps.values()}
    assert read_record(path) == record


def test_a_nonce_that_another_transaction_took_is_taken_anew(tmp_path):
    node, client = inner()
    path, me = tmp_path / "deployment.json", KEYS[DEPLOYER]
    node.chain.automine, empty = False, node.chain.snapshot()

    async def begun() -> Deployer:
        return await Deployer.begin(client, me, path, lambda _: None)

    async def cut_off():
        deployer = await begun()
        node.dies_after = 7
        await deployer.create(Breaker, me.address)

    with pytest.raises(Died):
        asyncio.run(cut_off())
    assert [step.done for step in read_record(path).steps.values()] == [False]
    node.dies_after = None
    node.chain.revert(empty)  # the node forgot what it had not mined
    node.chain.automine = True

    async def taken_by_another_and_begun_again():
        other = await client.prepare(me, me.address, b"", "another use of the key")
        await client.broadcast(other)
        return await (await begun()).create(Breaker, me.address)

    breaker = asyncio.run(taken_by_another_and_begun_again())
    assert asyncio.run(client.read(breaker.owner())) == me.address


def test_other_settings_or_another_key_do_not_go_on_with_it(system, tmp_path):
    _, client, record, _ = system
    path = tmp_path / "deployment.json"
    write_record(path, record)

    async def again(key, change):
        deployer = await Deployer.begin(client, key, path, lambda _: None)
        deployer.settle_on(msgspec.structs.replace(record.settings, **change))

    with pytest.raises(ConfigError, match="was begun by"):
        asyncio.run(again(KEYS[1], {}))
    with pytest.raises(ConfigError, match="not those that this deployment was begun with"):
        asyncio.run(again(KEYS[DEPLOYER], {"grace_s": 1}))
    asyncio.run(again(KEYS[DEPLOYER], {}))


@pytest.mark.parametrize("kind", ["embedded", "anvil"])
def test_it_stands_on_both_chains_over_sockets(kind, tmp_path):
    if kind == "anvil" and anvil_path() is None:
        pytest.skip("anvil has no package for this machine, or it is not installed")

    async def whole(url):
        async with reached(url) as client:
            record, _ = await deployed(client, tmp_path / "deployment.json")
            nav = await client.read(StrategyVault(record.address("StrategyVault")).total_assets())
            return nav, await standing(client, record)

    with local_node(kind) as node:
        nav, found = asyncio.run(whole(node.url))
    assert (nav, found.faults) == (0, [])
    console = Console(width=200, file=io.StringIO())
    console.print(*found.tables())
    assert "StrategyVault" in console.file.getvalue()
