"""Mandates that change: anything while a follow is flat, only tighter limits while something is open."""

import pytest

from pilotfish.domain.mandate import NO_LIMIT, Direction, Minimum, Route, Sizing, SymbolRule
from pilotfish.domain.reasons import Reason
from pilotfish.engine.facts import Quarantined
from pilotfish.engine.follows.mandates import within
from tests.unit.control_scene import CLOSE, Scene, holding
from tests.unit.driver import USDC, perp, said

BOTH = pytest.mark.parametrize("route", Route)


TIGHT = {
    "order_cap": (90 * USDC, 80 * USDC), "position_cap": (500 * USDC, 400 * USDC),
    "total_cap": (500 * USDC, 400 * USDC), "leverage_cap_e2": (500, 400), "open_bps": (50, 40), "exit_bps": (300, 200),
    "hedge_band_bps": (500, 400),
    "equity_stop": (10 * USDC, 20 * USDC), "lead_notional_min": (1, 2), "lead_leverage_min_e2": (0, 1),
    "hold_ns_min": (0, 1), "stage_bps": (5_000, 10_000), "lead_gone": (0, 1), "take_profit_bps": (0, 900_000),
    "stop_loss_bps": (9_000, 8_000), "trailing_bps": (0, 9_000), "price_stop_bps": (9_000, 8_000),
    "margin_stop_bps": (9_000, 8_000), "minimum": (int(Minimum.RAISE), int(Minimum.SKIP)),
}  # fmt: skip


@BOTH
@pytest.mark.parametrize("name", TIGHT)
def test_while_a_position_is_open_a_limit_can_be_tightened_and_not_widened(route, name) -> None:
    wide, tight = TIGHT[name]
    scene = holding(route, n=2, lots=80, **{name: wide})
    assert scene.held() == [80, 80], "the limit is not in the way"
    assert not said(scene.change(1, **{name: tight}), Quarantined)
    assert getattr(scene.state.follows, name).tolist() == [wide, tight]
    before = scene.untouched()
    (refused,) = said(scene.change(0, 1, **{name: wide}), Quarantined)
    assert f"follow 1 has something open, and {name} {tight} → {wide} would widen" in refused.why
    assert "close the position first, or keep it" in refused.why
    assert scene.untouched() == before, "refused whole"


@pytest.mark.parametrize(("name", "wide", "tight"), [(n, *TIGHT[n]) for n in ("order_cap", "stop_loss_bps")])
def test_an_order_in_flight_counts_as_open(name, wide, tight) -> None:
    scene = Scene(n=1, **{name: tight})
    scene.lead(10)
    assert said(scene.change(0, **{name: wide}), Quarantined)


@pytest.mark.parametrize(
    "change", [{"sizing": int(Sizing.FIXED_AMOUNT)}, {"value": 5}, {"direction": int(Direction.REVERSE)},
               {"hedge_bps": 5_000}, {"lookback": 3, "sizing": int(Sizing.RISK), "value": 10}],
)  # fmt: skip
def test_how_an_open_follow_is_sized_turned_and_hedged_stays(change) -> None:
    scene = holding(n=1)
    assert said(scene.change(0, **change), Quarantined)
    scene.tell(CLOSE, 0)
    scene.answer()
    assert not said(scene.change(0, **change), Quarantined)


def test_a_flat_follow_takes_any_mandate_and_is_sized_by_it_from_then_on() -> None:
    scene = Scene(n=2)
    scene.change(1, value=5 * 10**8, position_cap=30 * USDC, open_bps=0)
    scene.lead(100)
    scene.answer()
    assert scene.held() == [100, 30]
    scene.lead(-100)
    scene.answer()
    scene.change(1, sizing=int(Sizing.PROPORTIONAL), value=0, position_cap=NO_LIMIT, direction=int(Direction.REVERSE))
    scene.lead(100)
    scene.answer()
    assert scene.held() == [100, -10]


def test_instruments_can_be_taken_off_an_open_mandate_and_not_added() -> None:
    scene = Scene(n=1, desk={"instruments": [perp(), perp(1)]}, rules=[SymbolRule(allow=("C0",))])
    scene.lead(10)
    scene.answer()
    (refused,) = said(scene.change(0, rules=[SymbolRule()]), Quarantined)
    assert "rule" in refused.why
    assert not said(scene.change(0, rules=[SymbolRule(allow=("C0",), deny=("C0",))]), Quarantined)
    scene.lead(10)
    scene.rest()
    assert (scene.held(), scene.reasons()) == ([10], [Reason.DENIED])


@pytest.mark.parametrize(
    ("new", "old", "inside"),
    [
        (SymbolRule(), SymbolRule(), True),
        (SymbolRule(), SymbolRule(allow=("A",)), False),
        (SymbolRule(), SymbolRule(deny=("A",)), False),
        (SymbolRule(deny=("A", "B")), SymbolRule(deny=("A",)), True),
        (SymbolRule(allow=("A",)), SymbolRule(deny=("A",)), False),
        (SymbolRule(allow=("A", "B"), deny=("A",)), SymbolRule(deny=("A",)), True),
        (SymbolRule(allow=("A",)), SymbolRule(allow=("A", "B")), True),
        (SymbolRule(allow=("A",)), SymbolRule(allow=("A", "B"), deny=("A",)), False),
    ],
)
def test_one_rule_lies_within_another_when_it_allows_no_symbol_more(new, old, inside) -> None:
    assert within(new, old) is inside
    symbols = ("A", "B", "C")
    assert inside is all(old.allows(symbol) for symbol in symbols if new.allows(symbol))
