"""Delayed disclosure: what a lead does is withheld, committed, revealed, and seen by nobody before its time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instructions import Committed, DisclosureSet, LeadStop, Revealed
from pilotfish.domain.mandate import Route
from pilotfish.engine.facts import Disclosed, Quarantined
from pilotfish.engine.leads.disclosure import commit
from pilotfish.engine.snapshot import decode_state, encode_state
from tests.unit.driver import PX, SECOND, Desk, batched, free_follows, placed, said

DELAY = 120 * SECOND
SALT = bytes(range(16))


def withheld(route: Route = Route.OMNIBUS, **terms) -> Desk:
    desk = Desk(route, leads=2)
    desk.go(DisclosureSet(*desk.stamp(), 0, **({"mirrored_at_once": False} | terms)))
    desk.follow(free_follows([0, 1], lead=[0, 1], sizing=1, value=10**9))
    return desk


# -- the engine ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", list(Route))
def test_what_may_not_be_mirrored_at_once_is_mirrored_when_it_is_shown(route: Route) -> None:
    desk = withheld(route)
    before = desk.untouched()
    outcome = desk.lead(100)
    assert (outcome.commands, outcome.facts) == ([], [])
    assert desk.state.due_ns == desk.now + DELAY
    kept, desk.state.withheld, due, desk.state.due_ns = desk.state.withheld, [], desk.state.due_ns, 2**62
    assert desk.untouched() == before  # nothing else knows of it
    desk.state.withheld, desk.state.due_ns = kept, due
    assert desk.wait(DELAY - 1).commands == []
    desk.top()
    outcome = desk.wait(1)
    assert desk.targets() == [100.0, 0.0]
    assert [int(o.lots if route is Route.OMNIBUS else o.lots[0]) for o in placed(outcome) or batched(outcome)] == [100]


def test_other_leads_are_not_delayed() -> None:
    desk = withheld()
    assert placed(desk.lead(100, lead=1))


def test_a_lead_that_is_only_shown_late_is_mirrored_at_once() -> None:
    assert placed(withheld(mirrored_at_once=True).lead(100))


def test_withheld_fills_keep_their_order_and_their_gaps() -> None:
    desk = withheld()
    for lots in (100, -40, 10):
        desk.lead(lots)
        desk.now += 10 * SECOND
    desk.now += DELAY - 31 * SECOND
    seen = []
    for _ in range(4):
        desk.wait(10 * SECOND)
        seen.append(desk.targets()[0])
    assert seen == [100.0, 60.0, 70.0, 70.0]


def test_what_is_disclosed_late_sizes_by_what_was_true_then() -> None:
    desk = withheld()
    desk.go(LeadStop(*desk.stamp(), 0, 0, PX // 2))
    assert desk.state.leads[0].stops == {}
    desk.wait(DELAY)
    assert desk.state.leads[0].stops == {0: PX // 2}


def test_nothing_overtakes_what_is_withheld_when_the_terms_change() -> None:
    desk = withheld()
    desk.lead(100)
    desk.go(DisclosureSet(*desk.stamp(), 0, SECOND, True))
    assert not placed(desk.lead(-100))
    desk.wait(DELAY)
    assert (desk.targets(), desk.state.withheld) == ([0.0, 0.0], [])
    assert desk.state.leads[0].positions == {0: 0}
    desk.top()
    assert placed(desk.lead(10))


def test_what_is_withheld_survives_a_restart() -> None:
    desk = withheld()
    desk.lead(100)
    desk.state = decode_state(encode_state(desk.state))
    desk.wait(SECOND)
    desk.wait(DELAY)
    assert desk.targets() == [100.0, 0.0]


def test_what_has_become_impossible_meanwhile_is_quarantined_when_it_is_due() -> None:
    desk = withheld()
    desk.lead(2**41)
    desk.lead(2**41)
    desk.lead(2**41)
    (refused,) = said(desk.wait(DELAY + SECOND), Quarantined)
    assert refused.event == "LeadFill"


@pytest.mark.parametrize(("lead", "delay"), [(2, 1), (-1, 1), (0, -1), (0, 2**60)])
def test_terms_of_disclosure_that_cannot_be_are_refused(lead: int, delay: int) -> None:
    desk = withheld()
    before = desk.untouched()
    assert said(desk.go(DisclosureSet(*desk.stamp(), lead, delay)), Quarantined)
    assert desk.untouched() == before


# -- commitments -----------------------------------------------------------------------------------------------------

ORDER = {"number": 7, "instrument": 0, "side": 1, "lots": 250, "price": PX}
FIELDS = (0, 7, 0, 1, 250, PX)


def committed(number: int = 7, commitment: bytes | None = None) -> Desk:
    desk = withheld()
    desk.go(Committed(*desk.stamp(), 0, commitment or commit(FIELDS, SALT), number))
    return desk


def reveal(desk: Desk, after_ns: int = DELAY, *, lead: int = 0, salt: bytes = SALT, **changed):
    return desk.go(Revealed(*desk.stamp(after_ns), lead, **ORDER | changed, salt=salt))


def test_a_commitment_is_opened_after_its_delay_and_once() -> None:
    desk = committed()
    assert said(reveal(desk), Disclosed) == [Disclosed(0, 7)]
    (again,) = said(reveal(desk), Quarantined)
    assert "revealed already" in again.why


def test_a_commitment_is_not_opened_before_its_time() -> None:
    desk = committed()
    (early,) = said(reveal(desk, DELAY - 1), Quarantined)
    assert "1 ns before its time" in early.why
    assert said(reveal(desk, 1), Disclosed)


@pytest.mark.parametrize(
    "changed", [{"side": -1}, {"lots": 251}, {"price": PX + 1}, {"salt": SALT + b"\0"}, {"salt": bytes(16)}]
)
def test_another_order_than_the_one_committed_is_found_out(changed: dict) -> None:
    (lie,) = said(reveal(committed(), **changed), Quarantined)
    assert "not what was committed" in lie.why


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"lead": 9}, "not listed"),
        ({"instrument": 9}, "not listed"),
        ({"number": 8}, "not committed"),
        ({"lead": 1}, "not committed"),
        ({"side": 0}, "cannot be"),
        ({"lots": 0}, "cannot be"),
        ({"salt": b"short"}, "5 bytes"),
    ],
)
def test_what_cannot_be_revealed_is_quarantined_with_a_reason(changed: dict, why: str) -> None:
    desk = committed()
    before = desk.untouched()
    (bad,) = said(reveal(desk, **changed), Quarantined)
    assert why in bad.why
    assert desk.untouched() == before


@pytest.mark.parametrize(("number", "commitment"), [(7, bytes(32)), (6, bytes(32)), (8, bytes(31))])
def test_a_commitment_that_is_no_hash_or_comes_out_of_turn_is_refused(number: int, commitment: bytes) -> None:
    desk = committed()
    before = desk.untouched()
    assert said(desk.go(Committed(*desk.stamp(), 0, commitment, number)), Quarantined)
    assert desk.untouched() == before


def test_every_lead_numbers_its_own_commitments() -> None:
    desk = committed()
    assert not desk.go(Committed(*desk.stamp(), 1, bytes(32), 3)).facts
    assert [list(lead.committed) for lead in desk.state.leads] == [[7], [3]]


def test_nobody_can_commit_another_s_hash_as_his_own() -> None:
    desk = committed()
    desk.go(Committed(*desk.stamp(), 1, commit(FIELDS, SALT), 7))
    (bad,) = said(reveal(desk, lead=1), Quarantined)
    assert "not what was committed" in bad.why


def test_the_encoding_is_the_documented_one() -> None:
    assert commit(FIELDS, SALT).hex() == "a8d55fa4d6fd7a425a8e15664a26b460aba26f868b63d7af84a31720895f7df7"


@pytest.mark.parametrize("salt", [b"", bytes(15), bytes(65)])
def test_a_salt_that_hides_nothing_is_refused(salt: bytes) -> None:
    with pytest.raises(ConfigError, match="16 to 64"):
        commit(FIELDS, salt)


@given(st.tuples(*[st.integers(-(2**63), 2**63 - 1)] * 6), st.integers(0, 5), st.integers(0, 63))
def test_any_change_of_a_field_is_another_commitment(fields: tuple, where: int, bit: int) -> None:
    raw = fields[where] % 2**64 ^ (1 << bit)
    other = (*fields[:where], raw - (raw >> 63 << 64), *fields[where + 1 :])
    assert commit(fields, SALT) != commit(other, SALT)
