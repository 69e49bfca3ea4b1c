"""One badge for each 100 USDT of volume, at one price for any number, bound to its holder, with its fills' hash."""

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web3.logs import DISCARD

from pilotfish.venues.evm.proof.badges import NO_CREDITS, UNIT, CountedFill, Credit, credit, issued
from tests.contracts.chain import assert_gas, deploy, reverts, send
from tests.contracts.executor_scene import gas_at_most

NOBODY = "0x" + "00" * 20


@pytest.fixture(scope="module")
def badge(web3):
    made = deploy(web3, "VolumeBadge", web3.eth.accounts[0])
    send(web3, made.functions.setRecorder(web3.eth.accounts[1], True), web3.eth.accounts[0])
    return made


@pytest.fixture(scope="module")
def people(web3):
    return web3.eth.accounts[2:5]


def of(volume, before=NO_CREDITS, id="1"):
    return credit([CountedFill("uniswap", id, volume)], before)


def crediting(badge, holder, one: Credit):
    return badge.functions.credit(holder, one.before, one.volume, one.fills_hash)


def give(web3, badge, holder, one: Credit):
    return send(web3, crediting(badge, holder, one), web3.eth.accounts[1])


def test_every_hundred_is_a_badge_and_the_rest_is_kept(web3, badge, people):
    first = of(250 * 10**6)
    give(web3, badge, people[0], first)
    assert badge.functions.balanceOf(people[0]).call() == 2
    second = of(49_999_999, first.trail)
    give(web3, badge, people[0], second)
    assert badge.functions.balanceOf(people[0]).call() == 2
    give(web3, badge, people[0], of(1, second.trail))
    assert badge.functions.balanceOf(people[0]).call() == 3 == badge.functions.totalSupply().call()


def test_a_million_badges_cost_the_gas_of_two(web3, badge, people):
    two = gas_at_most(web3, give(web3, badge, people[0], of(2 * UNIT)))
    million = give(web3, badge, people[1], of(10**6 * UNIT))
    (event,) = badge.events.ConsecutiveTransfer().process_receipt(million, DISCARD)
    assert (event["args"]["fromTokenId"], event["args"]["toTokenId"]) == (3, 10**6 + 2)
    assert (event["args"]["fromAddress"], event["args"]["toAddress"]) == (NOBODY, people[1])
    assert badge.functions.balanceOf(people[1]).call() == 10**6
    owners = [badge.functions.ownerOf(n).call() for n in (2, 3, 500_000, 10**6 + 2)]
    assert owners == [people[0], people[1], people[1], people[1]]
    assert_gas("mirror", "credit that issues a million badges, a holder's first", gas_at_most(web3, million))
    assert gas_at_most(web3, million) <= two


def test_gas_of_a_credit(web3, badge, people):
    first = of(UNIT)
    give(web3, badge, people[0], first)
    second = of(UNIT, first.trail)
    assert_gas("mirror", "credit that issues one badge", gas_at_most(web3, give(web3, badge, people[0], second)))
    third = of(1, second.trail)
    assert_gas("mirror", "credit that issues none", gas_at_most(web3, give(web3, badge, people[0], third)))


@settings(max_examples=10, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 5 * UNIT)), min_size=1, max_size=5))
def test_owners_and_balances_are_those_of_a_plain_list(web3, badge, people, steps):
    taken = web3.provider.make_request("evm_snapshot", [])["result"]
    owners, volume, trails = [], [0, 0, 0], [NO_CREDITS] * 3
    for n, (who, amount) in enumerate(steps):
        one = of(amount, trails[who], str(n))
        give(web3, badge, people[who], one)
        owners += [people[who]] * issued(volume[who], amount)
        volume[who] += amount
        trails[who] = one.trail
    assert badge.functions.totalSupply().call() == len(owners)
    assert [badge.functions.ownerOf(n + 1).call() for n in range(len(owners))] == owners
    assert [badge.functions.balanceOf(p).call() for p in people] == [owners.count(p) for p in people]
    assert [badge.functions.records(p).call()[1] for p in people] == trails
    web3.provider.make_request("evm_revert", [taken])


