"""Our orders on the chain: commands in, transactions out, and what becomes of them.

An order trades at once or not at all, so one that rests is refused, and nothing can be changed about one that is under
way; a cancel uses up its nonce, if it comes in time. An order is over when its block lies deep enough, or when it can
never be mined: its nonce was used by another transaction, or its deadline has passed on the chain.
"""

from __future__ import annotations

from collections.abc import Sequence

from pilotfish.domain.errors import VenueError
from pilotfish.domain.orders import Amend, Cancel, CancelAll, Command, Place, PlaceBatch, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.gate.approved import Approved
from pilotfish.venues.evm.link import Link
from pilotfish.venues.evm.public.market import Market
from pilotfish.venues.evm.public.reading import Block, Reading
from pilotfish.venues.evm.settings import SECOND, Account
from pilotfish.venues.evm.trading.checks import Checks
from pilotfish.venues.evm.trading.ends import TRIES, Ends
from pilotfish.venues.evm.trading.lane import Lane
from pilotfish.venues.evm.trading.nonces import Slot, Use
from pilotfish.venues.evm.trading.results import Results
from pilotfish.venues.evm.trading.signing import Signing
from pilotfish.venues.evm.trading.working import NEVER, Batch, Order, Stage, Working, places, why_of
from pilotfish.venues.evm.wire.rpc import Log, Refusal, Sent
from pilotfish.venues.evm.wire.swaps import Pool, Swap, tagged, traded

_REASONS = {
    Refusal.FUNDS: Reason.BALANCE, Refusal.LIMIT: Reason.RATE_LIMIT, Refusal.KEY: Reason.AUTHENTICATION,
    Refusal.INVALID: Reason.REJECTED,
}  # fmt: skip


