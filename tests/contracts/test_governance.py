"""What a contract's owner may do is done by the Safe's owners together, through the timelock, after its delay."""

from dataclasses import dataclass
from typing import Any

import pytest
from web3 import Web3
from web3.contract import Contract
from web3.logs import DISCARD

from pilotfish.venues.evm.wire.safes import SafeTransaction, packed, signature
from pilotfish.venues.keys.key import Key
from tests.contracts.chain import deploy, deploy_package, reverts, send
from tests.contracts.executor_scene import fuel, next_at
from tests.contracts.market import at_package

BUILD = "@safe-global/safe-contracts/build/artifacts/contracts"
NOBODY, DAY = "0x" + "00" * 20, 86_400
OWNERS = [Key(bytes([n]) * 32) for n in (1, 2, 3)]


@dataclass(frozen=True)
class Scene:
    web3: Web3
    safe: Contract
    timelock: Contract
    badge: Contract
    anyone: str

    def signed(self, to: Contract, call: Any, keys: list[Key]) -> Any:
        """The Safe's transaction with the signatures of `keys`."""
        data = bytes.fromhex(call.build_transaction({"gas": 1, "from": self.safe.address})["data"][2:])
        tx = SafeTransaction(to.address, data, self.safe.functions.nonce().call())
        digest = tx.digest(self.web3.eth.chain_id, self.safe.address)
        signatures = packed(signature(digest, key) for key in keys)
        return self.safe.functions.execTransaction(to.address, 0, data, 0, 0, 0, 0, NOBODY, NOBODY, signatures)

    def by_safe(self, to: Contract, call: Any) -> Any:
        return send(self.web3, self.signed(to, call, OWNERS[:2]), self.anyone)


@pytest.fixture(scope="module")
def s(web3):
    anyone = web3.eth.accounts[0]
    singleton = deploy_package(web3, f"{BUILD}/Safe.sol/Safe.json")
    factory = deploy_package(web3, f"{BUILD}/proxies/SafeProxyFactory.sol/SafeProxyFactory.json")
    owners = [fuel(web3, key) for key in OWNERS]
    setup = singleton.encode_abi("setup", [owners, 2, NOBODY, b"", NOBODY, NOBODY, 0, NOBODY])
    made = send(web3, factory.functions.createProxyWithNonce(singleton.address, setup, 0), anyone)
    (event,) = factory.events.ProxyCreation().process_receipt(made, DISCARD)
    safe = at_package(web3, f"{BUILD}/Safe.sol/Safe.json", event["args"]["proxy"])
    timelock = deploy(web3, "Timelock", DAY, safe.address)
    badge = deploy(web3, "VolumeBadge", timelock.address)
    return Scene(web3, safe, timelock, badge, anyone)


def listing(s, recorder=None):
    call = s.badge.functions.setRecorder(recorder or s.anyone, True)
    return s.badge.address, 0, call.build_transaction({"gas": 1, "from": s.anyone})["data"], bytes(32), bytes(32)


def now(s):
    return s.web3.eth.get_block("latest")["timestamp"]


def test_the_hash_that_owners_sign_is_the_safes_own(s):
    tx = SafeTransaction(s.badge.address, b"\x01\x02", 7, 5)
    told = s.safe.functions.getTransactionHash(s.badge.address, 5, b"\x01\x02", 0, 0, 0, 0, NOBODY, NOBODY, 7).call()
    assert tx.digest(s.web3.eth.chain_id, s.safe.address) == told


def test_safe_then_timelock_then_after_the_delay_anyone(s):
    mined = s.by_safe(s.timelock, s.timelock.functions.schedule(*listing(s), DAY))
    due = s.web3.eth.get_block(mined["blockNumber"])["timestamp"] + DAY
    execute = s.timelock.functions.execute(*listing(s))
    next_at(s.web3, due - 1)
    with reverts(s.timelock, "TimelockUnexpectedOperationState"):
        execute.call({"from": s.anyone}, "pending")
    assert s.badge.functions.isRecorder(s.anyone).call() is False
    next_at(s.web3, due)
    send(s.web3, execute, s.anyone, gas=500_000)
    assert s.badge.functions.isRecorder(s.anyone).call() is True