def test_the_metadata_is_in_the_address_and_holds_the_fills(web3, badge, people):
    one = of(3 * UNIT)
    give(web3, badge, people[0], one)
    scheme, _, data = badge.functions.tokenURI(2).call().partition(",")
    assert scheme == "data:application/json;base64"
    told = json.loads(base64.b64decode(data))
    assert told["fills"] == "0x" + one.trail.hex()
    assert (told["first"], told["last"], told["name"]) == (1, 3, "Pilotfish Volume 2")
    assert told["holder"] == people[0].lower()
    assert badge.functions.runOf(3).call() == [people[0], 1, 3, one.trail]


def test_a_credit_sent_twice_counts_once(web3, badge, people):
    give(web3, badge, people[0], of(UNIT))
    with reverts(badge, "TrailMoved"):
        give(web3, badge, people[0], of(UNIT))
    assert badge.functions.balanceOf(people[0]).call() == 1


def test_only_a_listed_recorder_credits_and_only_the_owner_lists(web3, badge, people):
    with reverts(badge, "NotARecorder"):
        send(web3, crediting(badge, people[0], of(UNIT)), web3.eth.accounts[0])
    with reverts(badge, "OwnableUnauthorizedAccount"):
        send(web3, badge.functions.setRecorder(people[0], True), web3.eth.accounts[1])
    send(web3, badge.functions.setRecorder(web3.eth.accounts[1], False), web3.eth.accounts[0])
    with reverts(badge, "NotARecorder"):
        give(web3, badge, people[0], of(UNIT))


def test_nobody_and_nothing_are_credited_nothing(web3, badge, people):
    with reverts(badge, "NoHolder"):
        give(web3, badge, NOBODY, of(UNIT))
    for bad in (Credit(NO_CREDITS, 0, b"\x01" * 32), Credit(NO_CREDITS, UNIT, bytes(32))):
        with reverts(badge, "NoFills"):
            give(web3, badge, people[0], bad)


def test_more_badges_than_ids_are_refused(web3, badge, people):
    with reverts(badge, "SafeCastOverflowedUintDowncast"):
        give(web3, badge, people[0], of(2**96 * UNIT))
    give(web3, badge, people[0], of((2**96 - 1) * UNIT))
    assert badge.functions.ownerOf(2**96 - 1).call() == people[0]


def test_a_badge_stays_with_its_holder(web3, badge, people):
    mined = give(web3, badge, people[0], of(UNIT))
    (moved,) = badge.events.Transfer().process_receipt(mined, DISCARD)
    (locked,) = badge.events.Locked().process_receipt(mined, DISCARD)
    assert (moved["args"]["to"], moved["args"]["tokenId"], locked["args"]["tokenId"]) == (people[0], 1, 1)
    f = badge.functions
    for call in (
        f.transferFrom(people[0], people[1], 1),
        f.safeTransferFrom(people[0], people[1], 1),
        f.safeTransferFrom(people[0], people[1], 1, b""),
        f.approve(people[1], 1),
        f.setApprovalForAll(people[1], True),
    ):
        with reverts(badge, "SoulBound"):
            send(web3, call, people[0])
    assert f.locked(1).call() is True
    assert f.getApproved(1).call() == NOBODY
    assert f.isApprovedForAll(people[0], people[1]).call() is False


def test_a_badge_that_is_not_there_has_no_answers(web3, badge, people):
    f = badge.functions
    for made in (0, 1):
        if made:
            give(web3, badge, people[0], of(UNIT))
        for id in (0, made + 1, 2**256 - 1):
            for call in (f.ownerOf(id), f.locked(id), f.tokenURI(id), f.getApproved(id), f.runOf(id)):
                with reverts(badge, "NoSuchBadge"):
                    call.call()
    with reverts(badge, "NoHolder"):
        f.balanceOf(NOBODY).call()


def test_it_says_which_standards_it_keeps(badge):
    kept = {"01ffc9a7": True, "80ac58cd": True, "5b5e139f": True, "b45a3c0e": True, "ffffffff": False}
    assert {i: badge.functions.supportsInterface(bytes.fromhex(i)).call() for i in kept} == kept
