"""A desk with followers who sign, a lead who orders, and a market that does as the test says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.contract import Contract
from web3.logs import DISCARD
from web3.types import TxReceipt

from tests.contracts.chain import deploy, send
from tests.contracts.doubles import compiled

USDC, WETH = 10**6, 10**18
PRICE = 3000 * USDC * 10**36 // WETH
"""Of one base unit of WETH in base units of USDC, times 1e36."""
GAS = 16_000_000
"""Given outright, so that nothing is estimated; below the cap of one transaction (EIP-7825)."""
REFUSALS = ("None", "Expired", "NotYet", "Superseded", "TokenNotListed", "Limits", "Fee", "Signature")
SKIPS = ("None", "NoMandate", "Token", "Done", "Slippage", "NothingLeft", "NotOpen", "Empty", "TokenFailed")
MANDATE = (
    ("address", "follower"), ("address", "lead"), ("address[]", "tokens"), ("uint256", "allocation"),
    ("uint256", "orderMax"), ("uint16", "leverageBps"), ("uint16", "ratioBps"), ("uint16", "openSlippageBps"),
    ("uint16", "exitSlippageBps"), ("uint16", "stopSlippageBps"), ("uint16", "stopBps"), ("uint16", "feeBpsMax"),
    ("uint32", "issued"), ("uint32", "expiry"),
)  # fmt: skip
REVOCATION = (("address", "follower"), ("address", "lead"), ("uint32", "issued"))
MONTH = 30 * 86_400


def person(name: str) -> LocalAccount:
    made: LocalAccount = Account.from_key(Web3.keccak(text=name))
    return made


@dataclass
class Scene:
    """`usdc` is the asset; account 0 owns the desk, 1 is the operator, 2 the liquidator; 3 gets the subscriptions."""

    web3: Web3
    usdc: Contract
    weth: Contract
    guard: Contract
    breaker: Contract
    coupons: Contract
    pool: Contract
    executor: Contract
    venue: Contract
    desk: Contract
    lead: LocalAccount
    route: bytes = b""
    nonce: int = 0
    issued: int = 1_700_000_000
    """Of the newest mandate made: each is a second later than the one before, and all are long past."""

    @cached_property
    def operator(self) -> str:
        return str(self.web3.eth.accounts[1])

    @property
    def now(self) -> int:
        return int(self.web3.eth.get_block("latest")["timestamp"])

    def wallet(self, follower: str) -> str:
        return str(self.desk.functions.walletOf(follower, self.lead.address).call())

    def mandate(self, follower: str, **changed: Any) -> dict[str, Any]:
        """10,000 USDC behind the lead, nothing narrower than it must be."""
        self.issued += 1
        usual = {
            "follower": follower, "lead": self.lead.address, "tokens": [self.weth.address], "allocation": 10_000 * USDC,
            "orderMax": 10_000 * USDC, "leverageBps": 10_000, "ratioBps": 10_000, "openSlippageBps": 100,
            "exitSlippageBps": 200, "stopSlippageBps": 500, "stopBps": 0, "feeBpsMax": 1_500, "issued": self.issued,
            "expiry": 4_000_000_000,
        }  # fmt: skip
        return usual | changed

    def sign(self, key: LocalAccount, mandate: dict[str, Any], **domain: Any) -> bytes:
        return sign(key, self.domain(**domain), "Mandate", MANDATE, mandate)

    def domain(self, **changed: Any) -> dict[str, Any]:
        return {
            "name": "Pilotfish CopyDesk", "version": "1", "chainId": self.web3.eth.chain_id,
            "verifyingContract": self.desk.address,
        } | changed  # fmt: skip

    def follow(self, key: LocalAccount, funded: int = 10_000 * USDC, **changed: Any) -> str:
        """Sign, follow, fund and open; the wallet."""
        mandate = self.mandate(key.address, **changed)
        self.do(self.desk.functions.follow(mandate, self.sign(key, mandate)))
        wallet = self.wallet(key.address)
        self.do(self.desk.functions.open([key.address], mandate["lead"]))
        if funded:
            self.do(self.usdc.functions.mint(wallet, funded))
        return wallet

    def instruction(self, opens: bool = True, **changed: Any) -> dict[str, Any]:
        self.nonce += 1
        pair = (self.usdc, self.weth) if opens else (self.weth, self.usdc)
        usual = {
            "lead": self.lead.address, "book": self.desk.address, "tokenIn": pair[0].address,
            "tokenOut": pair[1].address, "fraction": WETH // 10 if opens else WETH, "limit": 0,
            "deadline": 4_000_000_000, "nonce": self.nonce,
        }  # fmt: skip
        return usual | changed

    def order(self, wallets: Sequence[str], slippage: int = 50, opens: bool = True, **changed: Any) -> Any:
        """The call that copies one instruction for these wallets; not sent."""
        told = self.instruction(opens, **changed)
        digest = self.executor.functions.digestOf(told).call()
        signature = self.lead.unsafe_sign_hash(digest).signature
        return self.desk.functions.copy(told, signature, rows(wallets), slippage, self.route)

    def copy(self, *wallets: str, **changed: Any) -> TxReceipt:
        return self.do(self.order(wallets, **changed), self.operator)

    def do(self, call: Any, sender: str | None = None, **fields: Any) -> TxReceipt:
        return send(self.web3, call, sender or self.web3.eth.accounts[0], **{"gas": GAS} | fields)

    def coins(self, *people: str) -> None:
        """One of the chain's own coins each, for gas: who has none cannot even ask."""
        for who in people:
            spent = {"from": self.web3.eth.accounts[0], "to": who, "value": 10**18}
            self.web3.eth.wait_for_transaction_receipt(self.web3.eth.send_transaction(spent))

    def act(self, key: LocalAccount, call: Any) -> TxReceipt:
        """Send it as somebody whose key the node does not hold."""
        eth = self.web3.eth
        self.coins(key.address)
        built = call.build_transaction(
            {"from": key.address, "nonce": eth.get_transaction_count(key.address), "gas": 5_000_000,
             "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9}
        )  # fmt: skip
        mined = eth.wait_for_transaction_receipt(eth.send_raw_transaction(key.sign_transaction(built).raw_transaction))
        assert mined["status"] == 1, "reverted"
        return mined

    def told(self, event: str, mined: TxReceipt) -> list[dict[str, Any]]:
        return [dict(e["args"]) for e in getattr(self.desk.events, event)().process_receipt(mined, errors=DISCARD)]

    def skipped(self, mined: TxReceipt) -> dict[str, str]:
        return {e["wallet"]: SKIPS[e["why"]] for e in self.told("Skipped", mined)}

    def set_price(self, usdc_per_weth: int) -> None:
        """The market's and the oracle's at once."""
        price = usdc_per_weth * USDC * 10**36 // WETH
        self.do(self.guard.functions.set(self.weth.address, price, price))
        self.do(self.venue.functions.set(self.usdc.address, self.weth.address, 10**72 // price))
        self.do(self.venue.functions.set(self.weth.address, self.usdc.address, price))

    def holds(self, who: str) -> tuple[int, int]:
        return self.usdc.functions.balanceOf(who).call(), self.weth.functions.balanceOf(who).call()

    def rule(self, wallet: str) -> dict[str, int]:
        """What the desk keeps of a mandate, by name; the limits' fields among the others."""
        outputs = next(e for e in self.desk.abi if e.get("name") == "ruleOf")["outputs"]
        *values, limits = self.desk.functions.ruleOf(self.lead.address, wallet).call()
        kept = dict(zip([o["name"] for o in outputs[:-1]], values, strict=True))
        return kept | dict(zip([c["name"] for c in outputs[-1]["components"]], limits, strict=True))

    def refusals(self, *signed: tuple[dict[str, Any], bytes]) -> list[str]:
        """Bring mandates in one batch; why each that was skipped was not taken, in order."""
        mandates, signatures = zip(*signed, strict=True)
        mined = self.do(self.desk.functions.followMany(mandates, signatures))
        return [REFUSALS[e["why"]] for e in self.told("NotFollowed", mined)]


def rows(wallets: Sequence[str]) -> bytes:
    return b"".join(bytes.fromhex(w[2:]) for w in wallets)


def sign(key: LocalAccount, domain: dict[str, Any], name: str, fields: Any, values: dict[str, Any]) -> bytes:
    types = {name: [{"type": kind, "name": field} for kind, field in fields]}
    return bytes(key.sign_message(encode_typed_data(domain, types, values)).signature)


def scene(web3: Web3, tokens: tuple[Contract, Contract] | None = None, **terms: Any) -> Scene:
    """A desk among stand-ins that do as the test says: a fee of 10% and no subscription unless `terms` says so."""
    usdc, weth = tokens or (
        deploy(web3, "LocalToken", "USD Coin", "USDC", 6),
        deploy(web3, "LocalToken", "Wrapped Ether", "WETH", 18),
    )
    made = desk_among(web3, usdc, weth, stand_ins(web3, usdc), **terms)
    made.set_price(3000)
    return made


def stand_ins(web3: Web3, usdc: Contract) -> dict[str, Contract]:
    return {
        "guard": compiled(web3, "Vault.sol", "SetPrices", usdc.address),
        "breaker": compiled(web3, "Vault.sol", "SetBreaker"),
        "coupons": compiled(web3, "Vault.sol", "SetCoupons"),
        "pool": compiled(web3, "Vault.sol", "TillPool", usdc.address),
        "executor": compiled(web3, "Desk.sol", "PlainExecutor"),
        "venue": compiled(web3, "Desk.sol", "SetVenue"),
    }


def desk_among(web3: Web3, usdc: Contract, weth: Contract, parts: dict[str, Contract], **terms: Any) -> Scene:
    """Deploy a desk that works with `parts`; `terms` replaces any of its parameters."""
    names = ("executor", "guard", "breaker", "venue", "pool", "coupons")
    usual = {name: parts[name].address for name in names} | {
        "liquidator": web3.eth.accounts[2], "feeRecipient": web3.eth.accounts[3], "subscription": 0, "feeBps": 1_000,
    }  # fmt: skip
    desk = deploy(web3, "CopyDesk", tuple((usual | terms).values()), web3.eth.accounts[0])
    made = Scene(web3, usdc, weth, desk=desk, lead=person("lead"), **parts)
    made.do(desk.functions.list(weth.address))
    made.do(desk.functions.setOperator(made.operator, True))
    return made