class Desk:
    def __init__(
        self, link: Link, pools: Sequence[Pool], accounts: Sequence[Account], signing: Signing, reading: Reading,
        market: Market,
    ) -> None:  # fmt: skip
        self._link, self._signing, self._reading = link, signing, reading
        self._pools = {pool.instrument.id: pool for pool in pools}
        self._at = {pool.address: pool for pool in pools}
        self.working = Working()
        self.results = Results(link, self.working)
        self.lanes = {one.account: Lane(link, signing, one, self._heard, self._looked) for one in accounts}
        self._mine = {lane.account.address: lane for lane in self.lanes.values()}
        self.ends = Ends(link, self.results, self.lanes, reading, self._send)
        self._checks = Checks(link, self._pools, self.lanes, self.working, market)
        self._stopping_ns = -1

    @property
    def ready(self) -> bool:
        return all(lane.ready and lane.balances for lane in self.lanes.values())

    # -- commands ------------------------------------------------------------------------------------------------------

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        """All but Query, which asks about leads too."""
        for approved in commands:
            command = approved.command
            if isinstance(command, Place):
                self._place(command, now_ns)
            elif isinstance(command, PlaceBatch):
                self._place_batch(command, now_ns)
            elif isinstance(command, Cancel):
                self._cancel(command.coid, now_ns)
            elif isinstance(command, CancelAll):
                for order in self.working.open_of(command.account, command.instrument):
                    self._cancel(order.place.coid, now_ns)
            elif isinstance(command, Amend):
                self._amend(command, now_ns)
        self.results.flush(now_ns)

    def _place(self, place: Place, now_ns: int) -> None:
        order = self.working.orders.get(place.coid)
        if order is None:
            return self._begin(place, now_ns)
        self._again(order, now_ns)

    def _place_batch(self, command: PlaceBatch, now_ns: int) -> None:
        if command.coid in self.working.orders:
            for k in range(command.lots.size):
                self._again(self.working.orders[command.coid + k], now_ns)
            return
        batch = Batch(command) if command.tif is Tif.IOC else None
        self._signing.gather()
        for k, place in enumerate(places(command)):
            self._begin(place, now_ns, batch, k)
        if batch is not None:
            batch.orders = [self.working.orders[command.coid + k] for k in range(command.lots.size)]
            self.working.batches[command.coid] = batch
        self._signing.go()

    def _begin(self, place: Place, now_ns: int, batch: Batch | None = None, index: int = 0) -> None:
        pool = self._pools.get(place.instrument)
        order = Order(place, pool or next(iter(self._pools.values())), batch=batch, index=index, first_ns=now_ns)
        self.working.add(order)
        reason = self._checks.against(place)
        if reason is not Reason.NONE:
            return self.results.refused(order, reason, now_ns)
        if self._checks.too_far(place):
            return self.results.ended(order, Reason.SLIPPAGE, now_ns, now_ns)
        self._send(order, now_ns)

    def _again(self, order: Order, now_ns: int) -> None:
        """The same order once more: what is over is said again; what can never be mined any more is sent anew."""
        if order.over:
            self.results.again(order, now_ns)
        elif order.absent:
            order.absent = order.recalled = order.acked = False
            order.reverted, order.tries, order.first_ns, order.slot = -1, 0, now_ns, None
            reason = self._checks.against(order.place)
            if reason is not Reason.NONE:
                return self.results.refused(order, reason, now_ns)
            self._send(order, now_ns)

    def _send(self, order: Order, now_ns: int) -> None:
        """Under a nonce of its own."""
        lane, settings = self.lanes[order.place.account], self._link.settings
        order.deadline_s = (now_ns + settings.order_ns) // SECOND
        try:
            data = order.pool.calldata(order.place, lane.account.address, order.deadline_s, settings.journal)
        except (VenueError, OverflowError):
            return self.results.refused(order, Reason.BAD_INTENT, now_ns)
        order.stage, order.tries = Stage.SENT, order.tries + 1
        order.slot = lane.send(order.place.coid, bytes.fromhex(settings.router[2:]), data, settings.gas, now_ns)
        if order.slot is None and not order.over:
            self._link.counts["gas above the bound"] += 1
            self.results.refused(order, Reason.BUDGET, now_ns)

    def _cancel(self, coid: int, now_ns: int) -> None:
        order = self.working.orders.get(coid)
        if order is None:
            self._link.counts["cancels of unknown orders"] += 1
        elif order.over:
            self.results.again(order, now_ns)
        elif order.slot is None or not order.slot.attempts:
            if order.slot is not None:
                self.lanes[order.place.account].nonces.free(order.slot)
            if not order.recalled:
                self.results.refused(order, Reason.KILLED, now_ns)
        elif not order.cancelling and not order.fills:
            order.cancelling = True
            self.lanes[order.place.account].void(order.slot, now_ns)

    def _amend(self, command: Amend, now_ns: int) -> None:
        """Nothing rests here that could be changed."""
        self._link.counts["amendments refused"] += 1
        order = self.working.orders.get(command.coid)
        if order is not None:
            self.results.again(order, now_ns, Reason.NONE if order.over else Reason.BAD_INTENT)

    # -- what the nodes say --------------------------------------------------------------------------------------------

    def _heard(self, slot: Slot, refusal: Refusal | None, words: str, now_ns: int) -> None:
        order = self.working.orders.get(slot.coid)
        if slot.use is not Use.ORDER or order is None or order.slot is not slot or order.over:
            return
        if refusal is None:
            return self.results.taken(order, now_ns)
        if order.acked or order.stage is not Stage.SENT or len(slot.attempts) > 1:
            return  # it went out before: what was said of that stands until the chain says more
        if refusal is Refusal.UNKNOWN:
            return self.results.lost(order, now_ns)
        if refusal is Refusal.NONCE_TOO_LOW:
            order.stage, order.ask_ns = Stage.UNKNOWN, NEVER  # the receipts say whether it was this very transaction
            return
        lane = self.lanes[order.place.account]
        lane.nonces.free(slot)
        order.slot = None
        if refusal is Refusal.UNDERPRICED and order.tries < TRIES:
            lane.nonces.latest = -1  # what waits in the pool is counted before the next nonce is given
            order.stage, order.ask_ns = Stage.SIGNING, now_ns
            return lane.look(now_ns)
        self.results.refused(order, _REASONS.get(refusal, why_of(words)), now_ns)
        self.results.flush(now_ns)

    def _looked(self, account: Account, failed: list[Slot], now_ns: int) -> None:
        """Receipts are known: of those that failed, and of what was mined."""
        for slot in failed:
            order = self.working.orders.get(slot.coid)
            if order is not None and order.slot is slot and not order.fills:
                order.reverted = slot.block
        self.ends.settle(self.working.open_of(account.account), self._reading.read_to, now_ns)

    # -- what the chain says -------------------------------------------------------------------------------------------

    def wants_origin(self, log: Log, swap: Swap) -> bool:
        """A swap of ours whose transaction this process did not send."""
        lane = self._mine.get(swap.recipient)
        return lane is not None and lane.nonces.of(log.transaction) is None and log.key not in self.results.acted

    def owns(self, swap: Swap) -> bool:
        return swap.recipient in self._mine

    def traded(self, log: Log, swap: Swap, origin: Sent | None, stamp_ns: int, now_ns: int) -> None:
        """A swap that pays out to us."""
        lane, pool = self._mine[swap.recipient], self._at[log.address]
        slot = lane.nonces.of(log.transaction)
        coid = slot.coid if slot is not None else -1
        if slot is None and origin is not None:
            found = tagged(origin.data)
            coid = found[1] if found is not None and found[0] == self._link.settings.journal else -1
        order = self.working.orders.get(coid)
        trade = traded(swap, pool)
        if order is None or trade is None or order.pool is not pool or order.place.account != lane.account.account:
            self._link.counts["swaps of no order of ours"] += 1
            return
        if log.key not in self.results.acted:
            for amount, token in zip((swap.amount0, swap.amount1), _tokens(pool), strict=True):
                lane.balances[token] = lane.balances.get(token, 0) - amount
            lane.spent_block = max(lane.spent_block, log.block)
        self.results.filled(order, trade, log, stamp_ns, now_ns)

    def read(self, block: Block, now_ns: int) -> None:
        """Blocks are read whole up to here: what was traded in them is known, and what is deep enough is over."""
        self.ends.settle(list(self.working.live.values()), block.last.number, now_ns)
        for lane in self.lanes.values():
            lane.headed(block.last, now_ns)
            lane.nonces.forget(block.last.number - self._link.settings.depth - 1)

    # -- time ----------------------------------------------------------------------------------------------------------

    def tick(self, now_ns: int) -> None:
        settings = self._link.settings
        for lane in self.lanes.values():
            lane.tick(now_ns)
        for order in list(self.working.live.values()):
            slot, account = order.slot, order.place.account
            if order.over or account not in self.lanes:
                continue
            lane = self.lanes[account]
            if order.stage is Stage.SIGNING and slot is None and order.ask_ns <= now_ns and lane.nonces.counted:
                order.ask_ns = NEVER
                self._send(order, now_ns)
            elif order.stage is Stage.UNKNOWN and slot is not None and order.ask_ns <= now_ns:
                order.ask_ns = now_ns + settings.again_ns
                self._find(order, slot, lane, now_ns)
            elif (
                order.stage is Stage.POOLED and slot is not None and slot.mined is None and not slot.voiding
                and now_ns - slot.since_ns >= settings.raise_ns and now_ns // SECOND < order.deadline_s
            ):  # fmt: skip
                lane.raise_fees(slot, now_ns)
        self.results.flush(now_ns)

    def _find(self, order: Order, slot: Slot, lane: Lane, now_ns: int) -> None:
        """Nobody knows what became of it: the node is asked; where it was not, and is not mined, it is cut off."""
        if slot.mined is not None or order.fills or slot.voiding:
            return

        def found(known: bool | None, then_ns: int) -> None:
            if order.over or order.slot is not slot or slot.mined is not None or order.fills:
                return
            if known:
                self.results.taken(order, then_ns)
            elif known is False and not slot.voiding and slot.passed < 0:
                lane.void(slot, then_ns)

        lane.find(slot, found)

    def next_ns(self) -> int | None:
        return min((order.ask_ns for order in self.working.live.values()), default=None)

    def stop(self, now_ns: int) -> None:
        self._stopping_ns, self._checks.closed = now_ns, True
        if self._link.settings.cancel_on_stop:
            for order in list(self.working.live.values()):
                self._cancel(order.place.coid, now_ns)

    def quiet(self, now_ns: int) -> bool:
        """After `stop`: whether nothing more is waited for."""
        if now_ns - self._stopping_ns >= self._link.settings.stop_ns_max:
            return True
        return all(order.absent for order in self.working.live.values()) and all(
            lane.idle for lane in self.lanes.values()
        )


def _tokens(pool: Pool) -> tuple[str, str]:
    base, quote = pool.base.address, pool.quote.address
    return (base, quote) if pool.base_first else (quote, base)
