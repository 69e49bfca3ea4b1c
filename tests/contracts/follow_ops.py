"""An entry point, the operator's account on it, and the user operations that its key signs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec
from web3 import Web3
from web3.contract import Contract
from web3.exceptions import ContractLogicError
from web3.types import TxReceipt

from pilotfish.venues.evm.wire import userops
from pilotfish.venues.evm.wire.instructions import Instruction
from pilotfish.venues.evm.wire.userops import Outcome, UserOperation
from pilotfish.venues.keys.key import Key
from tests.contracts.chain import deploy, deploy_package
from tests.contracts.follow_scene import GAS, Scene

ENTRY_POINT = "@account-abstraction/contracts/artifacts/EntryPoint.json"
FEE_WEI = 2 * 10**9


@dataclass
class Operator:
    """`account` may call the desk; `key` signs for it; account 4 of the chain is its guardian."""

    scene: Scene
    entry: Contract
    account: Contract
    key: Key
    separator: bytes

    @property
    def web3(self) -> Web3:
        return self.scene.web3

    def op(self, data: bytes, lane: int = 0, **changed: Any) -> UserOperation:
        """Calls the account with `data`; signed. `lane` is the nonce's key."""
        nonce = self.entry.functions.getNonce(self.account.address, lane).call()
        made = UserOperation(
            self.account.address, nonce, data, verification_gas=150_000, call_gas=2_000_000,
            pre_verification_gas=50_000, tip_wei=FEE_WEI, fee_wei_max=FEE_WEI,
        )  # fmt: skip
        return self.signed(msgspec.structs.replace(made, **changed))

    def signed(self, op: UserOperation, key: Key | None = None) -> UserOperation:
        return userops.sign(op, self.separator, key or self.key)

    def copying(self, *wallets: str, opens: bool = True, slippage: int = 50, **changed: Any) -> bytes:
        """What the account is called with to copy one instruction for these wallets."""
        told = self.scene.instruction(opens, **changed)
        signature = self.scene.lead.unsafe_sign_hash(self.scene.executor.functions.digestOf(told).call()).signature
        order = Instruction(*told.values())
        copy = userops.copy_calldata(order, bytes(signature), wallets, slippage, self.scene.route)
        return userops.execute_calldata(self.scene.desk.address, copy)

    def send(self, *ops: UserOperation, gas: int = GAS) -> TxReceipt:
        """Bundle them ourselves: account 9 sends, account 8 is paid. A bundle that the entry point refuses raises."""
        accounts = self.web3.eth.accounts
        sent = {
            "from": accounts[9], "to": self.entry.address, "gas": gas, "maxFeePerGas": FEE_WEI,
            "maxPriorityFeePerGas": FEE_WEI, "data": userops.handle_ops_calldata(ops, accounts[8]),
        }  # fmt: skip
        mined = self.web3.eth.wait_for_transaction_receipt(self.web3.eth.send_transaction(sent))
        assert mined["status"] == 1, "reverted"
        return mined

    def refusal(self, *ops: UserOperation) -> str:
        """What the entry point says against a bundle, or nothing."""
        accounts = self.web3.eth.accounts
        asked = {"from": accounts[9], "to": self.entry.address, "gas": GAS}
        try:
            self.web3.eth.call(asked | {"data": userops.handle_ops_calldata(ops, accounts[8])})
        except ContractLogicError as refused:
            told = str(refused)
            return told + "".join(bytes.fromhex(h).decode("latin1") for h in re.findall("0x((?:[0-9a-f]{2})+)", told))
        return ""

    def outcomes(self, mined: TxReceipt) -> list[Outcome]:
        logs = [log for log in mined["logs"] if log["topics"][0].to_0x_hex() == userops.OPERATION_TOPIC]
        return [userops.outcome(bytes(log["data"])) for log in logs]


def operator(scene: Scene) -> Operator:
    """Deploy it, with a coin for gas in its deposit, as the desk's operator."""
    web3, (owner, guardian) = scene.web3, (scene.web3.eth.accounts[k] for k in (0, 4))
    key = Key(bytes(Web3.keccak(text="operator")))
    entry = deploy_package(web3, ENTRY_POINT)
    account = deploy(web3, "OperatorAccount", entry.address, Web3.to_checksum_address(key.address), owner)
    scene.do(account.functions.setTarget(scene.desk.address, True))
    scene.do(account.functions.setGuardian(guardian, True))
    scene.do(scene.desk.functions.setOperator(account.address, True))
    scene.do(entry.functions.depositTo(account.address), value=10**18)
    return Operator(scene, entry, account, key, userops.domain(web3.eth.chain_id, entry.address))
