"""One user operation that carries a whole batch of copies, bundled by ourselves (ERC-4337, EntryPoint v0.8)."""

from __future__ import annotations

from typing import Any, NamedTuple

from pilotfish.venues.evm.contracts.bindings import Call
from pilotfish.venues.evm.contracts.events import Event
from pilotfish.venues.evm.contracts.system import ENTRY_POINT, EntryPoint
from pilotfish.venues.evm.deploy.client import ChainClient, Receipt
from pilotfish.venues.evm.wire import userops
from pilotfish.venues.evm.wire.userops import Sponsorship, UserOperation
from pilotfish.venues.keys.key import Key

VERIFICATION_GAS, SPONSOR_GAS, POST_GAS, PRE_GAS = 150_000, 100_000, 60_000, 60_000
CALL_GAS_BASE, CALL_GAS_ROW = 600_000, 60_000
BUNDLE_GAS = 500_000
"""Besides the operation's own limits: the transaction's own cost and what the entry point uses."""
FEE_WEI, TIP_WEI = 4 * 10**9, 10**9


class UserOperationEvent(Event, frozen=True):
    contract = ENTRY_POINT
    user_op_hash: bytes
    sender: str
    paymaster: str
    nonce: int
    success: bool
    actual_gas_cost: int
    actual_gas_used: int


class Operations(NamedTuple):
    """The operator's way to the chain. `signer` signs operations, `bundler` sends them and is paid back."""

    client: ChainClient
    entry_point: EntryPoint
    account: str
    sponsor: str
    signer: Key
    bundler: Key

    async def send(self, target: str, data: bytes, rows: int, what: str) -> Receipt:
        """Have the account call `target`. Raises TransactionRefused where the operation was not taken."""
        chain = await self.client.chain_id()
        call_gas = CALL_GAS_BASE + rows * CALL_GAS_ROW
        day = userops.sponsor_day(await self.client.now())
        one = UserOperation(
            self.account, await self.client.read(self.entry_point.get_nonce(self.account, 0)),
            userops.execute_calldata(target, data), VERIFICATION_GAS, call_gas, PRE_GAS, TIP_WEI, FEE_WEI,
            Sponsorship(self.sponsor, SPONSOR_GAS, POST_GAS, day),
        )  # fmt: skip
        signed = userops.sign(one, userops.domain(chain, self.entry_point.address), self.signer)
        bundle = userops.handle_ops_calldata([signed], self.bundler.address)
        call: Call[Any] = Call(self.entry_point.address, bundle, lambda _: None)
        # A call passes on all but a 64th of what is left (EIP-150), and the entry point wants all of the limit.
        gas = (call_gas + POST_GAS) * 64 // 63 + VERIFICATION_GAS + SPONSOR_GAS + BUNDLE_GAS
        return await self.client.send(self.bundler, call, what, gas)
