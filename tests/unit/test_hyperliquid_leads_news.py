"""What becomes of leads, and the engine's question about them."""

from pilotfish.domain.events import LeadFill, LeadPosition, Reconciled
from pilotfish.domain.instructions import LeadNews, LeadStatus
from tests.unit.hyperliquid_scene import ALICE, BOB, CAROL, CROWD, MS, SECOND, T0, Scene


def scene(*leads: str) -> Scene:
    stage = Scene(leads or (ALICE,)).start()
    stage.agree(*(leads or (ALICE,)))
    return stage


def test_a_question_that_reaches_further_back_than_the_session_brings_what_was_before_it() -> None:
    stage = Scene()
    stage.venue.trade(ALICE, CROWD, "BTC", "1", stage.ms - 600_000)
    stage.start()
    stage.run(10)
    assert stage.of(LeadFill) == []
    stage.query(stage.ms - 900_000)
    assert [fill.lots for fill in stage.of(LeadFill)] == [100_000]
    assert len(stage.of(Reconciled)) == 1
    stage.agree(ALICE)


def test_a_liquidated_lead_is_said_to_be_when_nothing_is_left() -> None:
    stage = scene()
    stage.trade(ALICE, CROWD, "BTC", "2")
    stage.run(5)
    forced = {"liquidation": {"liquidatedUser": ALICE, "markPx": "90", "method": "market"}}
    stage.trade(CROWD, ALICE, "BTC", "1", **forced)
    stage.run(70)
    assert not [one for one in stage.of(LeadStatus) if one.news is LeadNews.LIQUIDATED], "a part is left"
    stage.trade(CROWD, ALICE, "BTC", "1", **forced)
    stage.run(20)
    assert [one.news for one in stage.of(LeadStatus)][-1] is LeadNews.LIQUIDATED
    stage.run(200)
    assert [one.news for one in stage.of(LeadStatus)].count(LeadNews.LIQUIDATED) == 1


def test_a_lead_that_closes_by_itself_is_not_liquidated() -> None:
    stage = scene()
    stage.trade(ALICE, CROWD, "BTC", "2")
    stage.trade(CROWD, ALICE, "BTC", "2")
    stage.run(90)
    assert [one.news for one in stage.of(LeadStatus)] == [LeadNews.BACK]


def test_a_lead_whose_money_is_gone_everywhere_is_gone_until_there_is_some_again() -> None:
    stage = scene()
    stage.forget()
    stage.venue.values[ALICE], stage.venue.spot[ALICE] = "0.0", "12.5"
    stage.run(130)
    assert stage.of(LeadStatus) == [], "it has moved its money to spot"
    stage.venue.spot[ALICE] = "0.0"
    stage.run(70)
    assert [one.news for one in stage.of(LeadStatus)] == [LeadNews.GONE]
    stage.venue.values[ALICE] = "500.0"
    stage.run(70)
    assert [one.news for one in stage.of(LeadStatus)] == [LeadNews.GONE, LeadNews.BACK]


def test_a_question_after_a_restart_brings_every_fill_since_the_cursor_first() -> None:
    stage = Scene()
    for minutes in (30, 20, 10):
        stage.venue.trade(ALICE, CROWD, "BTC", "1", stage.ms - minutes * 60_000)
    cursor = stage.ms - 25 * 60_000
    stage.query(cursor)
    assert stage.of(Reconciled) == [], "not before the stream is up"
    stage.start()
    kinds = [type(event) for event in stage.told if isinstance(event, LeadFill | LeadPosition | Reconciled)]
    assert kinds == [LeadFill, LeadFill, LeadPosition, Reconciled]
    assert stage.of(Reconciled)[0].cursor >= T0 // MS - 1
    assert stage.state.leads[0].late == 0
    stage.agree(ALICE)


def test_a_question_is_answered_when_the_gap_of_every_lead_is_filled() -> None:
    stage = scene(ALICE, BOB, CAROL)
    stage.fails = lambda body: body["user"] == BOB
    stage.lose()
    stage.query(1, (7,))
    stage.run(5)
    assert stage.of(Reconciled) == []
    stage.fails = lambda body: False
    stage.run(10)
    (told,) = stage.of(Reconciled)
    assert (told.asked, told.open, told.done) == ((7,), (), ())


def test_a_lead_out_of_reach_does_not_hold_up_the_answer_for_ever_and_the_cursor_waits_for_it() -> None:
    stage = scene(ALICE, BOB)
    stage.run(60)
    stage.trade(ALICE, CROWD, "BTC", "1")
    stage.fails = lambda body: body["user"] == BOB
    stage.lose()
    stage.query(1)
    stage.run(20)
    (told,) = stage.of(Reconciled)
    assert told.cursor <= (T0 + 61 * SECOND) // MS
    stage.trade(BOB, CROWD, "BTC", "1")
    stage.fails = lambda body: False
    stage.run(40)
    stage.agree(ALICE, BOB)
