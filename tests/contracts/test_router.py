"""A follower that shows its seat deposits into its shard's vault, for shares of its own; nobody else decides where."""

import dataclasses
from dataclasses import dataclass
from functools import cache

import pytest
from web3 import Web3
from web3.contract import Contract

from pilotfish.venues.evm.proof.shards import SHARD_SIZE, Placement, leaf, place
from pilotfish.venues.keys.key import Key
from tests.contracts.chain import assert_gas, deploy, reverts, send
from tests.contracts.doubles import compiled, sources
from tests.contracts.executor_scene import fuel, gas_at_most, send_by

ALLOCATION = 1_000 * 10**6


@dataclass(frozen=True)
class Scene:
    web3: Web3
    usdc: Contract
    router: Contract
    vaults: list[Contract]
    owner: str
    publisher: str
    followers: list[str]
    placement: Placement


KEYS = {Web3.to_checksum_address(key.address): key for key in (Key(bytes([n]) * 32) for n in range(1, 5))}


@cache
def crowd():
    """32,001 seats: three of those that act sit among the 32,000 of the first shard, the last alone in the second."""
    strangers = [f"0x{n:040x}" for n in range(2**80, 2**80 + SHARD_SIZE - 3)]
    first = place(dict.fromkeys([*strangers, *list(KEYS)[:3]], ALLOCATION))
    return place(dict.fromkeys([*strangers, *KEYS], ALLOCATION), before=first)


@pytest.fixture(scope="module")
def s(web3):
    owner, publisher = web3.eth.accounts[:2]
    usdc = deploy(web3, "LocalToken", "USD Coin", "USDC", 6)
    router = deploy(web3, "VaultRouter", owner, usdc.address)
    vaults = [compiled(web3, "Router.sol", "PlainVault", usdc.address, False) for _ in range(2)]
    for vault in vaults:
        send(web3, router.functions.addShard(vault.address), owner)
    send(web3, router.functions.setPublisher(publisher), owner)
    send(web3, router.functions.publish(crowd().root, len(crowd().seats)), publisher)
    for follower, key in KEYS.items():
        fuel(web3, key)
        send(web3, usdc.functions.mint(follower, 10 * ALLOCATION), owner)
        act(web3, follower, usdc.functions.approve(router.address, 2**256 - 1))
        for vault in vaults:
            act(web3, follower, vault.functions.setOperator(router.address, True))
    return Scene(web3, usdc, router, vaults, owner, publisher, list(KEYS), crowd())


def act(web3, follower, call):
    return send_by(web3, KEYS[follower], call)


def shown(s, follower):
    seat = s.placement.seat(follower)
    return seat.index, seat.allocation, s.placement.proof(follower)


def depositing(s, follower, assets=ALLOCATION, epoch=0, shares_min=0):
    return s.router.functions.deposit(epoch, *shown(s, follower), assets, shares_min)


def test_every_follower_deposits_into_its_shards_vault(s):
    for follower in s.followers:
        act(s.web3, follower, depositing(s, follower))
        shard = s.placement.seat(follower).shard
        assert s.vaults[shard].functions.balanceOf(follower).call() == ALLOCATION
        assert s.vaults[1 - shard].functions.balanceOf(follower).call() == 0
    assert [s.placement.seat(f).shard for f in s.followers] == [0, 0, 0, 1]
    assert s.usdc.functions.balanceOf(s.router.address).call() == 0


