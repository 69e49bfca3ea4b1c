"""What POST /exchange answers, order by order."""

import json

import pytest

from pilotfish.domain.instrument import Side
from pilotfish.domain.orders import OrderSignal, Place, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.hyperliquid.wire.codec import REPLY
from pilotfish.venues.hyperliquid.wire.replies import Asked, order_updates
from tests.unit.hyperliquid_samples import BTC, NOW


def asked(*tifs: Tif) -> list[Asked]:
    return [Asked(Place(20 + k, -1, 3, Side.BUY, 50_000, 664_100, tif), BTC) for k, tif in enumerate(tifs)]


def told(statuses: list, *tifs: Tif) -> list[tuple]:
    reply = REPLY.decode(json.dumps({"status": "ok", "response": {"type": "order", "data": {"statuses": statuses}}}))
    return [(u.coid, u.signal, u.reason, u.lots_left) for u in order_updates(reply, asked(*tifs), NOW)]


def filled(size: str) -> dict:
    return {"filled": {"totalSz": size, "avgPx": "66410.0", "oid": 5}}


def test_every_order_of_a_batch_has_its_own_result() -> None:
    statuses = [{"resting": {"oid": 4}}, filled("0.5"), filled("0.2"), filled("0.2"), {"error": "Insufficient margin"}]
    assert told(statuses, Tif.GTC, Tif.IOC, Tif.IOC, Tif.GTC, Tif.IOC) == [
        (20, OrderSignal.ACK, Reason.NONE, 50_000),
        (21, OrderSignal.FILLED, Reason.NONE, 0),
        (22, OrderSignal.CANCEL, Reason.NO_DEPTH, 30_000),
        (23, OrderSignal.ACK, Reason.NONE, 30_000),
        (24, OrderSignal.REJECT, Reason.BALANCE, 50_000),
    ]


@pytest.mark.parametrize(
    ("error", "signal", "reason"),
    [
        ("Order could not immediately match against any resting orders. asset=0", OrderSignal.CANCEL, Reason.NO_DEPTH),
        ("Order must have minimum value of $10.", OrderSignal.REJECT, Reason.BELOW_MINIMUM),
        ("Insufficient spot balance asset=10000", OrderSignal.REJECT, Reason.BALANCE),
        ("Too many cumulative requests sent", OrderSignal.REJECT, Reason.RATE_LIMIT),
        ("Order has invalid price.", OrderSignal.REJECT, Reason.REJECTED),
    ],
)
def test_an_error_has_its_reason(error, signal, reason) -> None:
    assert told([{"error": error}], Tif.IOC) == [(20, signal, reason, 50_000)]


@pytest.mark.parametrize(
    ("error", "signal", "reason"),
    [
        ("User or API Wallet 0xc0 does not exist.", OrderSignal.REJECT, Reason.AUTHENTICATION),
        ("Unable to recover signer.", OrderSignal.REJECT, Reason.AUTHENTICATION),
        ("Invalid nonce: duplicate nonce 1700000000000", OrderSignal.LOST, Reason.UNKNOWN),
    ],
)
def test_a_batch_denied_is_denied_for_each_and_a_doubled_nonce_leaves_it_unknown(error, signal, reason) -> None:
    updates = order_updates(
        REPLY.decode(json.dumps({"status": "err", "response": error})), asked(Tif.IOC, Tif.GTC), NOW
    )
    assert [(u.signal, u.reason) for u in updates] == [(signal, reason)] * 2


def test_one_error_for_a_whole_batch_is_everybodys() -> None:
    assert [row[1] for row in told([{"error": "no"}], Tif.IOC, Tif.IOC, Tif.IOC)] == [OrderSignal.REJECT] * 3


@pytest.mark.parametrize("statuses", [[], [{"resting": {"oid": 4}}] * 3, [filled("0.5")], ["success"] * 3])
def test_results_that_do_not_match_the_batch_leave_it_unknown(statuses) -> None:
    assert [row[1] for row in told(statuses, Tif.IOC, Tif.IOC)] == [OrderSignal.LOST] * 2


@pytest.mark.parametrize("status", [filled("0.6"), filled("0"), filled("-1"), filled("x"), {}, "maybe"])
def test_a_result_that_cannot_be_believed_leaves_its_order_unknown(status) -> None:
    assert told([status], Tif.IOC) == [(20, OrderSignal.LOST, Reason.UNKNOWN, 50_000)]
