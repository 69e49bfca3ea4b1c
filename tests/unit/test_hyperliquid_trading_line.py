"""A large batch in line: budget, time, cancels, a lost stream, signers that refuse."""

import numpy as np
import pytest

from pilotfish.domain.orders import CancelAll, OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.venues.hyperliquid.trading.results import Batch, Result
from tests.unit.hyperliquid_link import (
    Scene,
    batch,
    columns,
    followers,
    no_keys,
    ok,
)
from tests.unit.hyperliquid_samples import CLOIDS, NOW

FILLED, CANCEL, REJECT, LOST = (int(OrderSignal[name]) for name in ("FILLED", "CANCEL", "REJECT", "LOST"))
NO_DEPTH, BALANCE, RATE = int(Reason.NO_DEPTH), int(Reason.BALANCE), int(Reason.RATE_LIMIT)
SIZE = 14  # ten are streamed, the others are seen on the tape
TAPE = [10, 11, 12, 13]


@pytest.fixture
def scene() -> Scene:
    return Scene(followers(SIZE))


# -- in line -----------------------------------------------------------------------------------------------------------


def test_a_large_batch_leaves_as_the_budget_allows_and_what_is_too_late_is_refused() -> None:
    scene = Scene(followers(1_500), keys=no_keys())
    posts = scene.send(list(range(1_500)), [500] * 1_500)
    for _ in range(150):
        scene.wait(0.1)
        for number in list(posts.values()):
            scene.reply(number, ok({"error": "Order could not immediately match"}))
        posts = {}
        for sign in scene.signs():
            scene.sign(sign)
        posts = {CLOIDS.coid(p["action"]["orders"][0]["c"]): number for number, p in scene.posts()}
        scene.asks()
    rows = scene.by_index()
    assert len(rows) == 1_500
    refused = [k for k, row in rows.items() if row[0] == REJECT]
    assert {rows[k][4] for k in refused} == {RATE}
    assert len(refused) == 1_500 - (1_200 - 10 * 20 - 60)  # userRateLimit of ten accounts, and what is kept
    assert refused == list(range(min(refused), 1_500))


def test_what_is_in_line_when_everything_is_cancelled_is_not_sent() -> None:
    scene = Scene(followers(400), keys=no_keys())
    scene.submit(batch(40, list(range(400)), [500] * 400))
    scene.signs()
    scene.submit(CancelAll(399))
    scene.wait(0.1)
    [update] = scene.results()
    assert columns(update) == {399: (CANCEL, 0, 0, 0, 0)}


def test_what_is_in_line_when_the_stream_is_lost_is_refused() -> None:
    scene = Scene(followers(400), keys=no_keys())
    scene.submit(batch(40, list(range(400)), [500] * 400))
    scene.lose()
    for sign in scene.signs():
        scene.sign(sign)
    scene.wait(1)
    rows = scene.by_index()
    assert len(rows) == 400
    assert {row[0::4] for row in rows.values()} == {(REJECT, int(Reason.DISCONNECTED))}


def test_a_signature_that_was_refused_is_an_authentication_failure(scene) -> None:
    scene.submit(batch(40, [10], [500]))
    [sign] = scene.signs()
    scene.trading.signed(sign.id, 0, [b""], scene.now)
    scene.wait(0.1)
    assert scene.by_index() == {0: (REJECT, 0, 0, 0, int(Reason.AUTHENTICATION))}


def test_an_order_of_an_account_without_a_key_here_does_not_hold_up_the_others(scene) -> None:
    posts = scene.send([10, 77], [500, 500])
    assert list(posts) == [40]
    scene.wait(0.1)
    assert scene.by_index() == {1: (REJECT, 0, 0, 0, int(Reason.REJECTED))}


# -- the columns -------------------------------------------------------------------------------------------------------


def test_a_result_counts_once_and_lost_is_not_final() -> None:
    one = Batch(batch(40, [1, 2], [5, 5]))
    one.add(Result(0, OrderSignal.LOST, done_ns=NOW))
    one.add(Result(0, OrderSignal.FILLED, 5, 750, 1, Reason.NONE, NOW + 5))
    one.add(Result(0, OrderSignal.REJECT))
    update = one.update(NOW + 9)
    assert columns(update) == {0: (FILLED, 5, 750, 1, 0)}
    assert (update.venue_ns, update.ours_ns) == (NOW + 5, NOW + 9)
    assert update.index.dtype == np.int64
    assert not one.waits
    assert not one.over
    one.never_had(1)
    assert one.over
    assert not one.absent
