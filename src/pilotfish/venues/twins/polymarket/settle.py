"""The life of a trade after the match: MATCHED → MINED → CONFIRMED, or RETRYING → FAILED.

Until it is mined, what a trade takes is promised and not yet moved; when it fails, the promise ends and nothing has
moved: money and tokens are back, and the orders stay as matched as they were.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pilotfish.venues.sim.agenda import Agenda
from pilotfish.venues.twins.faults import Fault, TwinFaults
from pilotfish.venues.twins.polymarket.records import Part, Trade

SECOND = 1_000_000_000


class SettlementTimes(msgspec.Struct, frozen=True):
    """ns from the match."""

    mined_ns: int = 2 * SECOND
    confirmed_ns: int = 5 * SECOND
    failed_ns: int = 8 * SECOND


class Settlements:
    """All trades of record. `tell` is called for each change of a trade's status."""

    def __init__(
        self, agenda: Agenda, faults: TwinFaults, times: SettlementTimes, tell: Callable[[Trade], None]
    ) -> None:
        self.trades: dict[str, Trade] = {}
        self._agenda, self._faults, self._times, self._tell = agenda, faults, times, tell

    def matched(self, trade: Trade) -> None:
        """Take a new trade up."""
        self.trades[trade.id] = trade
        for part in trade.parts:
            _promise(part, 1, trade)
            if part.order:
                part.order.trades.append(trade.id)
        self._tell(trade)
        now, times = self._agenda.now_ns, self._times
        if self._faults.hit(Fault.SETTLEMENT):
            self._agenda.at(now + times.mined_ns, lambda: self._say(trade, "RETRYING"))
            self._agenda.at(now + times.failed_ns, lambda: self._fail(trade))
        else:
            self._agenda.at(now + times.mined_ns, lambda: self._mine(trade))
            self._agenda.at(now + times.confirmed_ns, lambda: self._say(trade, "CONFIRMED"))

    def _mine(self, trade: Trade) -> None:
        for part in trade.parts:
            _promise(part, -1, trade)
            if part.account:
                part.account.move(trade.market.listed.tokens[part.outcome], part.side, part.lots, part.total)
        self._say(trade, "MINED")

    def _fail(self, trade: Trade) -> None:
        for part in trade.parts:
            _promise(part, -1, trade)
        self._say(trade, "FAILED")

    def _say(self, trade: Trade, status: str) -> None:
        trade.status = status
        self._tell(trade)


def _promise(part: Part, sign: int, trade: Trade) -> None:
    if part.account is None:
        return
    if part.side > 0:
        part.account.promised_money += sign * part.total
    else:
        part.account.promised_tokens[trade.market.listed.tokens[part.outcome]] += sign * part.lots
