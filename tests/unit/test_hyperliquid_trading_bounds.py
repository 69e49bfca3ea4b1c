"""Nonces, request limits, the dead man's switch, shutting down, funding and forced closes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.events import Funding, Liquidation
from pilotfish.domain.orders import Cancel, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.hyperliquid.trading.limits import Limits, Use
from pilotfish.venues.hyperliquid.trading.nonces import AHEAD_MS_MAX, Nonces, NoncesSpent
from pilotfish.venues.hyperliquid.wire.answers import RateLimit
from tests.unit.hyperliquid_link import MAIN, Scene, address, batch, followers, no_keys, ok, place, resting
from tests.unit.hyperliquid_samples import NOW

KEY = "0x" + "a1" * 20
MS = 1_000_000
SECOND = 1_000_000_000


@pytest.fixture
def scene() -> Scene:
    return Scene()


# -- nonces ------------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(-3_000, 3_000)), max_size=60))
def test_a_key_never_uses_a_nonce_twice_whatever_the_clock_does(steps) -> None:
    nonces, now, used = Nonces(), NOW, {"a": [], "b": []}
    for key, step_ms in steps:
        now += step_ms * MS
        used[key].append(nonces.take(key, now))
        assert -1 < used[key][-1] - now // MS <= AHEAD_MS_MAX
    for row in used.values():
        assert row == sorted(set(row))


def test_after_a_restart_nonces_go_on_from_the_time() -> None:
    first = Nonces().take(KEY, NOW)
    assert Nonces().take(KEY, NOW + MS) > first


def test_a_clock_that_was_set_back_by_a_day_is_an_error_and_no_order() -> None:
    nonces = Nonces()
    nonces.take(KEY, NOW)
    with pytest.raises(NoncesSpent, match="set the clock right"):
        nonces.take(KEY, NOW - 24 * 3_600 * SECOND)


# -- limits ------------------------------------------------------------------------------------------------------------


def test_opens_keep_something_for_reductions_and_cancels_may_go_on() -> None:
    limits = Limits()
    assert limits.spend(MAIN, 9_900, Use.OPEN, NOW)
    assert not limits.spend(MAIN, 1, Use.OPEN, NOW)
    assert limits.spend(MAIN, 100, Use.REDUCE, NOW)
    assert limits.spend(MAIN, 10_000, Use.CANCEL, NOW)
    assert not limits.spend(MAIN, 2, Use.CANCEL, NOW)


def test_beyond_the_limit_one_reduction_in_ten_seconds_still_goes() -> None:
    limits = Limits()
    limits.exhausted(MAIN)
    tries = [limits.spend(MAIN, 1, Use.REDUCE, NOW + k * SECOND) for k in range(21)]
    assert [k for k, went in enumerate(tries) if went] == [0, 10, 20]


def test_what_the_venue_says_replaces_what_was_counted() -> None:
    limits = Limits()
    limits.spend(MAIN, 9_900, Use.OPEN, NOW)
    limits.learn(MAIN, RateLimit("90000", 500, 100_000))
    assert limits.spend(MAIN, 50_000, Use.OPEN, NOW)


def test_an_address_is_asked_about_at_first_and_when_it_has_spent_much() -> None:
    limits = Limits()
    limits.spend(MAIN, 1, Use.OPEN, NOW)
    limits.spend(KEY, 1, Use.OPEN, NOW)
    assert limits.to_ask({MAIN}, NOW) == [MAIN]
    assert limits.to_ask({MAIN}, NOW + 100 * SECOND) == []
    limits.spend(KEY, 2_000, Use.OPEN, NOW)
    assert limits.to_ask({MAIN}, NOW + 100 * SECOND) == [KEY]
    assert limits.to_ask({MAIN}, NOW + 101 * SECOND) == []


def test_an_open_beyond_the_addresss_limit_is_refused_here_and_an_exit_is_not(scene) -> None:
    scene.submit(place(1))
    scene.reply(scene.post()[0], ok(resting(50)))
    [(ask, body)] = scene.asks("userRateLimit")
    assert body["user"] == MAIN
    scene.answer(ask, {"cumVlm": "5000.0", "nRequestsUsed": 14_950, "nRequestsCap": 15_000})
    scene.told()
    scene.submit(place(7), place(8, reduce_only=True))
    assert scene.words() == [(7, "REJECT", "RATE_LIMIT", 1_000)]
    assert len(scene.post()[1]["action"]["orders"]) == 1


def test_a_venue_that_says_too_many_is_believed(scene) -> None:
    scene.submit(place(7))
    scene.reply(scene.post()[0], ok({"error": "Too many cumulative requests sent (10001 > 10000)"}))
    scene.submit(place(8))
    assert scene.posts() == []
    assert [word[2] for word in scene.words()] == ["RATE_LIMIT", "RATE_LIMIT"]


def test_a_cancel_beyond_the_limit_is_not_given_up(scene) -> None:
    scene.rests()
    scene.trading._limits.learn(MAIN, RateLimit("0", 50_000, 10_000))
    scene.submit(Cancel(7))
    assert len(scene.posts()) == 1  # the one that still may go
    scene.submit(Cancel(7))
    assert scene.posts() == []
    scene.wait(11)
    assert scene.posts()[0][1]["action"]["type"] == "cancelByCloid"


def test_orders_that_the_link_could_not_send_are_refused_for_the_budget(scene) -> None:
    scene.link.budget.charge(1_200, scene.now)
    scene.submit(place())
    assert scene.posts() == []
    scene.wait(6)
    assert scene.words() == [(7, "REJECT", "RATE_LIMIT", 1_000)]


# -- the dead man's switch ---------------------------------------------------------------------------------------------


def switches(scene: Scene) -> list[tuple[int, dict]]:
    return [(number, p["action"]) for number, p in scene.posts() if p["action"]["type"] == "scheduleCancel"]


def test_the_switch_is_set_while_something_rests_and_taken_back_at_the_end() -> None:
    scene = Scene(schedule_cancel=True)
    scene.wait(60)
    assert switches(scene) == []
    scene.submit(place())
    scene.reply(scene.post()[0], ok(resting(50)))
    times = []
    for _ in range(60):
        scene.wait(1)
        for number, action in switches(scene):
            times.append((scene.ms, action["time"]))
            scene.reply(number, {"status": "ok", "response": {"type": "default"}})
    assert len(times) > 4
    assert all(ahead - ms > 5_000 for ms, ahead in times)
    assert all(later[0] < earlier[1] for earlier, later in pairwise(times))
    scene.trading.stop(scene.now)
    scene._settle()
    assert switches(scene)[-1][1] == {"type": "scheduleCancel"}


def test_a_refused_switch_is_noted_and_not_tried_again_soon() -> None:
    scene = Scene(schedule_cancel=True)
    scene.rests()
    scene.wait(12)
    [(number, _)] = switches(scene)
    denied = "Cannot set scheduled cancel time until enough volume traded. Required: $1000000. Traded: $5."
    scene.reply(number, {"status": "err", "response": denied})
    scene.wait(600)
    assert switches(scene) == []
    assert scene.trading.counters()["switch_refused"] == 1


# -- shutting down -----------------------------------------------------------------------------------------------------


def test_stopping_cancels_what_rests_and_waits_for_the_word(scene) -> None:
    scene.rests()
    scene.trading.stop(scene.now)
    scene._settle()
    number, payload = scene.post()
    assert payload["action"]["type"] == "cancelByCloid"
    assert not scene.trading.stopped
    scene.reply(number, ok("success"))
    scene.frame("orderUpdates", [scene.order(7, "canceled", "10.0")])
    assert scene.trading.stopped
    assert scene.words() == [(7, "CANCEL", "NONE", 1_000)]


def test_a_shutdown_without_an_answer_ends_and_leaves_nothing_unsaid(scene) -> None:
    scene.rests()
    scene.submit(place(8, tif=Tif.IOC))
    scene.trading.stop(scene.now)
    scene.wait(9)
    assert not scene.trading.stopped
    scene.wait(2)
    assert scene.trading.stopped
    assert {(word[0], word[1]) for word in scene.words()} == {(7, "LOST"), (8, "LOST")}


def test_what_rests_may_be_left_when_so_set() -> None:
    scene = Scene(cancel_on_stop=False)
    scene.rests()
    scene.trading.stop(scene.now)
    scene._settle()
    assert scene.posts() == []
    assert scene.trading.stopped


def test_with_nothing_open_stopping_is_at_once(scene) -> None:
    assert not scene.trading.stopped
    scene.trading.stop(scene.now)
    assert scene.trading.stopped


def test_nothing_new_is_taken_once_we_stop(scene) -> None:
    scene.rests()
    scene.trading.stop(scene.now)
    scene.posts()
    scene.submit(place(8), batch(9, [-1], [500]))
    scene.wait(0.1)
    assert scene.posts() == []
    assert scene.words() == [(8, "REJECT", "HALTED", 1_000)]
    [update] = scene.results()
    assert update.reason.tolist() == [int(Reason.HALTED)]


def test_what_is_still_in_line_when_we_stop_is_not_sent() -> None:
    scene = Scene(followers(400), keys=no_keys())
    scene.submit(batch(40, list(range(400)), [500] * 400))
    signs = scene.signs()
    scene.trading.stop(scene.now)
    scene.wait(1)
    assert scene.signs() == []
    assert sum(len(update.index) for update in scene.results()) == 400 - sum(len(sign.requests) for sign in signs)


# -- funding, forced closes --------------------------------------------------------------------------------------------


def funded(scene: Scene, usdc: str, user: str = MAIN, **more) -> None:
    row = {"coin": "SOL", "usdc": usdc, "szi": "100.0", "fundingRate": "0.0000125", "time": scene.ms} | more
    scene.frame("userFundings", {"user": user, "fundings": [row]})


def test_funding_is_told_with_the_price_it_was_reckoned_at(scene) -> None:
    funded(scene, "-0.1875")
    [event] = scene.told(Funding)
    assert (event.instrument, event.accounts.tolist(), event.amounts.tolist()) == (3, [-1], [187_500])
    assert event.price == 1_500_000


@pytest.mark.parametrize("more", [{"usdc": "x"}, {"szi": "0.0"}, {"usdc": "0.0"}, {"time": 5}, {"coin": "NONE"}])
def test_funding_that_says_nothing_is_not_told(scene, more) -> None:
    funded(scene, more.pop("usdc", "-0.1"), **more)
    assert scene.told(Funding) == []


def test_each_account_has_its_own_funding() -> None:
    scene = Scene(followers(3))
    funded(scene, "-0.1875", address(2))
    [event] = scene.told(Funding)
    assert event.accounts.tolist() == [2]


def test_funding_of_accounts_that_are_not_streamed_is_asked_for_every_hour() -> None:
    scene = Scene(followers(12))
    scene.wait(61)
    asked = scene.asks("userFunding")
    assert [body["user"] for _, body in asked] == [address(10), address(11)]
    delta = {"type": "funding", "coin": "SOL", "usdc": "-0.1875", "szi": "100.0", "fundingRate": "0.0000125"}
    scene.answer(asked[0][0], [{"time": scene.ms, "hash": "0x0", "delta": delta}])
    scene.fail(asked[1][0])
    assert [event.accounts.tolist() for event in scene.told(Funding)] == [[10]]
    first_ms = scene.ms
    scene.wait(3_700)
    again = {body["user"]: body["startTime"] for _, body in scene.asks("userFunding")}
    assert again == {address(10): first_ms + 1, address(11): asked[1][1]["startTime"]}


def test_a_forced_close_is_told_as_one(scene) -> None:
    forced = {"markPx": "150.0", "method": "market", "liquidatedUser": MAIN}
    scene.fills(scene.fill(None, "3", side="A", liquidation=forced))
    [event] = scene.told(Liquidation)
    assert (event.account, event.lots, event.price) == (-1, -300, 1_500_000)


def test_what_cannot_be_used_is_set_aside_and_counted(scene) -> None:
    scene.fills(scene.fill(7, "x"))
    scene.fills(scene.fill(7, "1"), user=address(70))
    scene.frame("orderUpdates", [scene.order(7, "fantastic", "1")])
    scene.frame("userFundings", {"user": address(70), "fundings": []})
    assert scene.told() == []
    assert scene.link.counts["set_aside"] == 4


def test_no_counter_holds_a_secret(scene) -> None:
    scene.rests()
    assert all(isinstance(value, int) for value in scene.trading.counters().values())
