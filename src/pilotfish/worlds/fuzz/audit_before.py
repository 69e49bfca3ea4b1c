"""What the auditor remembers of the shard from one event to the next: raw columns, copied."""

from __future__ import annotations

from typing import Any

HEDGE = -1  # the key of a column's part that hedges ask for
ACTIVE, PAUSED, CLOSING, LEAVING, LEFT = range(5)  # standing.mode, as the journal's readers know it


class Before:
    """The state after the last event but market data, which moves none of this."""

    def __init__(self) -> None:
        self.mode: list[int] = []
        self.why: list[int] = []
        self.owed: list[int] = []
        self.mark: list[int] = []
        self.money: list[int] = []
        self.busy: list[bool] = []
        self.system: dict[str, int] = {}
        self.claims: dict[int, int] = {}
        self.positions: list[dict[int, int]] = []
        self.hedges: dict[int, list[int]] = {}  # instrument → follows that it hedges something of …
        self.barred: dict[int, list[int]] = {}  # … and follows whose price stop there has fired
        self.broken = 0

    def keep(self, state: Any) -> None:
        standing, ledger = state.standing, state.ledger
        self.mode, self.why = standing.mode.tolist(), standing.why.tolist()
        self.owed, self.mark = standing.owed.tolist(), standing.mark.tolist()
        self.money, self.system = ledger.money.rows.tolist(), dict(ledger.money.system)
        self.busy = busy(state)
        self.claims, self.broken = dict(state.claims), int(state.guard.broken)
        parts = {key: column.parts[HEDGE] for key, column in state.columns.items() if HEDGE in column.parts}
        self.hedges = {key: part.nonzero()[0].tolist() for key, part in parts.items()}
        self.barred = {key: column.barred.nonzero()[0].tolist() for key, column in state.columns.items()}
        self.positions = [dict(lead.positions) for lead in state.leads]

    def mode_of(self, row: int) -> int:
        return self.mode[row] if row < len(self.mode) else ACTIVE

    def is_busy(self, row: int) -> bool:
        return row < len(self.busy) and self.busy[row]


def busy(state: Any) -> list[bool]:
    """Which follows hold something or have an order in flight."""
    ledger = state.ledger
    columns = [book.rows for book in ledger.lots.values()] + [*ledger.opening.values(), *ledger.leaving.values()]
    found = [False] * len(state.follows)
    for column in columns:
        for row in column.nonzero()[0].tolist():
            found[row] = True
    return found
