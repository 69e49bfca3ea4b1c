"""The gate: approval is a type, every refusal names its reason, cancels always pass and reductions nearly always."""

import ast
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pilotfish
from pilotfish.domain.arith import ints
from pilotfish.domain.errors import InvariantBroken
from pilotfish.domain.instrument import SUBLOT
from pilotfish.domain.mandate import NO_LIMIT, OMNIBUS, Minimum
from pilotfish.domain.orders import Amend, Cancel, CancelAll, Place, PlaceBatch, Query
from pilotfish.domain.reasons import Reason
from pilotfish.gate.approved import Approved
from pilotfish.gate.gate import (
    Guard,
    Market,
    approve_always,
    approve_batch,
    approve_block,
    approve_resend,
    batch_lots,
    minimum_lots,
)
from pilotfish.gate.limits import Exposure, Mandates, clip_opens
from tests.unit.driver import PX, USDC, perp

PACKAGE = Path(pilotfish.__file__).parent
MARKET = Market(perp(min_notional=10 * USDC), PX, 0, 5, 1_000)
ORDER = Place(5, OMNIBUS, 0, 1, 20, PX)
BATCH = PlaceBatch(5, 0, 1, ints([0, 1]), ints([20, 30]), ints([PX, PX + 1_000]))
FAR = PX * 12 // 10


def _block(order=ORDER, *, guard=None, market=MARKET, exit=False, closes_all=False, **fields):
    order = msgspec.structs.replace(order, **fields)
    return approve_block(guard or Guard(), market, order, exit=exit, closes_all=closes_all)


def _batch(*, guard=None, market=MARKET, exit=False, **fields):
    return approve_batch(guard or Guard(), market, msgspec.structs.replace(BATCH, **fields), exit=exit)


def _at(**fields) -> Market:
    return msgspec.structs.replace(MARKET, **fields)


@pytest.mark.parametrize("key", [None, object(), "key"])
def test_nobody_makes_an_approval_without_the_gates_key(key) -> None:
    with pytest.raises(InvariantBroken, match="outside the gate"):
        Approved(ORDER, key)


def test_an_approval_cannot_be_changed_afterwards() -> None:
    approved = _block()
    with pytest.raises(InvariantBroken, match="immutable"):
        approved._command = Cancel(1)
    assert approved.command == ORDER


def _reaches_for_the_key(node: ast.AST) -> bool:
    """In any spelling: an import, a star import, an attribute, or a string that could be given to getattr."""
    if isinstance(node, ast.ImportFrom):
        names = {alias.name for alias in node.names}
        return "_KEY" in names or ("*" in names and "gate" in (node.module or ""))
    return "_KEY" in (getattr(node, "attr", None), getattr(node, "value", None))


def test_only_the_gate_touches_the_key() -> None:
    found = {
        str(file.relative_to(PACKAGE))
        for file in sorted(PACKAGE.rglob("*.py"))
        if any(map(_reaches_for_the_key, ast.walk(ast.parse(file.read_text()))))
    }
    assert found == {"gate/gate.py"}


@pytest.mark.parametrize(
    "source", ["from gate.approved import _KEY as k", "approved._KEY", "getattr(a, '_KEY')", "from x.gate import *"]
)
def test_the_scan_for_the_key_catches(source) -> None:
    assert any(map(_reaches_for_the_key, ast.walk(ast.parse(source))))


BLOCK_REFUSALS = {
    Reason.HALTED: {"guard": Guard(halted=True)},
    Reason.DISCONNECTED: {"guard": Guard(connected=False)},
    Reason.KILLED: {"guard": Guard(killed=True)},
    Reason.STALE: {"market": _at(age_ns=6)},
    Reason.PRICE_BOUND: {"price": FAR},
    Reason.CARRIED: {"lots": 0},
    Reason.BELOW_MINIMUM: {"lots": 9},
    Reason.BAD_INTENT: {"price": PX + 1},
    Reason.DUPLICATE: {"guard": Guard(last_coid=5)},
}


@pytest.mark.parametrize(("reason", "scene"), BLOCK_REFUSALS.items(), ids=lambda x: getattr(x, "name", ""))
def test_a_block_is_refused_with_its_reason_and_counted(reason, scene) -> None:
    guard = scene.pop("guard", Guard())
    before = guard.last_coid
    assert _block(guard=guard, **scene) is reason
    assert guard.refusals == {reason: 1}
    assert guard.last_coid == before, "a refused order's id was not used"


