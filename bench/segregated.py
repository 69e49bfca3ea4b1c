"""A lead's trade on the wire to a thousand orders on the wire: one for each follower's own account, each its own key.

The span is the one of bench/live_path.py, to the read of the last order. The baseline is the same work by one call of
the official SDK after the other, without anything before or around it, scaled from fewer orders.
"""

from __future__ import annotations

import asyncio
import gc
import json
from statistics import median
from time import perf_counter
from typing import NamedTuple

import eth_account
from hyperliquid.utils import signing as sdk
from hyperliquid.utils.types import Cloid

from bench.live_stage import Bench, Platform, keys_of, platform, venue
from bench.measure import Row, row
from pilotfish.venues.keys.pool import SignerPool, secrets_of
from pilotfish.venues.net.driver import new_loop

PROCESSES = 2
GAP_S = 0.05
NONCE = 1_784_683_656_000


class Sizes(NamedTuple):
    """How much is measured: a test measures little."""

    accounts: int = 1_000
    rounds: int = 15
    warm: int = 3
    reference: int = 100


def run() -> list[Row]:
    """Signed by a pool of two processes, and in the process that decides."""
    return measured(Sizes())


def measured(sizes: Sizes) -> list[Row]:
    reference = _official(sizes.reference) * sizes.accounts
    with asyncio.Runner(loop_factory=new_loop) as runner:
        pooled, here = runner.run(_measured(sizes))
    against = f"{sizes.accounts:,} orders signed by hyperliquid-python-sdk with coincurve, and no more"
    name = f"live: lead's trade in, {sizes.accounts:,} segregated orders out"
    return [
        row(f"{name}, {how}", median(times) / 1e6, "ms", reference, against=against, target=target, note=_note(times))
        for how, times, target in (
            (f"signed by {PROCESSES} processes", pooled, "≤ 250 ms"),
            ("signed in process", here, "≤ 250 ms"),
        )
    ]  # fmt: skip


def _note(times: list[int]) -> str:
    return (
        f"{len(times)} rounds, {min(times) / 1e6:.0f} to {max(times) / 1e6:.0f} ms; journal committed before; "
        "the venue answers at once and lets 100 orders be under way, as the real one does"
    )


async def _measured(sizes: Sizes) -> tuple[list[int], list[int]]:
    keys = keys_of(sizes.accounts)
    async with venue() as bench, SignerPool(secrets_of(keys), PROCESSES) as pool:
        async with platform(bench, sizes.accounts, keys, pool.sign) as one:
            pooled = await _rounds(bench, one, sizes)
        async with platform(bench, sizes.accounts, keys) as one:
            here = await _rounds(bench, one, sizes)
    return pooled, here


async def _rounds(bench: Bench, one: Platform, sizes: Sizes) -> list[int]:
    await one.play(bench, sizes.warm, sizes.accounts, GAP_S)
    return await one.play(bench, sizes.rounds, sizes.accounts, GAP_S)


def _official(count: int) -> float:
    """ms an order, each of another wallet; the first is not counted."""
    wallets = [eth_account.Account.from_key(key.reveal()) for key in keys_of(count)]
    request = {
        "coin": "BTC",
        "is_buy": True,
        "sz": 0.0005,
        "limit_px": 66_732.0,
        "order_type": {"limit": {"tif": "Ioc"}},
    }

    def one(number: int) -> bytes:
        wire = sdk.order_request_to_order_wire(request | {"reduce_only": False, "cloid": Cloid.from_int(number)}, 0)
        action = sdk.order_wires_to_order_action([wire])
        nonce = NONCE + number
        signature = sdk.sign_l1_action(wallets[number], action, None, nonce, None, True)
        return json.dumps({"action": action, "nonce": nonce, "signature": signature, "vaultAddress": None}).encode()

    one(0)
    gc.collect()
    began = perf_counter()
    for number in range(count):
        one(number)
    return (perf_counter() - began) / count * 1e3
