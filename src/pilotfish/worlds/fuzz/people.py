"""The people of a fuzzed world: leads trade and rest orders, followers move cash and change their minds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from pilotfish.domain.arith import ints
from pilotfish.domain.events import CashMoved, FollowsOpened, Operator, OperatorAction, Timer
from pilotfish.domain.instructions import FollowAction, FollowControl, LeadOrder, LeadStop, MandateChanged, Rebalance
from pilotfish.domain.instrument import Kind
from pilotfish.domain.mandate import OMNIBUS, Follows, Sizing
from pilotfish.domain.orders import Amend, Cancel, Place, Tif
from pilotfish.worlds.fuzz.draws import USDC, pick
from pilotfish.worlds.fuzz.garbage import impossible
from pilotfish.worlds.fuzz.garbage_instructions import impossible_instruction
from pilotfish.worlds.fuzz.mandates import draw_follows, enriched, tightened, widened

if TYPE_CHECKING:
    from pilotfish.worlds.fuzz.simulation import Simulation

LEAD_ACCOUNT = 1 << 40
CHANGES = ("tightened", "widened", "resized")


class People:
    """What they do when it is their turn. Chance that plain worlds have is drawn from `chance`, all else `extras`."""

    def __init__(self, run: Simulation) -> None:
        self.run, self.scenario = run, run.scenario
        self.chance, self.extras = run.scenario.chance, run.scenario.extras
        self._ids = 0
        self._told: dict[tuple[int, int], tuple[int, ...]] = {}  # (lead, order) → how the shard was told it stands

    # -- leads -------------------------------------------------------------------------------------------------------

    def trade(self) -> None:
        """A lead opens, adds, reduces, closes or flips; some orders rest and are filled in parts."""
        run, chance = self.run, self.chance
        lead = int(chance.integers(len(self.scenario.leads)))
        instrument = self.scenario.instruments[int(chance.integers(len(self.scenario.instruments)))]
        account = LEAD_ACCOUNT + lead
        bid, _, ask, _ = run.venue.exchange.markets[instrument.id].book.best()
        if not bid or not ask:
            return
        position = run.venue.position(account, instrument.id)
        per_lot = max(float(instrument.notional_floor(10_000, bid)) / 10_000, 1e-6)
        budget = self.scenario.leads[lead] * min(instrument.max_leverage, 3)
        size = max(1, int(budget * float(chance.random()) ** 2 * 0.5 / per_lot))
        goals = (position + size, position + size, position - size, position // 2, 0, -position)
        goal = goals[int(chance.integers(len(goals)))]
        if instrument.kind is not Kind.PERP:
            goal = max(goal, 0)
        side, lots = (1 if goal > position else -1), abs(goal - position)
        if not lots:
            return
        rests = chance.random() < (0.6 if self.scenario.platform.depth else 0.2)
        touch = (bid if side > 0 else ask) if rests else (ask if side > 0 else bid)
        price = instrument.bound_price(touch, side, 0 if rests else int(chance.choice([5, 50, 300])))
        self._ids += 1
        if chance.random() < 0.5:  # a stop some per cent away, or none any more
            stop = 0 if chance.random() < 0.2 else round(bid * (1 - side * float(chance.choice([0.001, 0.01, 0.1]))))
            run.tell(LeadStop(run.now_ns, run.now_ns, lead, instrument.id, stop))
        tif = Tif.GTC if rests else Tif.IOC
        run.venue.submit_for(account, Place(self._ids, account, instrument.id, side, lots, price, tif), run.now_ns)

    def change_orders(self) -> None:
        """A lead amends or withdraws one of its resting orders."""
        live = [
            r for m in self.run.venue.exchange.markets.values() for r in m.live.values() if self._is_lead(r.account)
        ]
        if not live:
            return
        record, chance = live[int(self.extras.integers(len(live)))], self.extras
        instrument = self.scenario.instruments[record.instrument]
        command: Cancel | Amend = Cancel(record.coid)
        if chance.random() < 0.6:
            lots = record.filled + max(1, int(record.open * float(chance.choice([0.3, 1.0, 2.0]))))
            price = record.price
            if chance.random() < 0.5:
                price = instrument.bound_price(record.price, record.side, pick(chance, [0, 5]))
            command = Amend(record.coid, lots, price)
        self.run.venue.submit_for(record.account, command, self.run.now_ns)

    def tell_orders(self, share: float = 0.8) -> None:
        """How the leads' resting orders stand, those that are told at all, and not in order with their fills."""
        run, chance = self.run, self.extras
        standing = {
            (record.account - LEAD_ACCOUNT, record.coid): (record.instrument, record.side, record.open, record.price)
            for market in run.venue.exchange.markets.values()
            for record in market.live.values() if self._is_lead(record.account)
        }  # fmt: skip
        for key in [*self._told.keys() - standing.keys(), *standing]:
            now = standing.get(key, (*self._told[key][:2], 0, self._told[key][3]) if key in self._told else ())
            if now != self._told.get(key) and chance.random() < share:
                at = max(run.now_ns, run.shard.state.now_ns)
                lead, number = key
                run.tell(LeadOrder(run.now_ns, at, lead, now[0], number, *now[1:]))
                self._told[key] = now
                run.counts["depth: leads' orders told"] += 1
                if not now[2]:
                    del self._told[key]

    def _is_lead(self, account: int) -> bool:
        return account >= LEAD_ACCOUNT

    # -- followers ---------------------------------------------------------------------------------------------------

    def cash(self) -> None:
        """A deposit, or a withdrawal that the shard may refuse; the venue moves what the journal holds."""
        run = self.run
        row = int(self.chance.integers(len(run.shard.state.follows)))
        amount = int(self.chance.integers(-3_000, 5_000)) * USDC
        before = run.shard.state.quarantined
        run.tell(CashMoved(run.now_ns, run.now_ns, ints([row]), ints([amount])))
        if run.shard.state.quarantined == before:
            run.venue.deposit(run.account_of(row), amount)

    def more(self) -> None:
        symbols = [i.symbol for i in self.scenario.instruments if i.quote == "USDC"]
        count = int(self.chance.integers(1, 8))
        first = len(self.run.shard.state.follows)
        self.join(draw_follows(self.chance, len(self.scenario.leads), count, symbols, first), first)

    def join(self, follows: Follows, first: int = 0) -> None:
        run = self.run
        if first:
            follows = enriched(self.extras, follows, self.scenario.traits, first)
        for follower, amount in zip(follows.follower.tolist(), follows.allocation.tolist(), strict=True):
            account = OMNIBUS if run.shard.state.omnibus else follower
            if run.venue.exchange.accounts.has(account):
                run.venue.deposit(account, amount)
            else:
                run.venue.open_account(account, amount)
        run.tell(FollowsOpened(run.now_ns, run.now_ns, follows))

    def control(self) -> None:
        """Some are paused, resumed, closed or leave, whatever they are at present."""
        rows = self._some_rows()
        action = FollowAction(pick(self.extras, [0, 0, 1, 1, 1, 2, 2, 3]))
        self.run.counts[f"control: {action.name.lower()}"] += 1
        self.run.tell(FollowControl(self.run.now_ns, self.run.now_ns, rows, action))

    def mandate(self) -> None:
        """New mandates: tighter ones, wider ones, and ones that are something else."""
        run, rows, chance = self.run, self._some_rows(), self.extras
        follows = run.shard.state.follows.take(rows)
        change = CHANGES[int(chance.integers(3))]
        if change == "resized":
            sized = follows.sizing <= Sizing.FIXED_RATIO
            columns = {"value": np.where(sized & (follows.value > 1), follows.value // 2, follows.value)}
        else:
            columns = (tightened if change == "tightened" else widened)(chance, follows)
        new = msgspec.structs.replace(follows, **{name: ints(column) for name, column in columns.items()})
        run.counts[f"mandate: {change}"] += 1
        run.tell(MandateChanged(run.now_ns, run.now_ns, rows, new))

    def rebalance(self) -> None:
        follows = self.run.shard.state.follows
        weighted = np.unique(follows.follower[follows.weight_bps > 0])
        if weighted.size:
            some = weighted[self.extras.random(weighted.size) < 0.5]
            self.run.counts["rebalances"] += 1
            self.run.tell(Rebalance(self.run.now_ns, self.run.now_ns, some, pick(self.extras, [0, 100, 1_000])))

    def _some_rows(self) -> np.ndarray:
        n = len(self.run.shard.state.follows)
        return ints(np.unique(self.extras.integers(0, n, int(self.extras.integers(1, 4)))))

    # -- whoever runs it ---------------------------------------------------------------------------------------------

    def operate(self) -> None:
        guard = self.run.shard.state.guard
        shut = guard.killed or (bool(guard.broken) and self.chance.random() < 0.5)
        action = OperatorAction.RESUME if shut else OperatorAction(int(self.chance.choice([0, 0, 2])))
        self.run.tell(Operator(self.run.now_ns, self.run.now_ns, action, "drill"))

    def resume(self) -> None:
        """Somebody has looked at why opens were halted."""
        if self.run.shard.state.guard.broken:
            self.run.tell(Operator(self.run.now_ns, self.run.now_ns, OperatorAction.RESUME, "looked at it"))

    def garbage(self) -> None:
        run = self.run
        run.tell(Timer(run.now_ns, run.now_ns))  # what was due is done, so that nothing is left to do but refuse
        instruction = self.extras.random() < 0.5
        draw = impossible_instruction if instruction else impossible
        event = draw(self.scenario, self.extras if instruction else self.chance, run.now_ns)
        before = run.apart()
        run.garbage.add(run.shard.state.seq + 1)
        run.tell(event)
        if run.apart() != before:
            run.problem(f"garbage left a trace: {event}")
