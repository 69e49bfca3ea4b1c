"""The desk of segregated wallets as a venue: the engine's batch becomes one instruction and one user operation.

The engine decides who copies how much and at what price at worst; the gate approves; then the lead's agent signs one
instruction for all wallets of the batch, with that price in it, and the desk swaps once and shares out. What each
wallet really sold and bought is read from the log and told to the engine as the result of its order.

The desk gives every wallet the same fraction (of its allocation, or of what it holds), so the instruction takes the
least fraction that any order of the batch stands for: nobody trades more than the engine ordered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.errors import InvariantBroken
from pilotfish.domain.events import BatchUpdate, Event
from pilotfish.domain.instructions import FollowAction, FollowControl
from pilotfish.domain.instrument import Instrument
from pilotfish.domain.orders import Command, OrderSignal, PlaceBatch
from pilotfish.domain.reasons import Reason
from pilotfish.gate.approved import Approved
from pilotfish.venues.evm.contracts.events import Event as Log
from pilotfish.venues.evm.contracts.system import CopyDesk
from pilotfish.venues.evm.deploy.client import Receipt, TransactionRefused
from pilotfish.venues.evm.wire import instructions
from pilotfish.venues.evm.wire.instructions import LIMIT_SCALE, WAD, Instruction
from pilotfish.venues.keys.key import Key
from pilotfish.worlds.chain.people import EXIT_BPS, OPEN_BPS, Follower
from pilotfish.worlds.chain.userop import Operations, UserOperationEvent

DEADLINE_S = 600
ROW = 60
"""Bytes of `Copied.rows` a wallet."""
TOKEN_DECIMALS = 18
NO_MANDATE = 1
REASONS = {NO_MANDATE: Reason.PAUSED, 2: Reason.DENIED, 3: Reason.DUPLICATE, 4: Reason.SLIPPAGE, 5: Reason.POSITION_CAP,
           7: Reason.BALANCE}  # fmt: skip
"""Of the desk's reasons to skip a wallet (`Copying.Skip`)."""


class Copied(Log, frozen=True):
    contract = "CopyDesk"
    digest: bytes
    lead: str
    amount_in: int
    amount_out: int
    rows: bytes


class Skipped(Log, frozen=True):
    contract = "CopyDesk"
    wallet: str
    digest: bytes
    why: int


class Parties(NamedTuple):
    """Who instructs whom. `agent` signs for the lead, which appointed it; `domain` is the executor's (EIP-712)."""

    desk: CopyDesk
    lead: str
    agent: Key
    domain: bytes
    asset: str
    token: str
    route: bytes


class Row(NamedTuple):
    """One wallet's part of a copy, base units; fees are part of what it bought."""

    sold: int
    bought: int
    performance: int
    subscription: int

    @property
    def fees(self) -> int:
        return self.performance + self.subscription


class Carried(NamedTuple):
    """What one user operation came to."""

    receipt: Receipt
    wallets: int
    skipped: int
    amount_in: int
    amount_out: int
    done: bool
    """Whether the operation's call went through; else nothing was sold or bought."""


