"""One user operation that carries a whole batch of copies, bundled by ourselves (ERC-4337, EntryPoint v0.8)."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from pilotfish.venues.evm.bindings_events import Event
from pilotfish.venues.evm.bindings_system import ENTRY_POINT, EntryPoint, OperatorAccount, UserOperation
from pilotfish.venues.evm.deploy_client import ChainClient, Receipt
from pilotfish.venues.keys.key import Key

VERIFICATION_GAS, POST_GAS, PRE_GAS = 150_000, 60_000, 100_000
CALL_GAS_BASE, CALL_GAS_ROW = 600_000, 60_000
BUNDLE_GAS = 600_000
"""Besides the operation's own limits: what the entry point itself uses."""
FEE_WEI, TIP_WEI = 4 * 10**9, 10**9
DAY_S = 86_400


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
    account: OperatorAccount
    sponsor: str
    signer: Key
    bundler: Key

    async def send(self, target: str, data: bytes, rows: int, what: str) -> Receipt:
        """Have the account call `target`. Raises TransactionRefused where the operation would not be taken."""
        call_gas = CALL_GAS_BASE + rows * CALL_GAS_ROW
        one = UserOperation(
            self.account.address, await self.client.read(self.entry_point.get_nonce(self.account.address, 0)), b"",
            self.account.execute(target, data).data, _two(VERIFICATION_GAS, call_gas), PRE_GAS, _two(TIP_WEI, FEE_WEI),
            await self._paid(), b"",
        )  # fmt: skip
        digest = await self.client.read(self.entry_point.get_user_op_hash(one))
        raw = self.signer.sign_digest(digest)
        signed = msgspec.structs.replace(one, signature=raw[:64] + bytes([raw[64] + 27]))
        call = self.entry_point.handle_ops([signed], self.bundler.address)
        return await self.client.send(self.bundler, call, what, call_gas + VERIFICATION_GAS + POST_GAS + BUNDLE_GAS)

    async def _paid(self) -> bytes:
        """Who pays: the sponsor, out of today's budget."""
        day = await self.client.now() // DAY_S
        gas = VERIFICATION_GAS.to_bytes(16, "big") + POST_GAS.to_bytes(16, "big")
        return bytes.fromhex(self.sponsor[2:]) + gas + day.to_bytes(4, "big")


def _two(high: int, low: int) -> bytes:
    return high.to_bytes(16, "big") + low.to_bytes(16, "big")
