"""Whatever is done to the vault, in any order: everybody has what the model says, and every promise holds."""

from fractions import Fraction

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.contracts.chain import send
from tests.contracts.nodes import later
from tests.contracts.vault_model import Model
from tests.contracts.vault_world import DAY, MONTH, SHARE, STEPS, USDC, World, world

RATES = (
    (Fraction(0), Fraction(5, 100)),
    (Fraction(10, 100), Fraction(10, 100)),
    (Fraction(30, 100), Fraction(15, 100)),
)
WHO = ("lead", "ann", "bob")
FIRST = 10_000 * USDC
UNITS = 60
"""Base units by which a run's roundings may differ from exact fractions."""

who = st.sampled_from(WHO)
fractions = st.sampled_from([Fraction(1, 10), Fraction(1, 3), Fraction(9, 10), Fraction(1)])


class Vault(RuleBasedStateMachine):
    w: World

    @initialize()
    def begin(self) -> None:
        self.picture = self.w.web3.provider.make_request("evm_snapshot", [])["result"]
        self.model = Model(RATES, Fraction(3000 * USDC, 10**18))
        for name, assets in zip(WHO, (FIRST, FIRST, FIRST // 2), strict=True):
            self.w.deposit(self.at(name), assets)
            self.model.deposit(name, assets)
        later(self.w.web3, DAY + 1)
        self.low = 0
        # Every run goes once through a gain, an exit that waits while prices move, and a charge.
        self.bought(Fraction(1, 2))
        self.priced(4200)
        self.requested("ann", Fraction(1, 3))
        self.priced(4600)
        self.settled()
        self.charged("bob")

    def teardown(self) -> None:
        self.w.web3.provider.make_request("evm_revert", [self.picture])

    def at(self, name: str) -> str:
        return str(getattr(self.w, name))

    def open(self, name: str) -> int:
        """Shares that the account may move: the lead keeps its stake."""
        held = int(self.w.shares(self.at(name)))
        return held // 3 if name == "lead" else held

    def kept(self) -> None:
        """Nothing but a trade, a price or a fee lowers the price of a share."""
        now = self.w.read("navPerShare")
        assert now >= self.low
        self.low = now

    @rule(name=who, assets=st.integers(USDC, 5_000 * USDC))
    def deposit(self, name: str, assets: int) -> None:
        self.w.deposit(self.at(name), assets)
        self.model.deposit(name, assets)
        later(self.w.web3, DAY + 1)
        self.kept()

    @rule(giver=who, taker=who, part=fractions)
    def transfer(self, giver: str, taker: str, part: Fraction) -> None:
        shares = int(self.open(giver) * part)
        if giver != taker and shares:
            self.w.do(self.at(giver), "transfer", self.at(taker), shares)
            self.model.transfer(giver, taker, min(shares, self.model.shares[giver]))
        self.kept()

    @rule(name=who, part=fractions)
    def request(self, name: str, part: Fraction) -> None:
        self.requested(name, part)

    def requested(self, name: str, part: Fraction) -> None:
        shares = int(self.open(name) * part)
        if shares >= SHARE:
            self.w.request(self.at(name), shares)
            self.model.request(name, min(shares, self.model.shares[name]))
        self.kept()

    @precondition(lambda self: self.model.waiting() > SHARE and self.model.idle > 10 * USDC)
    @rule()
    def settle(self) -> None:
        self.settled()

    def settled(self) -> None:
        self.w.do(self.w.eve, "settle")
        self.model.settle()
        for name in WHO:
            before = self.w.cash(self.at(name))
            self.w.do(self.w.eve, "claim", self.at(name))
            expected = self.model.claims.pop(name, Fraction(0))
            assert abs(self.w.cash(self.at(name)) - before - expected) <= UNITS
        self.kept()

    @rule(part=fractions, buying=st.booleans())
    def trade(self, part: Fraction, buying: bool) -> None:
        free = self.model.idle - self.model.waiting() * self.model.share_price()
        can = free if buying else self.model.held * self.model.price
        if can > 10 * USDC and buying:
            self.bought(part)
        elif can > 10 * USDC:
            self.w.sell(float(part))
            self.model.sell(part)
        self.low = self.w.read("navPerShare")

    def bought(self, part: Fraction) -> None:
        self.w.buy(float(part))
        self.model.buy(part)

    @rule(dollars=st.integers(1800, 5000))
    def market(self, dollars: int) -> None:
        self.priced(dollars)

    def priced(self, dollars: int) -> None:
        self.w.price(dollars)
        self.model.price = Fraction(dollars * USDC, 10**18)
        self.low = self.w.read("navPerShare")

    @rule(name=who)
    def charge(self, name: str) -> None:
        self.charged(name)

    def charged(self, name: str) -> None:
        later(self.w.web3, MONTH + 1)
        if self.w.shares(self.at(name)):
            self.w.do(self.w.eve, "crystallise", self.at(name))
            self.model.charge(name)
        self.kept()

    @invariant()
    def everybody_has_what_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        price = self.model.share_price()
        assert abs(self.w.read("totalAssets") - self.model.nav()) <= UNITS
        for name in WHO:
            shares, mark = self.w.shares(self.at(name)), self.w.read("account", self.at(name))[0]
            assert abs(shares - self.model.shares[name]) * price <= UNITS
            if self.model.shares[name] > SHARE:
                assert mark * shares // 10**36 >= self.model.marks[name] - UNITS
                assert abs(mark * shares // 10**36 - self.model.marks[name]) <= UNITS

    @invariant()
    def what_is_set_aside_is_there(self) -> None:
        aside, waiting, _ = self.w.read("state")
        assert self.w.cash(self.w.vault.address) >= aside
        assert self.w.shares(self.w.vault.address) >= waiting


@pytest.fixture(scope="module")
def w(web3):
    made = world(web3, STEPS, (DAY, 100, 100, 10_000, 0, 1_000))
    for who_ in (made.ann, made.bob, made.lead):
        send(web3, made.market.usdc.functions.approve(made.vault.address, 2**256 - 1), who_)
    return made


def test_everything_that_is_done_comes_to_what_the_model_says(w):
    machine = type("Machine", (Vault,), {"w": w})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=3, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
