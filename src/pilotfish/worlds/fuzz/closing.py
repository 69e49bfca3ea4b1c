"""The end of a fuzzed world: faults stop, time passes, and everything must have converged, to the unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pilotfish.domain.codec import decode_commands
from pilotfish.domain.events import Operator, OperatorAction
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.orders import Place, PlaceBatch
from pilotfish.journal.chain import verify_chain
from pilotfish.journal.port import Journal, RecordKind
from pilotfish.venues.sim.venue import SimVenue
from pilotfish.worlds.fuzz.auditor import Auditor
from pilotfish.worlds.fuzz.draws import DELAY_NS_MAX, MS, SECOND, WINDOW_NS_MAX
from pilotfish.worlds.verify import verify

if TYPE_CHECKING:
    from pilotfish.worlds.fuzz.simulation import Simulation

SETTLE_NS = 14 * SECOND  # the longest window for opens, an overdue order, an answer
LATER_NS = DELAY_NS_MAX + WINDOW_NS_MAX  # what is withheld is done later, and worked over time
AGAIN_NS = 3 * SECOND
MOMENTS = 60
SHUT = (2, 3)  # follows that are closing or leaving have that for a reason
ATTEMPTS = 4  # a funding payment or a forced close may be on its way at the very moment we look


def close(run: Simulation) -> None:
    """Stop the faults, reconcile, wait, and hold everything against everything."""
    plain = run.scenario.plain
    run.stop_trading()
    run.tell(Operator(run.now_ns, run.now_ns, OperatorAction.RESUME, "the drill is over"))
    _advance(run, 3 * SECOND)
    run.people.tell_orders(share=1.0)
    run.venue.disconnect(run.now_ns, 200 * MS)
    _advance(run, SETTLE_NS + (0 if plain else LATER_NS))
    _rest(run)
    run.office.transfer()
    differences = unsettled(run.auditor, run.shard.state, run.venue, run.transferred)
    for _ in range(ATTEMPTS):
        if not differences:
            break
        run.venue.disconnect(run.now_ns, 10 * MS)
        _advance(run, AGAIN_NS)
        _rest(run)
        run.office.transfer()
        differences = unsettled(run.auditor, run.shard.state, run.venue, run.transferred)
    run.shard.checkpoint()
    for what in differences + _journal(run.auditor, run.journal):
        run.auditor.found(what)


def _advance(run: Simulation, ns: int) -> None:
    run.now_ns += ns
    run.shard.run(run.now_ns, 250 * MS)


def _rest(run: Simulation) -> None:
    """Exits are tried until they are done, so wait for a moment between two tries."""
    for _ in range(MOMENTS):
        if not run.shard.state.ledger.reservations:
            return
        _advance(run, 100 * MS)


def unsettled(auditor: Auditor, state: Any, venue: SimVenue, transferred: Mapping[int, int]) -> list[str]:
    """Where the shard, the auditor and the venue's books of record differ, at rest. `transferred` is by account what
    people moved at the venue because of fees, insurance and pay-outs.
    """
    return [
        *_accounts(auditor, venue, transferred), *_orders(auditor, venue), *_targets(auditor, state, venue),
        *auditor.at_rest(state),
    ]  # fmt: skip


def _accounts(auditor: Auditor, venue: SimVenue, transferred: Mapping[int, int]) -> list[str]:
    """Positions and cash of every account of ours, to the lot and to the money unit."""
    out: list[str] = []
    for account in sorted({auditor.accounts(row) for row in range(auditor.accounts.first)}):
        if (cash := venue.cash(account)) != (known := auditor.books.cash[account] + transferred.get(account, 0)):
            out.append(f"account {account} has {cash} at the venue, {known} by its events")
        for k in range(len(auditor.views)):
            if (lots := venue.position(account, k)) != (known := auditor.books.lots[account, k]):
                out.append(f"account {account} holds {lots} of {k} at the venue, {known} by its events")
    _, lots_at_venue = venue.totals()
    out += [f"the venue's own lots of {k} sum to {n}" for k, n in lots_at_venue.items() if n]
    return out


def _orders(auditor: Auditor, venue: SimVenue) -> list[str]:
    """What the venue executed for us is what we ordered, each once and no more than its size."""
    out: list[str] = []
    done = venue.orders_executed
    for coid, executed in done.items():
        order = auditor.books.orders.get(coid)
        if order is None:
            out.append(f"the venue executed order {coid}, which never left")
        elif executed.lots > order.size:
            out.append(f"the venue executed {executed.lots} lots of order {coid}, which has {order.size}")
        elif (order.lots, order.cost, order.fee) != tuple(executed):
            out.append(f"order {coid}: {tuple(executed)} at the venue, {(order.lots, order.cost, order.fee)} told")
    lost = [coid for coid, order in auditor.books.orders.items() if order.lots and coid not in done]
    return out + [f"order {coid} was filled, but not by the venue's books" for coid in lost]


def _targets(auditor: Auditor, state: Any, venue: SimVenue) -> list[str]:
    """Nothing is in flight, leads stand where the venue says, and whoever is off target has a reason."""
    out = [f"order {coid} is still in flight" for coid in state.ledger.reservations]
    if int(abs(state.ledger.reserved_money).sum()) and not out:
        out.append("money is reserved for orders that are over")
    for account, lead in venue.exchange.leads.items():
        for k in range(len(auditor.views)):
            told = auditor.follows.withheld_position(lead, k)
            true, known = (
                venue.position(account, k),
                told if told is not None else state.leads[lead].positions.get(k, 0),
            )
            if true != known:
                out.append(f"lead {lead} holds {true} of {k}, the shard believes {known}")
    for k in range(len(auditor.views)):
        gap = abs(state.columns[k].targets - state.ledger.lots[k].rows * SUBLOT)
        for row in (gap >= SUBLOT).nonzero()[0].tolist():
            if not state.columns[k].reasons[row] and state.standing.mode[row] not in SHUT:
                out.append(f"follow {row} is {int(gap[row])} sub-lots from its target in {k}, without a reason")
    return out


def _journal(auditor: Auditor, journal: Journal) -> list[str]:
    """The whole journal recomputed; and the orders in it are those the auditor saw."""
    out: list[str] = []
    verdict = verify(journal, verify_chain(journal))
    if not verdict.ok:
        out.append(f"the journal does not verify at record {verdict.bad}: {verdict.why}")
    written = set()
    for record in journal.read():
        if record.kind is RecordKind.COMMANDS:
            written |= {c.coid for c in decode_commands(record.payload) if isinstance(c, Place | PlaceBatch)}
    if written != set(auditor.contents):
        out.append(f"{len(written ^ set(auditor.contents))} orders are not both in the journal and in what left")
    return out
