"""Data that is not trusted decides nothing, however young it is; the reason is told, and trust comes back by itself."""

import pytest

from pilotfish.domain.doubt import Doubt
from pilotfish.domain.events import DataTrust
from pilotfish.domain.reasons import Reason
from pilotfish.domain.terms import RiskTerms
from pilotfish.engine.facts import Doubted, Quarantined, Refused
from pilotfish.engine.snapshot import decode_state, encode_state
from tests.unit.driver import said
from tests.unit.risk_scene import BOTH, desk_of, opened, orders

ONE_BY_ONE = [one for one in Doubt if one]


def doubted(desk, doubt: Doubt, instrument: int = 0):
    return desk.go(DataTrust(*desk.stamp(), instrument, doubt))


@BOTH
@pytest.mark.parametrize("doubt", [*ONE_BY_ONE, Doubt.SILENT | Doubt.CROSSED])
def test_no_open_leaves_on_data_that_is_doubted_and_the_refusal_says_stale(route, doubt) -> None:
    desk = opened(desk_of(RiskTerms(), route))
    (fact,) = said(doubted(desk, doubt), Doubted)
    assert fact == Doubted(0, doubt)
    desk.top()
    out = desk.lead(100)
    assert not orders(out)
    assert {f.reason for f in said(out, Refused)} == {Reason.STALE}
    desk.top()
    assert orders(doubted(desk, Doubt.NONE)), "what waited for it is sent in the same step"


def test_reductions_pass_within_their_bound_while_data_is_doubted() -> None:
    desk = opened(desk_of(RiskTerms()))
    held = desk.held()[0]
    doubted(desk, Doubt.SILENT)
    out = desk.lead_holds(0)
    (order,) = orders(out)
    assert order.reduce_only
    assert order.side == (-1 if held > 0 else 1)


def test_the_same_verdict_again_says_nothing_and_another_instrument_s_changes_nothing_here() -> None:
    desk = opened(desk_of(RiskTerms()))
    doubted(desk, Doubt.SILENT)
    assert not said(doubted(desk, Doubt.SILENT), Doubted)
    assert said(doubted(desk, Doubt.NONE), Doubted) == [Doubted(0, Doubt.NONE)]


@pytest.mark.parametrize(("instrument", "doubt"), [(99, Doubt.SILENT), (-1, Doubt.SILENT), (0, 128), (0, -1)])
def test_a_verdict_that_cannot_be_is_set_aside(instrument, doubt) -> None:
    desk = opened(desk_of(RiskTerms()))
    assert said(doubted(desk, doubt, instrument), Quarantined)


def test_doubt_survives_a_restart() -> None:
    desk = opened(desk_of(RiskTerms()))
    doubted(desk, Doubt.DISAGREES | Doubt.SKEWED)
    assert decode_state(encode_state(desk.state)).listings[0].doubt == Doubt.DISAGREES | Doubt.SKEWED


def test_every_doubt_has_a_sentence() -> None:
    assert len({one.text for one in ONE_BY_ONE}) == len(ONE_BY_ONE)
    assert Doubt.NONE.text == "trusted"
    assert (Doubt.SILENT | Doubt.CROSSED).text.count(";") == 1
