"""What is asked beside blocks and orders: balances, leads' positions, and the engine's question."""

from __future__ import annotations

from collections.abc import Sequence

from pilotfish.domain.orders import Query
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.link import Link, Said
from pilotfish.venues.evm.public.balances import Held, read_balances
from pilotfish.venues.evm.public.leads import Leads
from pilotfish.venues.evm.public.reading import Reading
from pilotfish.venues.evm.settings import SECOND
from pilotfish.venues.evm.trading.desk import Desk
from pilotfish.venues.evm.trading.reconcile import Reconciling
from pilotfish.venues.evm.wire.rpc import Call, read_head
from pilotfish.venues.evm.wire.swaps import Pool

_QUESTION_NS_MAX = 15 * SECOND
_NEVER = -(2**62)


class Asking:
    def __init__(
        self, link: Link, pools: Sequence[Pool], reading: Reading, leads: Leads, desk: Desk, reconciling: Reconciling
    ) -> None:
        self._link, self._reading, self._leads, self._desk = link, reading, leads, desk
        self._reconciling = reconciling
        self._tokens = list(dict.fromkeys(t.address for pool in pools for t in (pool.base, pool.quote)))
        self._balances_ns = self._asked_ns = _NEVER
        self._positions_ns = _NEVER
        self._question: Query | None = None
        self._question_ns = _NEVER
        self._needs = -1  # the block up to which all must be read for the question

    def tick(self, now_ns: int) -> None:
        if self._reading.read_to < 0 or not self._link.may_ask(now_ns):
            return
        self._balances(now_ns)
        self._positions(now_ns)
        self.settle(now_ns)

    # -- balances ------------------------------------------------------------------------------------------------------

    def spent(self) -> None:
        """Something moved that is not in the balances."""
        self._balances_ns = _NEVER

    def _balances(self, now_ns: int) -> None:
        settings, lanes = self._link.settings, self._desk.lanes
        due = now_ns - self._balances_ns >= settings.balance_ns and now_ns - self._asked_ns >= settings.again_ns
        if not lanes or not due:
            return
        self._asked_ns = now_ns
        block = self._reading.read_to

        def heard(held: Held | None, then_ns: int) -> None:
            self._asked_ns = _NEVER
            if held is None:
                self._asked_ns = then_ns
                return
            for lane in lanes.values():
                if lane.spent_block <= block:
                    lane.balances = {token: held[token, lane.account.address] for token in self._tokens}
            if all(lane.spent_block <= block for lane in lanes.values()):
                self._balances_ns = then_ns

        wanted = [(token, lane.account.address) for lane in lanes.values() for token in self._tokens]
        read_balances(self._link, wanted, block, now_ns, heard)

    # -- leads ---------------------------------------------------------------------------------------------------------

    def _positions(self, now_ns: int) -> None:
        """After a gap; a question asks for itself."""
        due = now_ns - self._positions_ns >= self._link.settings.again_ns
        if self._leads.ready or self._question is not None or not due or not self._reading.current:
            return
        self._positions_ns = now_ns
        self._read_positions(now_ns)

    def _read_positions(self, now_ns: int) -> None:
        number = self._reading.read_to
        head = self._reading.blocks.get(number)
        stamp_ns = head.stamp_ns if head is not None else now_ns

        def told(whole: bool, then_ns: int) -> None:
            query, self._question = self._question, None
            if query is None or self._needs > number:
                self._question = query
                return
            if not whole:
                self._link.counts["questions not answered"] += 1
            elif self._link.up:
                self._link.told.append(self._reconciling.answer(query, number, stamp_ns, then_ns))

        self._leads.read(number, stamp_ns, now_ns, told)

    # -- the question --------------------------------------------------------------------------------------------------

    def ask(self, query: Query, now_ns: int) -> None:
        """One question at a time; the engine asks again."""
        if self._question is not None and now_ns - self._question_ns < _QUESTION_NS_MAX:
            return
        if not self._reconciling.answerable(query):
            self._link.counts["questions that cannot be answered"] += 1
            return
        self._question, self._question_ns, self._needs = query, now_ns, -1

        def heard(said: Said, then_ns: int) -> None:
            results = said.whole
            try:
                head = read_head(results[0]) if results else None
            except MessageRefused:
                head = None
            if self._question is not query:
                return
            if head is None:
                self._question = None
                self._link.counts["questions not answered"] += 1
                return
            self._needs = head.number
            self._reading.heard(head, then_ns)
            self.settle(then_ns)

        self._link.ask([Call("eth_getBlockByNumber", ["latest", False])], now_ns, heard)

    def settle(self, now_ns: int) -> None:
        """Answer, if everything up to the block that was the newest when it was asked is known."""
        due = now_ns - self._positions_ns >= self._link.settings.again_ns // 4
        if self._question is not None and 0 <= self._needs <= self._reading.read_to and self._reading.current and due:
            self._positions_ns = now_ns
            self._read_positions(now_ns)
