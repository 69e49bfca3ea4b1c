"""Defects the simulation found, each as the smallest scene that shows it."""

from collections.abc import Sequence

from pilotfish.domain.events import BookTop, Event, OrderUpdate, Timer
from pilotfish.domain.mandate import Route
from pilotfish.domain.orders import OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.journal.memory import MemoryJournal
from pilotfish.worlds.fuzz.audit_pace import BARREN_MAX, Pace
from pilotfish.worlds.shard import Shard
from tests.unit.driver import MS, PX, SECOND, T0, USDC, Desk, batched, free_follows, only, placed


def test_a_seller_with_a_tight_bound_is_held_to_its_cap_at_its_own_price() -> None:
    """Seed 14: a batch of sells was measured at the lowest limit price of all, which is not what the others ask."""
    desk = Desk(Route.SEGREGATED)
    desk.follow(free_follows([1, 2], total_cap=50 * USDC, open_bps=[0, 900]))
    (batch,) = batched(desk.lead(-10_000, PX * 101 // 100))
    worth = batch.lots * batch.prices
    assert batch.prices[0] > batch.prices[1]
    assert int(worth.max()) <= 50 * USDC


def test_an_order_that_found_nothing_begets_no_order_at_once() -> None:
    """Seed 12: one follow's exit found no depth while another's open was lacking; each answer sent both again."""
    desk = Desk()
    desk.follow(free_follows([1, 2], open_bps=[0, 50]))
    starved, fed = placed(desk.lead(1_000))
    desk.update(starved, OrderSignal.CANCEL, left=starved.lots)
    desk.fill(fed)
    orders = placed(desk.lead(-200))
    assert {order.side for order in orders} == {1, -1}
    answers = [desk.update(order, OrderSignal.CANCEL, left=order.lots) for order in orders]
    assert [placed(answer) for answer in answers] == [[], []]


def test_an_open_that_waited_for_its_exit_in_vain_has_a_reason() -> None:
    """Seeds 14, 51, 65: the exit of a flip outlived the window for opens, and nothing said why it stopped there."""
    desk = Desk(retry_ns_max=2 * SECOND)
    desk.follow(free_follows([1]))
    desk.fill(only(desk.lead(1_000)))
    exit = only(desk.lead(-3_000))
    for _ in range(12):
        desk.wait(250 * MS)
    desk.fill(exit)
    for _ in range(8):
        desk.wait(SECOND)
    assert desk.held() == [0]
    assert desk.targets()[0] < -1
    assert desk.reasons()[0] is not Reason.NONE


def test_that_reason_does_not_wait_for_the_exits_of_others() -> None:
    """Seed 869: as long as another follow's exit was still tried, the one that had closed kept no reason."""
    desk = Desk(retry_ns_max=2 * SECOND)
    desk.follow(free_follows([1, 2], exit_bps=[50, 300]))
    desk.fill(only(desk.lead(1_000)))
    tight = max(placed(desk.lead(-3_000)), key=lambda order: order.price)
    for _ in range(12):
        desk.wait(250 * MS)
    desk.fill(tight)
    assert desk.held() == [0, 100]
    assert desk.reasons()[0] is not Reason.NONE


class Busy:
    """A venue that tells the top of book every 100 ms and answers nothing."""

    idempotent_ids = True

    def __init__(self) -> None:
        self.now = T0

    def next_ns(self) -> int:
        return self.now + 100 * MS

    def events(self, until_ns: int) -> Sequence[Event]:
        self.now = until_ns
        return [BookTop(until_ns, until_ns, 0, PX - 50, 9, PX + 50, 9)]

    def submit(self, commands: object, now_ns: int) -> None:
        """Nothing comes of it."""


def test_time_passes_for_a_shard_however_busy_its_feed_is() -> None:
    """Timers were counted from the last event: under a feed that never pauses nobody asked about orders."""
    scene = Desk()
    scene.follow(free_follows([1]))
    scene.lead(1_000)
    timers: list[int] = []
    shard = Shard(MemoryJournal(), Busy(), scene.state)
    shard.observers = [lambda event, outcome, state: timers.append(event.ours_ns) if type(event) is Timer else None]
    shard.run(scene.now + 3 * SECOND, 250 * MS)
    assert len(timers) == 3 * SECOND // (250 * MS)
    assert shard.state.query_ns >= 0


def test_the_auditor_notices_an_order_that_nobody_asks_about() -> None:
    desk, pace = Desk(), Pace()
    desk.follow(free_follows([1]))
    place, late = only(desk.lead(1_000)), desk.now + 11 * SECOND
    assert pace.see(Timer(desk.now, desk.now), [place], desk.now, 0, desk.state) == ""
    assert "nobody asked" in pace.see(Timer(late, late), [], late, 0, desk.state)


def test_the_auditor_notices_orders_that_only_beget_orders() -> None:
    desk, pace = Desk(), Pace()
    desk.follow(free_follows([1]))
    place = only(desk.lead(1_000))
    answer = OrderUpdate(desk.now, desk.now, place.coid, OrderSignal.CANCEL)
    said = [pace.see(answer, [place], desk.now, 0, desk.state) for _ in range(BARREN_MAX + 1)]
    assert said[:-1] == [""] * BARREN_MAX
    assert "though nothing had traded" in said[-1]
