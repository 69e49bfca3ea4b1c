"""The pool pays claims in their order, each within its bounds, never more than arrived, and nobody else ever."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.chain import assert_gas, create, deploy, gas_used, reverts, send
from tests.contracts.doubles import compiled, sources
from tests.contracts.market import fund


@dataclass
class Model:
    """The pool told again, apart from it: two books, any number of beneficiaries."""

    claim_bps: int = 2_000
    book_bps: int = 10_000
    arrived: dict = field(default_factory=dict)
    granted: dict = field(default_factory=dict)
    queue: list = field(default_factory=list)
    """[beneficiary, amount still to be paid], the oldest first."""
    money: int = 0
    """What the pool really has."""
    paid: int = 0
    received: dict = field(default_factory=dict)

    def contribute(self, book, amount):
        self.arrived[book] = self.arrived.get(book, 0) + amount
        self.money += amount

    def claim(self, book, who, amount):
        mine = self.arrived.get(book, 0) * self.book_bps // 10_000 - self.granted.get(book, 0)
        share = (sum(self.arrived.values()) - self.paid) * self.claim_bps // 10_000
        given_ = max(0, min(amount, mine, share))
        self.granted[book] = self.granted.get(book, 0) + given_
        if given_:
            self.queue.append([who, given_])

    def pay(self, most):
        while most and self.queue:
            head = self.queue[0]
            now = min(head[1], self.money)
            head[1] -= now
            self.money -= now
            self.paid += now
            self.received[head[0]] = self.received.get(head[0], 0) + now
            most -= 1
            if head[1]:
                return
            self.queue.pop(0)


@pytest.fixture(scope="module")
def usdc(web3):
    return compiled(web3, "Money.sol", "MoodyToken")


@pytest.fixture(scope="module")
def pool(web3, usdc):
    return laid_out(web3, usdc)


def laid_out(web3, asset):
    """Accounts 1 and 2 are books, 3 is a claimant; the rest are nobody."""
    owner = web3.eth.accounts[0]
    made = deploy(web3, "InsurancePool", owner, asset.address)
    for book in web3.eth.accounts[1:3]:
        send(web3, made.functions.setBook(book, True), owner)
        fund(web3, asset, book, 10**9, made.address)
    send(web3, made.functions.setClaimant(web3.eth.accounts[3], True), owner)
    return made


def contribute(web3, pool, amount, book=1):
    who = web3.eth.accounts[book]
    send(web3, pool.functions.contribute(who, amount), who)


def claim(web3, pool, amount, who=5, book=1):
    """The claim's id and what was granted."""
    order = pool.functions.claim(web3.eth.accounts[book], web3.eth.accounts[who], amount)
    mined = send(web3, order, web3.eth.accounts[3])
    told = pool.events.Claimed().process_receipt(mined)[0]["args"]
    return told["id"], told["granted"]


def pay(web3, pool, most=10):
    send(web3, pool.functions.pay(most), web3.eth.accounts[9])


def got(web3, usdc, who):
    return usdc.functions.balanceOf(web3.eth.accounts[who]).call()


def test_what_arrived_is_what_counts(web3, usdc, pool):
    contribute(web3, pool, 1_000)
    send(web3, usdc.functions.tax(1_000), web3.eth.accounts[0])
    contribute(web3, pool, 1_000)
    assert pool.functions.books(web3.eth.accounts[1]).call() == [True, 1_900, 0]
    assert pool.functions.contributed().call() == 1_900 == usdc.functions.balanceOf(pool.address).call()


def test_only_listed_books_contribute_and_only_for_listed_books(web3, usdc, pool):
    one, stranger = web3.eth.accounts[1], web3.eth.accounts[6]
    fund(web3, usdc, stranger, 1_000, pool.address)
    for caller, book in ((stranger, stranger), (stranger, one), (one, stranger)):
        with reverts(pool, "NotABook"):
            pool.functions.contribute(book, 1).call({"from": caller})


def test_money_merely_sent_pays_for_nothing(web3, usdc, pool):
    send(web3, usdc.functions.mint(pool.address, 10_000), web3.eth.accounts[0])
    assert claim(web3, pool, 100) == (0, 0)
    contribute(web3, pool, 1_000)
    assert claim(web3, pool, 10_000) == (1, 200)