@pytest.mark.parametrize(
    ("reason", "scene"),
    [
        (Reason.HALTED, {"guard": Guard(halted=True)}),
        (Reason.DISCONNECTED, {"guard": Guard(connected=False)}),
        (Reason.KILLED, {"guard": Guard(killed=True)}),
        (Reason.STALE, {"market": _at(mark=0)}),
        (Reason.PRICE_BOUND, {"prices": ints([PX, FAR])}),
        (Reason.PRICE_BOUND, {"prices": ints([FAR, PX]), "exit": True}),
        (Reason.PRICE_BOUND, {"prices": ints([PX, FAR]), "exit": True}),
        (Reason.PRICE_BOUND, {"prices": ints([PX, PX * 8 // 10]), "exit": True, "side": -1}),
        (Reason.BAD_INTENT, {"lots": ints([20, 0])}),
        (Reason.BAD_INTENT, {"prices": ints([PX, 0])}),
        (Reason.BAD_INTENT, {"prices": ints([PX, PX + 1])}),
        (Reason.DUPLICATE, {"guard": Guard(last_coid=5)}),
    ],
)
def test_a_batch_is_refused_with_its_reason_for_every_order_in_it(reason, scene) -> None:
    guard = scene.pop("guard", Guard())
    assert _batch(guard=guard, **scene) is reason
    assert guard.refusals == {reason: 2}


def test_an_empty_batch_is_refused_and_does_not_crash() -> None:
    nobody = {name: ints([]) for name in ("accounts", "lots", "prices")}
    assert _batch(**nobody) is Reason.BAD_INTENT


def test_an_id_is_approved_once() -> None:
    guard = Guard()
    assert isinstance(_batch(guard=guard), Approved)
    assert guard.last_coid == 6, "a batch takes an id for every order"
    assert _block(guard=guard, coid=6) is Reason.DUPLICATE
    assert isinstance(_block(guard=guard, coid=7), Approved)
    assert _block(guard=guard, coid=7) is Reason.DUPLICATE


@pytest.mark.parametrize("guard", [Guard(), Guard(killed=True)])
@pytest.mark.parametrize("market", [MARKET, _at(age_ns=10**12)])
def test_reductions_pass_when_killed_or_stale_but_not_beyond_the_protective_bound(guard, market) -> None:
    guard = msgspec.structs.replace(guard, last_coid=-1, refusals={})
    assert isinstance(_block(guard=guard, market=market, exit=True), Approved)
    assert isinstance(_batch(guard=guard, market=market, exit=True, coid=10), Approved)
    for price in (FAR, PX * 8 // 10):
        assert _block(guard=guard, market=market, exit=True, coid=20, price=price) is Reason.PRICE_BOUND
    assert isinstance(_block(guard=guard, market=market, exit=True, coid=30, price=PX * 11 // 10), Approved)


def test_closing_everything_is_exempt_from_the_minimum() -> None:
    assert _block(lots=9, exit=True) is Reason.BELOW_MINIMUM
    assert isinstance(_block(lots=9, exit=True, closes_all=True), Approved)


@pytest.mark.parametrize("command", [Cancel(1), CancelAll(OMNIBUS), Query(0, (1,)), Amend(1, 3, PX)])
def test_cancels_queries_and_smaller_amendments_pass_whatever_the_state(command) -> None:
    guard = Guard(killed=True, halted=True, connected=False)
    assert approve_always(command, guard, lots=3).command == command


def test_an_amendment_that_enlarges_does_not_pass_unreviewed() -> None:
    with pytest.raises(InvariantBroken, match="enlarge"):
        approve_always(Amend(1, 4, PX), Guard(), lots=3)


def test_only_what_was_approved_is_sent_again() -> None:
    guard = Guard()
    _block(guard=guard)
    again = approve_resend(guard, ORDER, exit=False)
    assert isinstance(again, Approved)
    assert again.command == ORDER
    with pytest.raises(InvariantBroken, match="never approved"):
        approve_resend(guard, msgspec.structs.replace(ORDER, coid=6), exit=False)


@pytest.mark.parametrize("switch", [Reason.HALTED, Reason.DISCONNECTED, Reason.KILLED])
def test_an_order_is_not_sent_again_against_a_switch(switch) -> None:
    guards = {
        Reason.HALTED: Guard(halted=True),
        Reason.DISCONNECTED: Guard(connected=False),
        Reason.KILLED: Guard(killed=True),
    }
    guard = msgspec.structs.replace(guards[switch], last_coid=9)
    assert approve_resend(guard, ORDER, exit=False) is switch
    if switch is Reason.KILLED:
        assert isinstance(approve_resend(guard, ORDER, exit=True), Approved)


def _mandates(**caps) -> Mandates:
    limits = {"order_cap": NO_LIMIT, "position_cap": NO_LIMIT, "total_cap": NO_LIMIT, "leverage_cap_e2": 10_000} | caps
    return Mandates(**{name: ints([value]) for name, value in limits.items()})


def _exposure(**amounts) -> Exposure:
    values = {"equity": 1_000 * USDC, "gross": 0, "free": 1_000 * USDC, "held": 0} | amounts
    return Exposure(**{name: ints([value]) for name, value in values.items()})


@pytest.mark.parametrize(
    ("reason", "caps", "where", "lots"),
    [
        (Reason.NONE, {}, {}, 100),
        (Reason.ORDER_CAP, {"order_cap": 30 * USDC}, {}, 29),
        (Reason.POSITION_CAP, {"position_cap": 50 * USDC}, {"held": 20 * SUBLOT}, 30),
        (Reason.POSITION_CAP, {"position_cap": 50 * USDC}, {"held": 21 * SUBLOT + 1}, 28),
        (Reason.TOTAL_CAP, {"total_cap": 50 * USDC}, {"gross": 20 * USDC}, 30),
        (Reason.LEVERAGE_CAP, {"leverage_cap_e2": 5}, {}, 50),
        (Reason.MARGIN, {}, {"free": 5 * USDC}, 50),
        (Reason.MARGIN, {}, {"free": -5 * USDC}, 0),
        (Reason.LEVERAGE_CAP, {}, {"equity": -5 * USDC}, 0),
    ],
)
def test_an_open_is_cut_to_the_tightest_limit_which_is_named(reason, caps, where, lots) -> None:
    asked = ints([100 * SUBLOT])
    clipped, reasons = clip_opens(asked, 1, _mandates(**caps), _exposure(**where), perp(), PX)
    assert reasons.tolist() == [reason]
    assert abs(int(clipped[0]) // SUBLOT - lots) <= 1, "a limit may leave a unit of money, never a lot too many"
    assert clipped[0] <= (lots + (lots == 29)) * SUBLOT


MONEY = st.integers(0, 2**61)


@given(MONEY, MONEY, MONEY, st.integers(1, 2**63 - 1), st.integers(-(2**61), 2**61), st.integers(0, 2**40))
def test_no_mandate_however_large_makes_the_gate_overflow(order, position, total, leverage, equity, lots) -> None:
    mandates = _mandates(order_cap=order, position_cap=position, total_cap=total, leverage_cap_e2=leverage)
    exposure = _exposure(equity=equity, free=equity)
    clipped, _ = clip_opens(ints([lots]) * SUBLOT // 2, 1, mandates, exposure, perp(), PX)
    worth = -(-int(clipped[0]) // SUBLOT) * PX
    assert worth <= min(order, position, total)
    assert worth * 100 <= max(equity, 0) * leverage


@given(st.integers(1, 10**9), st.integers(0, 10**9), st.sampled_from([(2, 4), (5, 1), (0, 2), (8, 8)]))
def test_the_minimum_is_the_fewest_lots_that_reach_it(price, minimum, decimals) -> None:
    instrument = msgspec.structs.replace(
        perp(min_notional=minimum), lot_decimals=decimals[0], price_decimals=decimals[1]
    )
    lots = minimum_lots(instrument, price)
    assert instrument.notional_floor(lots, price) >= minimum
    assert lots == 1 or instrument.notional_floor(lots - 1, price) < minimum


@pytest.mark.parametrize(
    ("policy", "quota", "room", "position", "exit", "lots", "reason"),
    [
        (Minimum.CARRY, 12.5, 12.5, 0, False, 12, Reason.NONE),
        (Minimum.CARRY, 4.5, 9.9, 0, False, 0, Reason.BELOW_MINIMUM),
        (Minimum.SKIP, 4.5, 9.9, 0, False, 0, Reason.BELOW_MINIMUM),
        (Minimum.CARRY, 0.5, 9.9, 0, False, 0, Reason.CARRIED),
        (Minimum.RAISE, 4.5, 10, 0, False, 10, Reason.NONE),
        (Minimum.RAISE, 0.5, 10, 0, False, 10, Reason.NONE),
        (Minimum.RAISE, 4.5, 9, 0, False, 0, Reason.BELOW_MINIMUM),
        (Minimum.CARRY, 4, 4, 4, True, 4, Reason.NONE),
        (Minimum.CARRY, 4, 4, 9, True, 0, Reason.BELOW_MINIMUM),
    ],
)
def test_separate_orders_below_the_minimum_follow_their_policy(policy, quota, room, position, exit, lots, reason):
    got, why = batch_lots(
        ints([int(quota * SUBLOT)]), ints([policy]), MARKET.instrument, ints([PX]), ints([int(room * SUBLOT)]),
        np.array([position]), exit=exit,
    )  # fmt: skip
    assert (got.tolist(), why.tolist()) == ([lots], [reason])
