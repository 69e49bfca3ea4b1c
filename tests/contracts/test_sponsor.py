"""A sponsor pays for the accounts that its owner lists, within what the owner allows them a day."""

import msgspec
import pytest

from pilotfish.venues.evm.contracts.artifact import load
from pilotfish.venues.evm.wire import userops
from pilotfish.venues.evm.wire.userops import DAY_S, Sponsorship
from tests.contracts.chain import deploy, reverts
from tests.contracts.follow_ops import operator
from tests.contracts.follow_scene import person, scene
from tests.contracts.nodes import later

DAILY = 10**16
OWNER, STRANGER = 0, 5
CLOCK = {0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x48, 0x4A}  # BLOCKHASH … GASLIMIT, BASEFEE, BLOBBASEFEE
BALANCES = {0x31, 0x3A, 0x47}  # BALANCE, GASPRICE, SELFBALANCE


@pytest.fixture(scope="module")
def o(web3):
    return operator(scene(web3))


@pytest.fixture(scope="module")
def sponsor(o):
    made = deploy(o.web3, "Sponsor", o.entry.address, o.web3.eth.accounts[OWNER])
    o.scene.do(made.functions.deposit(), value=10**18)
    o.scene.do(made.functions.setBudget(o.account.address, DAILY))
    o.scene.do(o.account.functions.withdraw(person("till").address, 10**18))  # it has no coins of its own
    return made


def day(o):
    return o.scene.now // DAY_S


def sponsored(o, sponsor, at=None, **changed):
    data = userops.sponsor_day((day(o) if at is None else at) * DAY_S)
    by = Sponsorship(sponsor.address, 100_000, 50_000, data)
    return o.op(o.copying(), sponsorship=by, **({"call_gas": 500_000} | changed))


def spent(o, sponsor):
    return sponsor.functions.budgets(o.account.address).call()[1]


def test_a_sponsored_operation_costs_the_account_nothing_and_the_budget_what_it_cost(o, sponsor):
    before = o.entry.functions.balanceOf(sponsor.address).call()
    (told,) = o.outcomes(o.send(sponsored(o, sponsor)))
    assert told.done
    cost = before - o.entry.functions.balanceOf(sponsor.address).call()
    assert cost == told.cost_wei
    assert cost <= spent(o, sponsor) <= cost * 3 // 2
    assert o.entry.functions.balanceOf(o.account.address).call() == 0


def test_more_than_a_days_budget_is_not_paid_and_the_next_day_is_another(o, sponsor):
    o.scene.do(sponsor.functions.setBudget(o.account.address, 3 * 10**15))
    while not (refused := o.refusal(op := sponsored(o, sponsor))):
        o.send(op)
        assert spent(o, sponsor) <= 3 * 10**15
    assert "AA33" in refused
    later(o.web3, DAY_S)
    assert o.outcomes(o.send(sponsored(o, sponsor)))[0].done


def test_operations_of_one_bundle_share_the_budget(o, sponsor):
    one = sponsored(o, sponsor)
    most = (one.verification_gas + one.call_gas + one.pre_verification_gas + 150_000) * one.fee_wei_max
    o.scene.do(sponsor.functions.setBudget(o.account.address, 2 * most - 1))
    two = [sponsored(o, sponsor, lane=lane) for lane in (1, 2)]
    assert "AA33" in o.refusal(*two)
    o.scene.do(sponsor.functions.setBudget(o.account.address, 2 * most))
    assert [t.done for t in o.outcomes(o.send(*two))] == [True, True]
    assert spent(o, sponsor) < 2 * most


def test_a_day_that_is_not_today_is_no_way_around_the_budget(o, sponsor):
    o.send(sponsored(o, sponsor))
    for other in (day(o) + 1, day(o) + 1_000):
        assert "AA32 paymaster expired or not due" in o.refusal(sponsored(o, sponsor, at=other))
    assert "AA33" in o.refusal(sponsored(o, sponsor, at=day(o) - 1))
    later(o.web3, DAY_S)
    assert "AA32 paymaster expired or not due" in o.refusal(sponsored(o, sponsor, at=day(o) - 1))
    assert o.refusal(sponsored(o, sponsor)) == ""


@pytest.mark.parametrize("data", [b"", b"\x00\x00\x01", bytes(5), bytes(32)])
def test_what_tells_no_day_is_refused(o, sponsor, data):
    op = sponsored(o, sponsor)
    odd = msgspec.structs.replace(op, sponsorship=msgspec.structs.replace(op.sponsorship, data=data))
    assert "AA33" in o.refusal(o.signed(odd))


def test_an_account_that_is_not_listed_is_not_paid_for(o, sponsor):
    o.scene.do(sponsor.functions.setBudget(o.account.address, 0))
    assert "AA33" in o.refusal(sponsored(o, sponsor))


def test_a_copy_that_fails_is_paid_for_all_the_same(o, sponsor):
    o.scene.do(o.account.functions.setTarget(o.scene.desk.address, False))
    before = spent(o, sponsor)
    assert not o.outcomes(o.send(sponsored(o, sponsor)))[0].done
    assert spent(o, sponsor) > before


def test_only_the_entry_point_spends_budgets(o, sponsor):
    op = (o.account.address, 0, b"", b"", bytes(32), 0, bytes(32), b"", b"")
    for call in (
        sponsor.functions.validatePaymasterUserOp(op, bytes(32), 1),
        sponsor.functions.postOp(0, b"", 0, 0),
    ):
        with reverts(sponsor, "NotTheEntryPoint"):
            call.call({"from": o.web3.eth.accounts[OWNER]})


def test_the_owner_alone_lists_withdraws_and_stakes(o, sponsor):
    stranger, owner = o.web3.eth.accounts[STRANGER], o.web3.eth.accounts[OWNER]
    functions = sponsor.functions
    for call in (
        functions.setBudget(stranger, 1), functions.withdraw(stranger, 1), functions.addStake(1),
        functions.unlockStake(), functions.withdrawStake(stranger),
    ):  # fmt: skip
        with reverts(sponsor, "OwnableUnauthorizedAccount"):
            call.call({"from": stranger})
    to = person("till of the sponsor").address
    o.scene.do(functions.withdraw(to, 10**17), owner)
    o.scene.do(functions.addStake(60), owner, value=10**17)
    o.scene.do(functions.unlockStake(), owner)
    later(o.web3, 61)
    o.scene.do(functions.withdrawStake(to), owner)
    assert o.web3.eth.get_balance(to) == 2 * 10**17


@pytest.mark.parametrize("name", ["Sponsor", "OperatorAccount"])
def test_what_validates_reads_no_clock_and_no_balance(name):
    """ERC-7562, OP-011: a simulation means what the block will. The account's withdrawal alone asks its balance."""
    code, at, used = bytes.fromhex(load(name).bytecode[2:]), 0, set()
    while at < len(code):
        used.add(code[at])
        at += code[at] - 0x5E if 0x60 <= code[at] <= 0x7F else 1
    assert not used & CLOCK
    assert not used & BALANCES - ({0x47} if name == "OperatorAccount" else set())
