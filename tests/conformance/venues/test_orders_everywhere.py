"""Every venue: the life of an order, from being placed to its end."""

import pytest
from msgspec.structs import replace

from pilotfish.domain.arith import ints
from pilotfish.domain.orders import Amend, Cancel, CancelAll, OrderSignal, PlaceBatch, Tif
from pilotfish.domain.reasons import Reason
from tests.conformance.venues.every import with_

ACK, FILLED, CANCEL, REJECT, ABSENT, LOST = (
    OrderSignal.ACK, OrderSignal.FILLED, OrderSignal.CANCEL, OrderSignal.REJECT, OrderSignal.ABSENT, OrderSignal.LOST,
)  # fmt: skip
POOR = (Reason.BALANCE, Reason.MARGIN)
where_orders_rest = pytest.mark.parametrize("make", with_("resting"), indirect=True, ids=lambda one: one.name)


def rests(rig, coid: int, side: int = 1, steps: int = 0, tif: Tif = Tif.GTC, **more: int) -> None:
    """Place an order that the venue then has."""
    rig.submit(rig.order(coid, side, steps, tif, **more))
    rig.until(lambda: rig.heard.said(coid, ACK), f"the acknowledgement of {coid}")
    assert coid in rig.resting()


# -- trading at once ---------------------------------------------------------------------------------------------------


