"""One venue as the suite sees it: the port a shard holds, a market that a test moves, and the venue's own books."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from pilotfish.domain.events import Reconciled
from pilotfish.domain.instrument import Instrument
from pilotfish.domain.mandate import OMNIBUS
from pilotfish.domain.orders import Amend, Command, Place, PlaceBatch, Query, Tif
from pilotfish.gate.approved import _KEY, Approved
from pilotfish.venues.sim.matching import OrderBook
from pilotfish.venues.twins.faults import Fault
from tests.conformance.venues.heard import Heard

MS, SECOND = 1_000_000, 1_000_000_000
LEVELS = 5
AGAIN_S = 2  # the engine asks so often


class Shelf:
    """Strangers' orders that stand still until a test lays others: a market source."""

    def __init__(self, mark: int) -> None:
        self.mark_price = mark
        self.wanted: tuple[list[tuple[int, int]], list[tuple[int, int]]] | None = None

    def advance(self, book: OrderBook, until_ns: int) -> None:
        if self.wanted is not None:
            book.replace_anonymous(*self.wanted)
            self.wanted = None

    def mark(self, instrument_id: int, ns: int) -> int:
        return self.mark_price


class Rig:
    """Prices are `price(n)`, n steps from the middle: strangers bid at -1 and below and ask at 1 and above.

    `lacks`: what this venue cannot do, and why. `separate`: accounts of followers that are open; none is omnibus.
    """

    name: ClassVar[str]
    lacks: ClassVar[Mapping[str, str]] = {}
    mid: int
    step: int
    size: int  # lots of a usual order
    instrument: Instrument
    separate: Sequence[int] = ()
    asks_every_s: float = AGAIN_S

    def __init__(self) -> None:
        self.heard = Heard()
        self.cursor = self.amends = 0

    def price(self, steps: int) -> int:
        return self.mid + steps * self.step

    def order(self, coid: int, side: int, steps: int, tif: Tif = Tif.IOC, **more: int) -> Place:
        """An order of usual size, `steps` from the middle."""
        lots, account = more.pop("lots", self.size), more.pop("account", OMNIBUS)
        reduce_only = bool(more.pop("reduce_only", 0))
        price = more.pop("price", self.price(steps))
        return Place(coid, account, self.instrument.id, side, lots, price, tif, reduce_only)

    # -- the port ------------------------------------------------------------------------------------------------------

    def submit(self, *commands: Command) -> None:
        for one in commands:
            if isinstance(one, Place):
                self.heard.sent.setdefault(one.coid, one)
            elif isinstance(one, PlaceBatch):
                columns = (one.accounts.tolist(), one.lots.tolist(), one.prices.tolist())
                for k, (who, lots, price) in enumerate(zip(*columns, strict=True)):
                    self.heard.sent.setdefault(
                        one.coid + k, Place(one.coid + k, who, one.instrument, one.side, lots, price, one.tif)
                    )
            self.amends += isinstance(one, Amend)
        self.hand_over([Approved(one, _KEY) for one in commands])

    def hand_over(self, commands: Sequence[Approved[Command]]) -> None:
        raise NotImplementedError

    def within(self, true: Callable[[], object], seconds: float) -> bool:
        """Let the world run until it is true; whether it was before the time was over."""
        raise NotImplementedError

    def until(self, true: Callable[[], object], what: str = "", seconds: float = 60) -> None:
        assert self.within(true, seconds), f"{self.name}: {what or 'what was waited for'} never came"

    def ended(self, *coids: int) -> None:
        """Wait until these are over and their fills told."""
        self.until(lambda: all(map(self.heard.whole, coids)), f"the end of {coids}")

    def ask(self, *coids: int) -> Reconciled:
        """Ask again until the venue can answer, as the engine does."""
        for _ in range(60):
            seen = len(self.heard.answers)
            self.submit(Query(self.cursor, coids))
            if self.within(lambda seen=seen: len(self.heard.answers) > seen, AGAIN_S):
                answer = self.heard.answers[-1]
                absent = set(answer.asked) - set(answer.open) - set(answer.done)
                assert not any(map(self.taken, absent)), f"{self.name} has what it calls absent: {absent}"
                self.cursor = max(self.cursor, answer.cursor)
                return answer
        raise AssertionError(f"{self.name}: a question about {coids} was never answered")

    def asked(self, *coids: int, open_: tuple[int, ...] = (), done: tuple[int, ...] = ()) -> Reconciled:
        """Ask until the orders stand so, as the engine does of what is open; what is not sure yet is not answered."""
        answer = self.ask(*coids)
        for _ in range(20):
            if (set(answer.asked), set(answer.open), set(answer.done)) == (set(coids), set(open_), set(done)):
                return answer
            self.within(lambda: False, self.asks_every_s)
            answer = self.ask(*coids)
        raise AssertionError(f"{self.name}: {coids} should be open {open_} and done {done}: {answer}")

    def quiet(self) -> None:
        """Let everything arrive that is under way."""
        raise NotImplementedError

    def later(self, seconds: int) -> None:
        """Time passes: what was uncertain because it is young no longer is."""
        raise NotImplementedError

    # -- the world -----------------------------------------------------------------------------------------------------

    def lay(self, lots: int, levels: int = LEVELS) -> None:
        """Strangers' orders of so many lots at so many prices on each side; 0 levels: an empty book."""
        raise NotImplementedError

    def stranger(self, side: int, lots: int, steps: int) -> None:
        """Somebody else takes so much, up to a price."""
        raise NotImplementedError

    def ladder(self, lots: int, levels: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        reach = range(1, levels + 1)
        return [(self.price(-k), lots) for k in reach], [(self.price(k), lots) for k in reach]

    def fault(self, fault: Fault, times: int = 1) -> None:
        """The next opportunities of it are taken for certain."""
        raise NotImplementedError

    def injected(self, fault: Fault) -> int:
        """How often it has happened."""
        raise NotImplementedError

    def always(self, **rates: float) -> None:
        """From now on, by the names of `Fault`; nothing named: all is well again."""
        raise NotImplementedError

    def gap(self, during: Callable[[], object] = lambda: None) -> None:
        """The streams break, something happens meanwhile, and they come back."""
        raise NotImplementedError

    def restart(self) -> None:
        """The process is gone; another begins on the same account, with what its journal says is unfinished."""
        raise NotImplementedError

    def stop(self) -> None:
        """Shut down in good order."""
        raise NotImplementedError

    def close(self) -> None:
        """Leave nothing behind."""

    # -- the venue's books ---------------------------------------------------------------------------------------------

    def executed(self) -> dict[int, int]:
        """Lots traded by client order id."""
        raise NotImplementedError

    def position(self, account: int) -> int:
        raise NotImplementedError

    def resting(self) -> set[int]:
        """Client order ids of our open orders."""
        raise NotImplementedError

    def doubled(self) -> int:
        """Orders it took though it had their client order id."""
        raise NotImplementedError

    def taken(self, coid: int) -> int:
        """How many orders it took under this id: 0 or 1, if all is well."""
        raise NotImplementedError

    def lead_trades(self, lots: int) -> None:
        """The one lead trader buys so much."""
        raise NotImplementedError

    def differences(self) -> list[str]:
        """Where our books and the venue's are not the same; empty in the end."""
        executed = {coid: lots for coid, lots in self.executed().items() if lots}
        ours = {coid: lots for coid in self.heard.sent if (lots := self.heard.lots(coid))}
        found = [] if executed == ours else [f"the venue traded {executed}, we heard of {ours}"]
        for account in self.separate or (OMNIBUS,):
            theirs, held = self.position(account), self.heard.position(account, self.instrument.id)
            if theirs != held:
                found.append(f"account {account} holds {theirs}, and {held} by our events")
        if self.doubled():
            found.append(f"{self.doubled()} orders were taken twice")
        return found

    def check(self) -> None:
        """What holds at the end of every test."""
        self.quiet()
        self.within(lambda: not self.differences(), 40)
        assert not self.differences(), f"{self.name}: {self.differences()}"
        assert not self.heard.wrong, f"{self.name}: {self.heard.wrong}"
