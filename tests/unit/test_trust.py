"""The composite proof: quiet is no fault, a live connection is no proof, and what came before a gap counts no more."""

import pytest

from pilotfish.domain.doubt import Doubt
from pilotfish.venues.trust import SECOND, Trust, TrustTerms

T = 1_000 * SECOND
TERMS = TrustTerms(quiet_ns=3 * SECOND, probe_ns=10 * SECOND, skew_ns=2 * SECOND)


def proven(now: int = T) -> Trust:
    trust = Trust(TERMS)
    trust.watch(0)
    trust.connected()
    trust.subscribed(0)
    trust.book(0, 99, 101, now, now, whole=True)
    return trust


def test_connected_subscribed_whole_and_fresh_is_trusted() -> None:
    assert proven().doubt(0, T) == Doubt.NONE


@pytest.mark.parametrize(
    ("spoil", "doubt"),
    [
        (lambda t: t.lost(), Doubt.DISCONNECTED),
        (lambda t: t.unsubscribed(0), Doubt.UNSUBSCRIBED),
        (lambda t: t.book(0, 102, 101, T, T, whole=True), Doubt.CROSSED),
        (lambda t: t.book(0, 101, 101, T, T, whole=True), Doubt.CROSSED),
        (lambda t: t.compared(0, agrees=False), Doubt.DISAGREES),
        (lambda t: t.clock(3 * SECOND), Doubt.SKEWED),
        (lambda t: t.clock(-3 * SECOND), Doubt.SKEWED),
    ],
)
def test_each_part_that_fails_is_named(spoil, doubt) -> None:
    trust = proven()
    spoil(trust)
    assert doubt in trust.doubt(0, T)


def test_a_quiet_book_is_trusted_as_long_as_probes_are_answered() -> None:
    trust, now = proven(), T
    for _ in range(20):
        now += 8 * SECOND
        trust.probed(now)
        assert trust.doubt(0, now) == Doubt.NONE
    assert trust.doubt(0, now + 11 * SECOND) == Doubt.SILENT


def test_a_connection_that_is_silent_and_answers_no_probe_is_doubted() -> None:
    assert proven().doubt(0, T + 4 * SECOND) == Doubt.SILENT


def test_a_stamp_of_the_venue_that_lies_ahead_makes_nothing_fresher_than_now() -> None:
    trust = proven()
    trust.book(0, 99, 101, T + 3_600 * SECOND, T, whole=True)
    assert trust.doubt(0, T + 4 * SECOND) == Doubt.SILENT


def test_after_a_gap_a_change_is_not_enough_and_a_whole_book_is() -> None:
    trust = proven()
    trust.lost()
    trust.connected()
    trust.subscribed(0)
    trust.book(0, 99, 101, T, T, whole=False)
    assert trust.doubt(0, T) == Doubt.NO_SNAPSHOT
    trust.book(0, 99, 101, T, T, whole=True)
    assert trust.doubt(0, T) == Doubt.NONE


def test_a_probe_answered_before_the_gap_proves_nothing_after_it() -> None:
    trust = proven()
    trust.probed(T)
    trust.lost()
    trust.connected()
    trust.subscribed(0)
    trust.book(0, 99, 101, T - 60 * SECOND, T, whole=True)
    assert trust.doubt(0, T + SECOND) == Doubt.SILENT


def test_a_disagreement_ends_with_a_second_source_that_agrees_and_a_whole_book() -> None:
    trust = proven()
    trust.compared(0, agrees=False)
    trust.compared(0, agrees=True)
    assert trust.doubt(0, T) == Doubt.NO_SNAPSHOT, "the book that disagreed is not whole again by itself"
    trust.book(0, 99, 101, T, T, whole=True)
    assert trust.doubt(0, T) == Doubt.NONE


def test_verdicts_are_handed_out_once_each_time_they_change() -> None:
    trust = Trust(TERMS)
    trust.watch(0)
    ((instrument, doubt),) = trust.changes(T)
    assert instrument == 0
    assert Doubt.DISCONNECTED in doubt
    assert not list(trust.changes(T))
    trust = proven()
    assert list(trust.changes(T)) == [(0, Doubt.NONE)]
    assert list(trust.changes(T + 4 * SECOND)) == [(0, Doubt.SILENT)]


def test_a_probe_is_wanted_when_a_quiet_book_hangs_on_it() -> None:
    trust = proven()
    assert not trust.needs_probe(T)
    assert trust.needs_probe(T + 2 * SECOND)
    trust.probed(T + 2 * SECOND)
    assert not trust.needs_probe(T + 4 * SECOND)
    assert trust.needs_probe(T + 8 * SECOND)
    trust.lost()
    assert not trust.needs_probe(T + 60 * SECOND)


def test_nobody_trusts_what_was_never_watched() -> None:
    assert proven().doubt(7, T) == Doubt.UNSUBSCRIBED