def test_an_order_is_filled_and_its_fills_sum_to_it(rig):
    rig.lay(rig.size // 2)
    rig.submit(rig.order(1, 1, 3))
    rig.ended(1)
    assert rig.heard.end(1).signal is FILLED
    assert rig.heard.end(1).lots_left == 0
    fills = rig.heard.fills_of(1)
    assert sum(one.lots for one in fills) == rig.size
    assert all(rig.price(1) <= one.price <= rig.price(2) for one in fills)
    assert {one.maker for one in fills} == {False}
    cost = sum(rig.instrument.cost(1, rig.size // 2, rig.price(k)) for k in (1, 2))
    assert abs(sum(one.cost for one in fills) - cost) <= len(fills)


def test_a_position_that_was_bought_is_sold_again(rig):
    rig.submit(rig.order(1, 1, 3))
    rig.ended(1)
    rig.check()
    assert rig.position(-1) == rig.size
    rig.submit(rig.order(2, -1, -3, reduce_only=1))
    rig.ended(2)
    assert rig.heard.end(2).signal is FILLED
    rig.check()
    assert rig.position(-1) == 0


def test_a_partial_fill_says_what_is_left(rig):
    part = rig.size * 3 // 5
    rig.lay(part, levels=1)
    rig.submit(rig.order(1, 1, 3))
    rig.ended(1)
    assert (rig.heard.end(1).signal, rig.heard.end(1).lots_left) == (CANCEL, rig.size - part)
    assert rig.heard.lots(1) == part


def test_an_order_that_finds_nothing_ends_without_fills(rig):
    rig.submit(rig.order(1, 1, 0))
    rig.ended(1)
    assert rig.heard.end(1).signal in (CANCEL, REJECT)
    assert rig.heard.end(1).lots_left == rig.size
    assert rig.heard.fills_of(1) == []
    assert rig.resting() == set()


# -- resting -----------------------------------------------------------------------------------------------------------


@where_orders_rest
def test_a_resting_order_is_filled_by_a_stranger_and_its_rest_cancelled(rig):
    part = rig.size * 2 // 5
    rests(rig, 1)
    rig.stranger(-1, part, 0)
    rig.until(lambda: rig.heard.lots(1) == part, "the fill")
    assert rig.heard.end(1) is None
    assert all(one.maker and one.price == rig.price(0) for one in rig.heard.fills_of(1))
    rig.submit(Cancel(1))
    rig.ended(1)
    assert (rig.heard.end(1).signal, rig.heard.end(1).lots_left) == (CANCEL, rig.size - part)
    assert rig.resting() == set()


@where_orders_rest
def test_a_resting_order_that_strangers_take_whole_is_told_filled(rig):
    rests(rig, 1)
    for _ in range(2):
        rig.stranger(-1, rig.size // 2, 0)
    rig.ended(1)
    assert rig.heard.end(1).signal is FILLED
    assert len({one.fill_id for one in rig.heard.fills_of(1)}) == len(rig.heard.fills_of(1)) >= 2


@where_orders_rest
def test_a_post_only_order_that_would_cross_does_not_trade(rig):
    rig.submit(rig.order(1, 1, 2, Tif.ALO))
    rig.ended(1)
    assert rig.heard.end(1).signal in (REJECT, CANCEL)
    assert rig.heard.end(1).lots_left == rig.size
    assert rig.executed() == {}
    rests(rig, 2, tif=Tif.ALO)


@where_orders_rest
def test_an_amended_order_keeps_its_id_and_trades_at_its_new_price_and_size(rig):
    rests(rig, 1, steps=-3)
    before, lots = len(rig.heard.words[1]), rig.size * 3 // 5
    rig.submit(Amend(1, lots, rig.price(0)))
    if "amend in place" in rig.lacks:
        rig.until(lambda: rig.resting() == set(), "the cancel")
        rig.until(lambda: rig.resting() == {1}, "the order in its place")
    else:
        rig.until(lambda: len(rig.heard.words[1]) > before, "the answer to the amendment")
        word = rig.heard.words[1][-1]
        assert (word.signal, word.reason, word.lots_left) == (ACK, Reason.NONE, lots)
    rig.heard.sent[1] = replace(rig.heard.sent[1], lots=lots)
    rig.stranger(-1, lots, 0)
    rig.ended(1)
    assert rig.heard.end(1).signal is FILLED
    assert {one.price for one in rig.heard.fills_of(1)} == {rig.price(0)}


# -- cancels -----------------------------------------------------------------------------------------------------------


@where_orders_rest
def test_a_cancel_that_loses_the_race_is_told_how_the_order_ended(rig):
    rests(rig, 1)
    rig.stranger(-1, rig.size, 0)
    rig.submit(Cancel(1))
    rig.ended(1)
    rig.quiet()
    assert {word.signal for word in rig.heard.words[1]} - {ACK} == {FILLED}
    assert rig.heard.lots(1) == rig.size


@where_orders_rest
def test_a_cancel_that_comes_with_its_order_takes_it(rig):
    rig.submit(rig.order(1, 1, -3, Tif.GTC), Cancel(1))
    rig.ended(1)
    assert rig.heard.end(1).signal is CANCEL
    assert rig.heard.end(1).lots_left == rig.size
    assert rig.resting() == set()


def test_a_cancel_of_what_is_over_changes_nothing(rig):
    rig.submit(rig.order(1, 1, 3))
    rig.ended(1)
    rig.submit(Cancel(1))
    rig.quiet()
    assert rig.heard.end(1).signal is FILLED
    assert not {ABSENT, CANCEL, REJECT} & set(rig.heard.signals(1))


@where_orders_rest
def test_a_cancel_of_an_order_that_never_was_harms_nothing(rig):
    rests(rig, 1, steps=-3)
    rig.submit(Cancel(99))
    rig.quiet()
    assert set(rig.heard.signals(99)) <= {ABSENT}
    assert rig.resting() == {1}


@where_orders_rest
def test_cancel_all_takes_everything_of_ours(rig):
    for coid, steps in ((1, 0), (2, -2), (3, -3)):
        rests(rig, coid, steps=steps)
    rig.submit(CancelAll(-1))
    rig.ended(1, 2, 3)
    assert {rig.heard.end(coid).signal for coid in (1, 2, 3)} == {CANCEL}
    assert rig.resting() == set()


# -- together ----------------------------------------------------------------------------------------------------------


@where_orders_rest
def test_orders_handed_over_together_are_answered_one_by_one_the_bad_among_the_good(rig):
    poor = 10**6 * rig.size
    rig.submit(
        rig.order(1, 1, -2, Tif.GTC), rig.order(2, 1, -3, Tif.GTC, lots=poor), rig.order(3, 1, -3, Tif.GTC),
        rig.order(4, 1, 2), rig.order(5, 1, -3, Tif.GTC, lots=0),
    )  # fmt: skip
    rig.ended(2, 4, 5)
    rig.until(lambda: all(rig.heard.said(coid, ACK) for coid in (1, 3)), "the good ones")
    assert rig.resting() == {1, 3}
    assert [rig.heard.end(coid).signal for coid in (2, 4, 5)] == [REJECT, FILLED, REJECT]
    assert rig.heard.end(2).reason in POOR


@pytest.mark.parametrize("make", with_("separate accounts"), indirect=True, ids=lambda one: one.name)
def test_a_batch_of_separate_accounts_is_answered_order_by_order(make):
    rig = make(separate=4)
    rig.lay(rig.size * 2, levels=1)
    whole, poor, more = rig.size, 10**6 * rig.size, rig.size * 3 // 2
    prices = [rig.price(2)] * 4
    rig.submit(
        PlaceBatch(100, rig.instrument.id, 1, ints([0, 1, 2, 3]), ints([whole, poor, more, whole]), ints(prices))
    )
    rig.until(lambda: len(rig.heard.results) == 4, "four results")
    rig.quiet()
    signals = [rig.heard.results[100 + k][0] for k in range(4)]
    assert signals[:2] == [FILLED, REJECT]
    assert rig.heard.results[101][2] in POOR
    assert sorted(signals[2:]) == sorted([CANCEL, signals[3]])
    assert sum(rig.heard.lots(100 + k) for k in range(4)) == rig.size * 2
    rig.check()
    assert [rig.position(k) for k in (0, 1)] == [rig.size, 0]


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "reasons"),
    [
        ("too poor", POOR),
        ("no lots", (Reason.REJECTED, Reason.BAD_INTENT)), ("no price", None),
        ("no such account", (Reason.REJECTED,)), ("no such instrument", (Reason.REJECTED, Reason.UNMAPPED)),
        ("nothing to reduce", None),
    ],
)  # fmt: skip
def test_what_is_refused_has_a_reason_and_moves_nothing(rig, bad, reasons):
    order = {
        "too poor": lambda: rig.order(1, 1, 3, lots=10**6 * rig.size),
        "no lots": lambda: rig.order(1, 1, 3, lots=0),
        "no price": lambda: rig.order(1, 1, 3, price=-rig.price(3)),
        "no such account": lambda: rig.order(1, 1, 3, account=77),
        "no such instrument": lambda: replace(rig.order(1, 1, 3), instrument=999),
        "nothing to reduce": lambda: rig.order(1, -1, -3, reduce_only=1),
    }[bad]()
    rig.submit(order)
    rig.until(lambda: rig.heard.end(1), "the refusal")
    assert rig.heard.end(1).signal is REJECT
    assert reasons is None or rig.heard.end(1).reason in reasons
    assert rig.heard.end(1).reason is not Reason.NONE
    rig.quiet()
    assert (rig.heard.lots(1), rig.executed().get(1, 0), rig.resting()) == (0, 0, set())


@pytest.mark.parametrize("make", with_("minimum"), indirect=True, ids=lambda one: one.name)
def test_an_order_below_the_minimum_is_refused(rig):
    rig.submit(rig.order(1, 1, 0, Tif.GTC, lots=1, price=rig.price(0) // 60 // 100 * 100 or rig.step))
    rig.until(lambda: rig.heard.end(1), "the refusal")
    assert (rig.heard.end(1).signal, rig.heard.end(1).reason) == (REJECT, Reason.BELOW_MINIMUM)
    assert rig.resting() == set()


def test_a_price_off_the_tick_is_refused_or_made_better_and_never_worse(rig):
    price = rig.price(3) + rig.step // 3
    rig.submit(rig.order(1, 1, 3, price=price))
    rig.ended(1)
    refused = rig.heard.end(1).signal is REJECT
    assert refused or all(one.price <= price for one in rig.heard.fills_of(1))
    assert refused is (rig.step > 1 and "tick" not in rig.lacks)