def test_a_place_can_be_asked_for(s):
    for follower in s.followers:
        index, allocation, proof = shown(s, follower)
        told = s.router.functions.place(0, index, follower, allocation, proof).call()
        assert told == s.vaults[index // SHARD_SIZE].address
    assert s.router.functions.rootOf(0).call() == s.placement.root
    assert s.router.functions.shards().call() == [v.address for v in s.vaults]


def test_anothers_seat_index_allocation_or_path_is_refused(s):
    mine, other = s.followers[:2]
    index, allocation, proof = shown(s, other)
    wrong = [
        (index, allocation, proof),  # another's, as it is
        (shown(s, mine)[0], allocation + 1, shown(s, mine)[2]),
        (shown(s, mine)[0] + 1, allocation, shown(s, mine)[2]),
        (shown(s, mine)[0], allocation, shown(s, mine)[2][:-1]),
        (2 * SHARD_SIZE, allocation, shown(s, mine)[2]),
    ]
    for seat in wrong:
        with reverts(s.router, "NotPlaced"):
            s.router.functions.deposit(0, *seat, 1, 0).call({"from": mine})


def test_no_more_than_the_allocation_is_taken_in_an_epoch(s):
    follower = s.followers[0]
    act(s.web3, follower, depositing(s, follower, ALLOCATION - 1))
    with reverts(s.router, "BeyondAllocation"):
        depositing(s, follower, 2).call({"from": follower})
    act(s.web3, follower, depositing(s, follower, 1))
    with reverts(s.router, "BeyondAllocation"):
        depositing(s, follower, 1).call({"from": follower})


def test_only_the_newest_placement_takes_deposits(s):
    follower = s.followers[0]
    send(s.web3, s.router.functions.publish(s.placement.root, 5), s.publisher)
    for epoch in (0, 2):
        with reverts(s.router, "NotTheEpoch"):
            depositing(s, follower, epoch=epoch).call({"from": follower})
    act(s.web3, follower, depositing(s, follower, epoch=1))
    index, allocation, proof = shown(s, follower)
    assert s.router.functions.place(0, index, follower, allocation, proof).call() == s.vaults[0].address


def test_too_few_shares_are_refused(s):
    follower = s.followers[0]
    with reverts(s.router, "TooFewShares"):
        depositing(s, follower, shares_min=ALLOCATION + 1).call({"from": follower})


def test_a_vault_that_has_not_been_told_to_trust_the_router_takes_nothing(s):
    follower = s.followers[0]
    act(s.web3, follower, s.vaults[0].functions.setOperator(s.router.address, False))
    errors = [e for e in sources("Router.sol")["PlainVault"]["abi"] if e["type"] == "error"]
    with reverts(s.web3.eth.contract(address=s.router.address, abi=errors), "NotOperator"):
        depositing(s, follower).call({"from": follower})


def test_a_vault_that_leaves_assets_behind_is_refused(s):
    router = deploy(s.web3, "VaultRouter", s.owner, s.usdc.address)
    vault = compiled(s.web3, "Router.sol", "PlainVault", s.usdc.address, True)
    follower = s.followers[0]
    at = dataclasses.replace(s, router=router, placement=alone(s, router, vault, follower))
    act(s.web3, follower, s.usdc.functions.approve(router.address, ALLOCATION))
    with reverts(router, "NotAllTaken"):
        depositing(at, follower).call({"from": follower})


def alone(s, router, vault, follower):
    """A placement of one, published."""
    placement = place({follower: ALLOCATION})
    send(s.web3, router.functions.addShard(vault.address), s.owner)
    send(s.web3, router.functions.setPublisher(s.publisher), s.owner)
    send(s.web3, router.functions.publish(placement.root, 1), s.publisher)
    act(s.web3, follower, vault.functions.setOperator(router.address, True))
    return placement


def test_of_a_token_with_a_toll_the_vault_gets_what_arrived(s):
    toll = compiled(s.web3, "Executor.sol", "TollToken")
    router = deploy(s.web3, "VaultRouter", s.owner, toll.address)
    vault = compiled(s.web3, "Router.sol", "PlainVault", toll.address, False)
    follower = s.followers[0]
    at = dataclasses.replace(s, router=router, placement=alone(s, router, vault, follower))
    send(s.web3, toll.functions.mint(follower, ALLOCATION), s.owner)
    act(s.web3, follower, toll.functions.approve(router.address, ALLOCATION))
    act(s.web3, follower, depositing(at, follower))
    assert toll.functions.balanceOf(router.address).call() == 0
    assert vault.functions.balanceOf(follower).call() == ALLOCATION * 99 // 100


def test_the_publisher_places_and_the_owner_names_vaults_and_neither_does_the_others_work(s):
    with reverts(s.router, "NotThePublisher"):
        s.router.functions.publish(b"\x01" * 32, 1).call({"from": s.owner})
    vault = s.vaults[0].address
    for call in (s.router.functions.addShard(vault), s.router.functions.setPublisher(s.publisher)):
        with reverts(s.router, "OwnableUnauthorizedAccount"):
            call.call({"from": s.publisher})
    with reverts(s.router, "ShardTwice"):
        s.router.functions.addShard(vault).call({"from": s.owner})
    other = compiled(s.web3, "Router.sol", "PlainVault", s.router.address, False)
    with reverts(s.router, "WrongAsset"):
        s.router.functions.addShard(other.address).call({"from": s.owner})


def test_a_placement_of_nobody_or_of_more_than_there_is_room_for_is_refused(s):
    for root, followers in ((bytes(32), 5), (b"\x01" * 32, 0), (b"\x01" * 32, 2 * SHARD_SIZE + 1)):
        with reverts(s.router, "NoPlacement"):
            s.router.functions.publish(root, followers).call({"from": s.publisher})


def test_the_leaf_is_the_same_on_both_sides(s):
    seat = s.placement.seat(s.followers[0])
    assert s.router.functions.leaf(seat.index, s.followers[0], seat.allocation).call() == leaf(seat)


def test_gas_of_showing_a_seat_among_32_000(s):
    """A holder's deposits through the router, beside one of its own into the same vault."""
    follower = s.followers[0]
    act(s.web3, follower, s.usdc.functions.approve(s.vaults[0].address, 2**256 - 1))
    direct = s.vaults[0].functions.deposit(10, follower)
    calls = [direct, direct, depositing(s, follower, 10), depositing(s, follower, 10)]
    _, alone, first, second = (gas_at_most(s.web3, act(s.web3, follower, call)) for call in calls)
    assert_gas("mirror", "routed deposit among 32,001 seats, beyond the vault's own", second - alone)
    assert_gas("mirror", "routed deposit among 32,001 seats, a follower's first of the epoch", first - alone)