class DeskVenue:
    """A venue of one instrument. `submit` keeps a batch, `carry_out` brings it to the chain and has it told."""

    idempotent_ids = True

    def __init__(
        self, instrument: Instrument, followers: Sequence[Follower], parties: Parties, way: Operations
    ) -> None:
        self.instrument, self.parties = instrument, parties
        self.carried: list[Carried] = []
        self.refused: list[str] = []
        """Why batches were not carried out at all."""
        self._followers, self._way = followers, way
        self._waiting: list[PlaceBatch] = []
        self._told: list[Event] = []
        self._held = [0] * len(followers)
        self.volumes = [0] * len(followers)
        """What each has traded, base units of the asset."""

    def events(self, until_ns: int) -> Sequence[Event]:
        told, self._told = self._told, []
        return told

    def next_ns(self) -> int | None:
        return self._told[0].ours_ns if self._told else None

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        """Raises InvariantBroken for a command that a desk does not know."""
        for approved in commands:
            if not isinstance(approved.command, PlaceBatch):
                raise InvariantBroken(f"{type(approved.command).__name__} for a desk", "it takes batches alone", "")
            self._waiting.append(approved.command)

    @property
    def waits(self) -> bool:
        return bool(self._waiting)

    async def carry_out(self, nonce: int, reference: int, stamp: Callable[[], int]) -> None:
        """Bring the next batch to the chain, under this number of the lead's. `reference`: what the lead paid; `stamp`:
        the time, ns, when what came of it is known.
        """
        batch = self._waiting.pop(0)
        followers = [self._followers[account] for account in batch.accounts.tolist()]
        deadline = await self._way.client.now() + DEADLINE_S
        order = self._instruction(batch, followers, reference, (nonce, deadline))
        signature = instructions.sign(order, self.parties.domain, self.parties.agent)
        wallets = b"".join(bytes.fromhex(one.wallet[2:]) for one in followers)
        slippage_bps = OPEN_BPS if batch.side > 0 else EXIT_BPS
        call = self.parties.desk.copy(order, signature, wallets, slippage_bps, self.parties.route)
        try:
            receipt = await self._way.send(call.to, call.data, len(followers), "copies")
        except TransactionRefused as bad:
            self.refused.append(str(bad))
            self._tell(batch, {}, followers, stamp(), {})
            return
        self._read(batch, followers, receipt, stamp())

    def _instruction(
        self, batch: PlaceBatch, followers: Sequence[Follower], reference: int, number: tuple[int, int]
    ) -> Instruction:
        """The price is the worst that the engine allows of any order; the fraction the least that one stands for."""
        parties, one = self.parties, self.instrument
        scale, wei, unit = 10**one.price_decimals, 10**TOKEN_DECIMALS, 10**one.money_decimals
        ordered = batch.lots.tolist()
        if batch.side > 0:
            spent = [one.notional_floor(lots, reference) for lots in ordered]
            fraction = min(s * WAD // f.allocation for s, f in zip(spent, followers, strict=True))
            limit = LIMIT_SCALE * wei * scale // (int(batch.prices.min()) * unit)
            pair = parties.asset, parties.token
        else:
            held = [max(self._held[account], 1) for account in batch.accounts.tolist()]
            fraction = min(min(lots, h) * WAD // h for lots, h in zip(ordered, held, strict=True))
            limit = -(-LIMIT_SCALE * int(batch.prices.max()) * unit // (wei * scale))
            pair = parties.token, parties.asset
        return Instruction(parties.lead, parties.desk.address, *pair, fraction, limit, number[1], number[0])

    def _read(self, batch: PlaceBatch, followers: Sequence[Follower], receipt: Receipt, now_ns: int) -> None:
        desk = self.parties.desk.address
        told = receipt.events(Copied, desk)
        rows = shares(told[0]) if told else {}
        skipped = {one.wallet: one.why for one in receipt.events(Skipped, desk)}
        operation = receipt.events(UserOperationEvent, self._way.entry_point.address)[0]
        amounts = (told[0].amount_in, told[0].amount_out) if told else (0, 0)
        self.carried.append(Carried(receipt, len(rows), len(skipped), *amounts, operation.success))
        # Before the results, after which the engine would try again at once what was not filled.
        ended = [k for k, one in enumerate(followers) if skipped.get(one.wallet) == NO_MANDATE]
        if ended:
            self._told.append(FollowControl(now_ns, now_ns, batch.accounts[ended], FollowAction.PAUSE))
        self._tell(batch, rows, followers, now_ns, skipped)

    def _tell(
        self, batch: PlaceBatch, rows: dict[str, Row], followers: Sequence[Follower], now_ns: int, why: dict[str, int]
    ) -> None:
        """Every order of the batch has ended. Lots are rounded down: what is less than a lot stays in the wallet."""
        lot = 10 ** (TOKEN_DECIMALS - self.instrument.lot_decimals)
        n = len(followers)
        lots, cost, fee, reason = (np.zeros(n, dtype=np.int64) for _ in range(4))
        for k, follower in enumerate(followers):
            row = rows.get(follower.wallet)
            if row is None:
                reason[k] = int(REASONS.get(why.get(follower.wallet, 0), Reason.REJECTED))
                continue
            tokens, money = (row.bought, row.sold) if batch.side > 0 else (row.sold, row.bought)
            lots[k], cost[k], fee[k] = min(tokens // lot, int(batch.lots[k])), money, row.fees
            self._held[int(batch.accounts[k])] += int(batch.side * lots[k])
            self.volumes[int(batch.accounts[k])] += money
        self._told.append(_update(batch, (lots, cost, fee, reason), now_ns))


def _update(batch: PlaceBatch, columns: tuple[Ints, Ints, Ints, Ints], now_ns: int) -> BatchUpdate:
    lots, cost, fee, why = columns
    whole = lots == batch.lots
    signal = np.where(whole, int(OrderSignal.FILLED), int(OrderSignal.CANCEL))
    reason = np.where(whole | (why > 0), why, int(Reason.NO_DEPTH))
    index = np.arange(lots.size, dtype=np.int64)
    done = np.full(lots.size, now_ns, dtype=np.int64)
    return BatchUpdate(now_ns, now_ns, batch.coid, index, signal, lots, cost, fee, reason, done)


def shares(told: Copied) -> dict[str, Row]:
    """What each wallet sold and got: its share of the one swap is the difference of two floors of the running sum."""
    found, running, shared = {}, 0, 0
    for at in range(0, len(told.rows), ROW):
        row = told.rows[at : at + ROW]
        wallet, sold = "0x" + row[:20].hex(), int.from_bytes(row[20:36], "big")
        fees = int.from_bytes(row[36:48], "big"), int.from_bytes(row[48:60], "big")
        running += sold
        bought = told.amount_out * running // told.amount_in - shared
        shared += bought
        found[wallet] = Row(sold, bought, *fees)
    return found
