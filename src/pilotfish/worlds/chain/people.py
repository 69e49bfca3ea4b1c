"""Who takes part in a run on a chain: depositors of the vault, followers who sign a mandate for their own wallets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from eth_abi.abi import encode

from pilotfish.venues.evm.contracts.system import Mandate
from pilotfish.venues.evm.node.accounts import local_keys
from pilotfish.venues.keys.key import Key, keccak
from pilotfish.venues.keys.typed import for_contracts, separator, typed_digest

USDC = 10**6
TRADER, PUBLISHER = 8, 9
"""Local accounts besides those of `deploy_local`: who moves the market, who anchors."""
DEPOSITS = (30_000, 20_000, 15_000, 10_000, 5_000)
"""USDC of each depositor; the lead's own stake comes on top."""
LEAD_STAKE, LEAD_CASH = 10_000, 50_000
ALLOCATION_MEDIAN, ALLOCATION_SPREAD = 250.0, 0.6
YEAR_S = 365 * 86_400
ALLOCATION_MIN, ALLOCATION_MAX = 60, 900
OPEN_BPS, EXIT_BPS = 150, 200
"""What each mandate allows against the guard's price."""
_MANDATE = (
    b"Mandate(address follower,address lead,address[] tokens,uint256 allocation,uint256 orderMax,uint16 leverageBps,"
    b"uint16 ratioBps,uint16 openSlippageBps,uint16 exitSlippageBps,uint16 stopSlippageBps,uint16 stopBps,"
    b"uint16 feeBpsMax,uint32 issued,uint32 expiry)"
)
_REVOCATION = keccak(b"Revocation(address follower,address lead,uint32 issued)")


class Follower(NamedTuple):
    """`allocation`: base units of the asset; `wallet` is known before it stands."""

    key: Key
    allocation: int
    wallet: str


def derived(role: str, count: int) -> list[Key]:
    """Keys of a role: everybody can derive them, as all keys of a local chain."""
    return [local_keys()[0].derive(f"{role} {n}".encode()) for n in range(count)]


def allocations(count: int, seed: int) -> list[int]:
    """Of followers, base units: few have much."""
    drawn = np.random.default_rng(seed).lognormal(np.log(ALLOCATION_MEDIAN), ALLOCATION_SPREAD, count)
    return [int(x) * USDC for x in np.clip(drawn, ALLOCATION_MIN, ALLOCATION_MAX)]


def mandate(follower: str, lead: str, token: str, allocation: int, now_s: int) -> Mandate:
    """One token, whole allocation in one order at most, a stop at 40%, for a year."""
    limits = allocation, allocation, 10_000, 10_000, OPEN_BPS, EXIT_BPS, 500, 4_000, 1_500
    return Mandate(follower, lead, [token], *limits, now_s - 1, now_s + YEAR_S)


class DeskSigner:
    """What followers sign for one desk."""

    def __init__(self, chain_id: int, desk: str) -> None:
        self._domain = separator("Pilotfish CopyDesk", "1", chain_id, desk)

    def mandate(self, key: Key, one: Mandate) -> bytes:
        tokens = keccak(b"".join(bytes.fromhex(token[2:]).rjust(32, b"\0") for token in one.tokens))
        numbers = (
            one.allocation, one.order_max, one.leverage_bps, one.ratio_bps, one.open_slippage_bps,
            one.exit_slippage_bps, one.stop_slippage_bps, one.stop_bps, one.fee_bps_max, one.issued, one.expiry,
        )  # fmt: skip
        words = encode(
            ["bytes32", "address", "address", "bytes32", *["uint256"] * len(numbers)],
            [keccak(_MANDATE), one.follower, one.lead, tokens, *numbers],
        )
        return self._signed(key, keccak(words))

    def revocation(self, key: Key, lead: str, issued: int) -> bytes:
        """Ends every mandate of the key for `lead` that was issued until then."""
        words = encode(["bytes32", "address", "address", "uint256"], [_REVOCATION, key.address, lead, issued])
        return self._signed(key, keccak(words))

    def _signed(self, key: Key, struct_hash: bytes) -> bytes:
        return for_contracts(key.sign_digest(typed_digest(self._domain, struct_hash)))
