"""A vault of any asset, with nothing but that asset in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from web3 import Web3
from web3.contract import Contract
from web3.types import TxReceipt

from tests.contracts.attack_scene import GAS, LIMITS, STEPS, USDC
from tests.contracts.chain import deploy, send
from tests.contracts.doubles import compiled
from tests.contracts.nodes import later


@dataclass(frozen=True)
class Small:
    web3: Web3
    token: Contract
    vault: Contract
    people: dict[str, str]

    def do(self, who: str, call: Any) -> TxReceipt:
        """Send; a revert raises with its reason."""
        sender = self.people.get(who, who)
        call.call({"from": sender, "gas": GAS})
        return send(self.web3, call, sender, gas=GAS)

    def deposit(self, who: str, assets: int) -> None:
        self.do("owner", self.token.functions.mint(self.people[who], assets))
        self.do(who, self.token.functions.approve(self.vault.address, assets))
        self.do(who, self.vault.functions.deposit(assets, self.people[who]))

    def wait(self, seconds: int) -> None:
        later(self.web3, seconds)


def set_vault(web3: Web3, token: Contract) -> Small:
    """Around it stand-ins for prices, breaker, pool and coupons. The lead deposits 100,000, Ann 10,000."""
    names = ("owner", "lead", "executor", "liquidator", "recipient", "relayer", "ann", "bob")
    people = dict(zip(names, web3.eth.accounts, strict=False))
    guard = compiled(web3, "Vault.sol", "SetPrices", token.address)
    breaker, coupons = compiled(web3, "Vault.sol", "SetBreaker"), compiled(web3, "Vault.sol", "SetCoupons")
    pool = compiled(web3, "Vault.sol", "TillPool", token.address)
    schedule = deploy(web3, "FeeSchedule", STEPS, people["owner"])
    config = (
        token.address, "Vault", "v", people["lead"], people["owner"], people["executor"], people["liquidator"],
        guard.address, breaker.address, guard.address, pool.address, coupons.address, people["recipient"], [],
        schedule.address, LIMITS,
    )  # fmt: skip
    made = Small(web3, token, deploy(web3, "StrategyVault", config), people)
    made.deposit("lead", 100_000 * USDC)
    made.deposit("ann", 10_000 * USDC)
    return made