def test_the_safe_itself_cannot_go_round_the_timelock(s):
    """Its inner call fails; at no gas price of its own the Safe reverts with it."""
    with pytest.raises(Exception, match="GS013"):
        s.signed(s.badge, s.badge.functions.setRecorder(s.anyone, True), OWNERS[:2]).call({"from": s.anyone})
    assert s.badge.functions.isRecorder(s.anyone).call() is False


def test_one_owner_alone_moves_nothing(s):
    scheduling = s.timelock.functions.schedule(*listing(s), DAY)
    for key in OWNERS:
        with pytest.raises(Exception, match="GS020"):
            s.signed(s.timelock, scheduling, [key]).call({"from": s.anyone})
    for who in (*[Web3.to_checksum_address(key.address) for key in OWNERS], s.anyone):
        with reverts(s.timelock, "AccessControlUnauthorizedAccount"):
            scheduling.call({"from": who})
        with reverts(s.badge, "OwnableUnauthorizedAccount"):
            s.badge.functions.setRecorder(who, True).call({"from": who})


def test_a_stranger_beside_an_owner_and_an_owner_twice_do_not_count(s):
    scheduling = s.timelock.functions.schedule(*listing(s), DAY)
    with pytest.raises(Exception, match="GS026"):
        s.signed(s.timelock, scheduling, [OWNERS[0], Key(b"\x09" * 32)]).call({"from": s.anyone})
    good = s.signed(s.timelock, scheduling, OWNERS[1:])
    good.call({"from": s.anyone})
    twice = good.args[-1][:65] * 2
    with pytest.raises(Exception, match="GS026"):
        s.safe.functions.execTransaction(*good.args[:-1], twice).call({"from": s.anyone})


def test_the_safe_takes_back_what_waits(s):
    s.by_safe(s.timelock, s.timelock.functions.schedule(*listing(s), DAY))
    operation = s.timelock.functions.hashOperation(*listing(s)).call()
    s.by_safe(s.timelock, s.timelock.functions.cancel(operation))
    next_at(s.web3, now(s) + 2 * DAY)
    with reverts(s.timelock, "TimelockUnexpectedOperationState"):
        s.timelock.functions.execute(*listing(s)).call({"from": s.anyone}, "pending")


def test_not_even_the_safe_shortens_the_delay_at_once(s):
    shorter = s.timelock.functions.schedule(*listing(s), DAY - 1)
    with pytest.raises(Exception, match="GS013"):
        s.signed(s.timelock, shorter, OWNERS[:2]).call({"from": s.anyone})
    with pytest.raises(Exception, match="GS013"):
        s.signed(s.timelock, s.timelock.functions.updateDelay(0), OWNERS[:2]).call({"from": s.anyone})


def test_nobody_administers_the_timelock_but_itself(s):
    admin = s.timelock.functions.DEFAULT_ADMIN_ROLE().call()
    roles = {
        admin: [s.timelock.address],
        s.timelock.functions.PROPOSER_ROLE().call(): [s.safe.address],
        s.timelock.functions.CANCELLER_ROLE().call(): [s.safe.address],
        s.timelock.functions.EXECUTOR_ROLE().call(): [NOBODY],
    }
    granted = s.timelock.events.RoleGranted().get_logs(from_block=0)
    for role, holders in roles.items():
        assert [g["args"]["account"] for g in granted if g["args"]["role"] == role] == holders
    assert {g["args"]["role"] for g in granted} == set(roles)
    with reverts(s.timelock, "NoProposer"):
        deploy(s.web3, "Timelock", DAY, NOBODY)
