"""Follows with money and nothing else going on, to try fees and insurance on; one lot at `PX` is worth one USDC."""

import numpy as np

from pilotfish.domain.arith import ints
from pilotfish.domain.events import Configured
from pilotfish.domain.instructions import FeesDue, FeesSet
from pilotfish.domain.mandate import Follows, Route
from pilotfish.domain.terms import DAY_NS, FeeTerms
from pilotfish.engine.facts import Fact, FeeCharged
from pilotfish.engine.money.fees import adjust_marks, on_fees_due, on_fees_set, owes_too_much, settle_on_leaving
from pilotfish.engine.money.insurance import pay_claims
from pilotfish.engine.orders.leg import refresh
from pilotfish.engine.state import Lead, Listing, State
from pilotfish.ledger.ledger import Reservation
from tests.unit.driver import PX, T0, USDC, perp

FREE = FeeTerms(steps=())
SUBSCRIBED = FeeTerms(subscription=3 * USDC, steps=())


class Scene:
    """Row i belongs to `followers[i]`. Every move checks that all money still sums to zero."""

    def __init__(self, followers, lead=0, allocation=1_000 * USDC, terms: FeeTerms | None = None, **columns) -> None:
        self.route = columns.pop("route", Route.OMNIBUS)
        self.state = State(config=Configured(T0, T0, 0, self.route), now_ns=T0)
        self.state.listings.append(Listing(perp(), stated_mark=PX))
        self.ledger = self.state.ledger
        self.ledger.list_instrument(0)
        self.state.follows = Follows.of(followers, lead, allocation, **columns)
        self.state.leads = [Lead(f"lead {k}", USDC) for k in range(int(self.state.follows.lead.max()) + 1)]
        self.ledger.grow(len(self.state.follows))
        self.ledger.post_cash(slice(0, self.ledger.follows), self.state.follows.allocation)
        self.state.standing.grow(self.state.follows.allocation, T0)
        if terms:
            self.set(terms)

    def set(self, terms: FeeTerms) -> list[Fact]:
        return self._said(on_fees_set(self.state, FeesSet(self.state.now_ns, self.state.now_ns, terms))[1])

    def due(self, days: float = 0) -> list[Fact]:
        self.wait(days)
        return self._said(on_fees_due(self.state, FeesDue(self.state.now_ns, self.state.now_ns))[1])

    def wait(self, days: float) -> None:
        self.state.now_ns += int(days * DAY_NS)

    def earn(self, *amounts: int) -> None:
        """Settled profit (or loss) of the first rows; what an event of the venue would end with is the caller's."""
        rows = np.arange(len(amounts))
        self.ledger.post_trades(0, rows, ints([0] * len(amounts)), -ints(amounts), ints([0] * len(amounts)))

    def hold(self, row: int, lots: int, price: int = PX) -> None:
        self.ledger.post_trades(0, ints([row]), ints([lots]), ints([lots * price]), ints([0]))
        self.state.exposures = None

    def order(self, row: int, coid: int, *, leaving: bool = False, money: int = 0) -> None:
        """An order in flight."""
        self.ledger.reserve(coid, Reservation(0, leaving, 0, 0, ints([row]), ints([10**6]), ints([money])))

    def at(self, mark: int) -> None:
        self.state.listings[0].stated_mark = mark

    def may_move(self, rows, amounts) -> list[bool]:
        return (~owes_too_much(self.state, ints(rows), ints(amounts))).tolist()

    def cash(self, rows, amounts) -> list[Fact]:
        facts = adjust_marks(self.state, ints(rows), ints(amounts))
        self.ledger.post_cash(ints(rows), ints(amounts))
        return self._said(facts + pay_claims(self.state, ints(rows)))

    def leave(self, *rows: int) -> list[Fact]:
        return self._said(settle_on_leaving(self.state, ints(rows)))

    def claim(self, *rows: int) -> list[Fact]:
        return self._said(pay_claims(self.state, ints(rows)))

    def fund(self, amount: int) -> None:
        """Put money into the insurance pool, as a fee would."""
        self.ledger.money.between("external", "insurance", amount)

    def _said(self, facts: list[Fact]) -> list[Fact]:
        assert not any(self.ledger.sums().values())
        assert self.pool >= 0
        return facts

    # -- what is there -----------------------------------------------------------------------------------------------

    @property
    def money(self) -> list[int]:
        return self.ledger.money.rows.tolist()

    @property
    def marks(self) -> list[int]:
        return self.state.standing.mark.tolist()

    @property
    def pool(self) -> int:
        return self.ledger.insurance

    def has(self, account: str) -> int:
        return self.ledger.money.system.get(account, 0)

    def equity(self) -> list[int]:
        return (self.ledger.money.rows + refresh(self.state).value).tolist()


def charged(facts: list[Fact], kind: str) -> int:
    return sum(int(fact.amounts.sum()) for fact in facts if isinstance(fact, FeeCharged) and fact.kind == kind)