def test_a_claim_is_granted_a_share_of_what_the_pool_holds_then(web3, pool):
    contribute(web3, pool, 10_000)
    assert claim(web3, pool, 5_000) == (1, 2_000)
    pay(web3, pool)
    assert claim(web3, pool, 5_000) == (2, 1_600)
    assert claim(web3, pool, 7) == (3, 7)


def test_a_book_never_has_more_than_it_put_in(web3, usdc, pool):
    contribute(web3, pool, 300, book=1)
    contribute(web3, pool, 100_000, book=2)
    assert claim(web3, pool, 10_000, book=1) == (1, 300)
    assert claim(web3, pool, 10_000, book=1) == (0, 0)
    contribute(web3, pool, 50, book=1)
    assert claim(web3, pool, 10_000, book=1) == (2, 50)
    pay(web3, pool)
    assert got(web3, usdc, 5) == 350


def test_claims_are_paid_in_their_order_by_anybody(web3, usdc, pool):
    contribute(web3, pool, 10_000)
    for who, amount in ((5, 100), (6, 200), (7, 300)):
        claim(web3, pool, amount, who)
    pay(web3, pool, most=2)
    assert [got(web3, usdc, who) for who in (5, 6, 7)] == [100, 200, 0]
    pay(web3, pool)
    assert [got(web3, usdc, who) for who in (5, 6, 7)] == [100, 200, 300]
    before = pool.functions.paid().call()
    pay(web3, pool)
    assert pool.functions.paid().call() == before == 600


def test_a_claim_that_cannot_be_paid_whole_keeps_its_place(web3, usdc, pool):
    """Only the asset itself can bring that about: here it takes money away."""
    contribute(web3, pool, 10_000)
    claim(web3, pool, 500, 5)
    claim(web3, pool, 100, 6)
    send(web3, usdc.functions.burn(pool.address, 9_800), web3.eth.accounts[0])
    pay(web3, pool)
    assert [got(web3, usdc, who) for who in (5, 6)] == [200, 0]
    pay(web3, pool)
    assert [got(web3, usdc, who) for who in (5, 6)] == [200, 0]
    contribute(web3, pool, 350)
    pay(web3, pool)
    assert [got(web3, usdc, who) for who in (5, 6)] == [500, 50]


def test_a_beneficiary_that_cannot_be_paid_does_not_hold_up_the_queue(web3, usdc, pool):
    owner, five = web3.eth.accounts[0], web3.eth.accounts[5]
    contribute(web3, pool, 10_000)
    claim(web3, pool, 100, 5)
    claim(web3, pool, 200, 6)
    send(web3, usdc.functions.freeze(five, True), owner)
    pay(web3, pool)
    assert [got(web3, usdc, who) for who in (5, 6)] == [0, 200]
    assert pool.functions.setAside(five).call() == 100
    with reverts(pool, "NotTheBeneficiary"):
        pool.functions.collect(five, owner).call({"from": owner})
    send(web3, pool.functions.collect(five, web3.eth.accounts[7]), five)
    assert got(web3, usdc, 7) == 100
    with reverts(pool, "NothingSetAside"):
        pool.functions.collect(five, five).call({"from": five})


def test_what_is_set_aside_is_nobody_elses(web3, usdc, pool):
    owner, five = web3.eth.accounts[0], web3.eth.accounts[5]
    contribute(web3, pool, 10_000)
    claim(web3, pool, 100, 5)
    claim(web3, pool, 200, 6)
    send(web3, usdc.functions.freeze(five, True), owner)
    pay(web3, pool, most=1)
    send(web3, usdc.functions.burn(pool.address, 9_850), owner)
    pay(web3, pool)
    assert got(web3, usdc, 6) == 50
    send(web3, usdc.functions.freeze(five, False), owner)
    send(web3, pool.functions.collect(five, five), owner)
    assert got(web3, usdc, 5) == 100


def test_only_claimants_claim_and_only_the_owner_sets(web3, pool):
    one, stranger = web3.eth.accounts[1], web3.eth.accounts[6]
    for caller in (one, stranger, web3.eth.accounts[0]):
        with reverts(pool, "NotAClaimant"):
            pool.functions.claim(one, stranger, 1).call({"from": caller})
    for call in (
        pool.functions.setBounds(100, 100),
        pool.functions.setBook(stranger, True),
        pool.functions.setClaimant(stranger, True),
    ):
        with reverts(pool, "OwnableUnauthorizedAccount"):
            call.call({"from": one})
    for bounds in ((0, 100), (5_001, 100), (100, 10_001), (2**256 - 1, 100), (100, 2**256 - 1)):
        with reverts(pool, "OutOfBounds"):
            pool.functions.setBounds(*bounds).call({"from": web3.eth.accounts[0]})


