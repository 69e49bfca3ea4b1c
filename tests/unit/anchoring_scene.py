"""A short story as a journal: two leads, three followers, copies dearer and later than the leads' own trades."""

from pathlib import Path

from pilotfish.domain.arith import ints
from pilotfish.domain.codec import decode_commands
from pilotfish.domain.events import CashMoved, Fill
from pilotfish.domain.orders import OrderSignal, Place
from pilotfish.engine.snapshot import digest
from pilotfish.journal.port import RecordKind
from pilotfish.journal.sqlite import SqliteJournal
from tests.unit.driver import MS, PX, USDC, Desk, free_follows

LAG_NS = 40 * MS
WORSE = PX // 1000  # ten bps


class Story:
    """Told step by step; `write` puts what is new into a journal."""

    def __init__(self) -> None:
        self.desk = Desk(leads=2)
        for lead in (0, 1):
            self.desk.lead_holds(0, lead=lead)
        self.desk.follow(free_follows([1, 2, 3], [0, 0, 1], [1_000 * USDC, 3_000 * USDC, 2_000 * USDC]))
        self._written = 0

    def trade(self, lots: int, lead: int = 0, price: int = PX, worse: int = WORSE, lag_ns: int = LAG_NS) -> None:
        """The lead trades; the copy fills in whole, `worse` than the lead's price and `lag_ns` after it."""
        self.desk.top(price)
        at = self.desk.now + MS
        for approved in self.desk.lead(lots, price, lead=lead).commands:
            place = approved.command
            assert isinstance(place, Place)
            paid = price + place.side * worse
            self.desk.now = at + lag_ns
            stamp = (self.desk.now, self.desk.now)
            self.desk.go(Fill(*stamp, place.coid, self.desk.fresh(), place.lots, paid, place.lots * paid, 0))
            self.desk.update(place, OrderSignal.FILLED)

    def cash(self, row: int, amount: int) -> None:
        """Deposited (or, where negative, withdrawn) by a follow, money units."""
        self.desk.go(CashMoved(*self.desk.stamp(), ints([row]), ints([amount])))

    def write(self, path: Path, *, checkpoint: bool = True) -> int:
        """Append what is new, each event a group; how many records the journal then has."""
        with SqliteJournal(path) as journal:
            for event, commands in list(zip(self.desk.log, self.desk.sent, strict=True))[self._written :]:
                journal.append(RecordKind.EVENT, event)
                if decode_commands(commands):
                    journal.append(RecordKind.COMMANDS, commands)
                journal.commit()
            if checkpoint:
                journal.append(RecordKind.DIGEST, digest(self.desk.state))
                journal.commit()
            self._written = len(self.desk.log)
            return journal.head.position