def test_there_is_no_way_out_but_a_granted_claim(pool):
    moving = {"contribute", "claim", "pay", "collect"}
    settings_ = {"setBounds", "setBook", "setClaimant", "transferOwnership", "acceptOwnership", "renounceOwnership"}
    writes = {
        e["name"] for e in pool.abi if e["type"] == "function" and e["stateMutability"] in ("nonpayable", "payable")
    }
    assert writes == moving | settings_


def test_a_bound_that_is_lowered_takes_back_nothing_granted(web3, usdc, pool):
    contribute(web3, pool, 10_000)
    claim(web3, pool, 2_000)
    send(web3, pool.functions.setBounds(2_000, 1_000), web3.eth.accounts[0])
    assert claim(web3, pool, 1) == (0, 0)
    pay(web3, pool)
    assert got(web3, usdc, 5) == 2_000


def test_a_token_that_returns_nothing_is_taken_and_paid(web3):
    made = sources("Money.sol")["SilentToken"]
    silent = create(web3, made["abi"], "0x" + made["evm"]["bytecode"]["object"])
    pool = laid_out(web3, silent)
    contribute(web3, pool, 1_000)
    claim(web3, pool, 100)
    pay(web3, pool)
    assert got(web3, silent, 5) == 100


steps = st.one_of(
    st.tuples(st.just("contribute"), st.integers(1, 2), st.integers(0, 10**6)),
    st.tuples(st.just("claim"), st.integers(1, 2), st.integers(5, 7), st.integers(0, 10**6)),
    st.tuples(st.just("pay"), st.integers(0, 3)),
    st.tuples(st.just("burn"), st.integers(0, 10**5)),
    st.tuples(st.just("bounds"), st.integers(1, 5_000), st.integers(0, 10_000)),
)


@settings(max_examples=5, deadline=None)
@given(todo=st.lists(steps, min_size=6, max_size=12))
def test_the_queue_is_what_the_model_says(web3, usdc, pool, todo):
    picture = web3.provider.make_request("evm_snapshot", [])["result"]
    model = Model()
    owner = web3.eth.accounts[0]
    for step in todo:
        match step:
            case ("contribute", book, amount):
                contribute(web3, pool, amount, book)
                model.contribute(book, amount)
            case ("claim", book, who, amount):
                claim(web3, pool, amount, who, book)
                model.claim(book, who, amount)
            case ("pay", most):
                pay(web3, pool, most)
                model.pay(most)
            case ("burn", amount):
                amount = min(amount, model.money)
                send(web3, usdc.functions.burn(pool.address, amount), owner)
                model.money -= amount
            case ("bounds", *bounds):
                send(web3, pool.functions.setBounds(*bounds), owner)
                model.claim_bps, model.book_bps = bounds
    queue = pool.functions.queue().call()
    assert [pool.functions.claims(n).call()[1] for n in range(queue[0], queue[1])] == [left for _, left in model.queue]
    assert [got(web3, usdc, who) for who in (5, 6, 7)] == [model.received.get(who, 0) for who in (5, 6, 7)]
    assert pool.functions.paid().call() == model.paid == sum(model.received.values())
    arrived = pool.functions.contributed().call()
    assert model.paid + sum(left for _, left in model.queue) <= arrived == sum(model.arrived.values())
    web3.provider.make_request("evm_revert", [picture])


def test_the_pool_costs_what_is_written_down(web3, usdc, pool):
    one, claimant, anybody = (web3.eth.accounts[n] for n in (1, 3, 9))
    for _ in range(2):  # the first time fills slots
        costs = {
            "insurance contributed": gas_used(web3, pool.functions.contribute(one, 10_000), one),
            "insurance claimed": gas_used(web3, pool.functions.claim(one, web3.eth.accounts[5], 100), claimant),
            "insurance paid": gas_used(web3, pool.functions.pay(1), anybody),
        }
    for what, used in costs.items():
        assert_gas("guard", what, used)
