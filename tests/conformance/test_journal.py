"""What every journal promises, asked of each of them (design rule 12)."""

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pilotfish.domain.errors import JournalCorrupt, JournalError, JournalUnavailable
from pilotfish.journal.chain import GENESIS, verify_chain
from pilotfish.journal.port import Head, Journal, RecordKind
from tests.conformance.journal_harness import COLUMNS, Harness, InMemory, OnDisk, contents, fill

EVENT, COMMANDS, DIGEST = RecordKind


@pytest.fixture(params=["memory", "sqlite"])
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Harness:
    return InMemory() if request.param == "memory" else OnDisk(tmp_path)


@pytest.fixture
def journal(harness: Harness) -> Iterator[Journal]:
    made = harness.make()
    yield made
    made.__exit__(ValueError, ValueError(), None)  # closes, whatever a test left buffered


def test_a_new_journal_is_empty_and_starts_at_genesis(journal):
    assert journal.head == GENESIS
    assert list(journal.read()) == []
    assert journal.latest_snapshot() is None
    assert journal.notes == ()
    assert verify_chain(journal).holds


def test_positions_count_from_zero_without_gaps_over_groups_and_restarts(harness, journal):
    assert [journal.append(EVENT, b"a"), journal.append(COMMANDS, b"b")] == [0, 1]
    journal.commit()
    assert journal.append(DIGEST, b"c") == 2
    journal.commit()
    with harness.crashed(journal) as again:
        assert again.append(EVENT, b"d") == 3
        again.commit()
        assert [record.position for record in again.read()] == [0, 1, 2, 3]
        assert contents(again) == [(EVENT, b"a"), (COMMANDS, b"b"), (DIGEST, b"c"), (EVENT, b"d")]


def test_what_is_appended_and_not_committed_is_not_there(harness, journal):
    fill(journal, 3)
    journal.append(EVENT, b"in the buffer")
    assert journal.head.position == 3
    assert len(list(journal.read())) == 3
    with harness.crashed(journal) as again:
        assert again.head.position == 3


def test_an_empty_commit_changes_nothing(journal):
    fill(journal, 3)
    head = journal.head
    journal.commit()
    assert journal.head == head


def test_a_record_keeps_its_bytes_and_its_kind(journal):
    payloads = [b"", b"\0", bytes(range(256)), "µs".encode("utf-16"), b"x" * 3_000_000, b"after"]
    for payload in payloads:
        journal.append(COMMANDS, payload)
    journal.commit()
    found = list(journal.read())
    assert [record.payload for record in found] == payloads
    assert all(record.kind is RecordKind.COMMANDS for record in found)


@given(st.lists(st.lists(st.tuples(st.sampled_from(RecordKind), st.binary(max_size=50)), max_size=5), max_size=6))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_root_is_the_documented_chain_however_records_are_grouped(harness, groups):
    root, position = blake2b(b"pilotfish/journal/v1", digest_size=32).digest(), 0
    with harness.make() as journal:
        for group in groups:
            for kind, payload in group:
                journal.append(kind, payload)
                message = root + bytes([kind]) + position.to_bytes(8, "big") + payload
                root, position = blake2b(message, digest_size=32).digest(), position + 1
            journal.commit()
            assert journal.head == Head(position, root)
        assert [record.hash for record in journal.read()][-1:] == [root][: bool(position)]


def test_a_range_is_read_and_cut_to_the_head(journal):
    fill(journal, 10)
    everything = list(journal.read())
    assert list(journal.read(3, 7)) == everything[3:7]
    assert list(journal.read(8)) == everything[8:]
    assert list(journal.read(8, 99)) == everything[8:]
    assert list(journal.read(10)) == list(journal.read(4, 4)) == []


@pytest.mark.parametrize(("start", "end"), [(-1, None), (11, None), (5, 4), (2, -1)])
def test_a_range_the_journal_does_not_have_is_refused(journal, start, end):
    fill(journal, 10)
    with pytest.raises(JournalError, match="the journal has 10 records"):
        journal.read(start, end)


def test_a_read_ends_at_the_head_it_began_with_though_the_writer_goes_on(journal):
    fill(journal, 6)
    reading = journal.read()
    first = next(reading)
    fill(journal, 6)
    assert [first.position, *(record.position for record in reading)] == list(range(6))


@pytest.mark.parametrize(
    ("kind", "payload"), [(0, b"x"), (-1, b"x"), (7, b"x"), (EVENT, "x"), (EVENT, bytearray(b"x")), (EVENT, None)]
)
def test_what_is_not_a_record_is_refused_and_takes_no_position(journal, kind, payload):
    with pytest.raises(JournalError, match="give a RecordKind and bytes"):
        journal.append(kind, payload)
    assert journal.append(EVENT, b"good") == 0


def test_a_snapshot_stands_at_the_committed_head_and_outlives_a_restart(harness, journal):
    fill(journal, 5)
    journal.snapshot(b"state of five" * 100)
    fill(journal, 2)
    with harness.crashed(journal) as again:
        found, rest = again.read_from_snapshot()
        assert (found.position, found.payload, found.notes) == (5, b"state of five" * 100, ())
        assert found.root == list(again.read())[4].hash
        assert [record.position for record in rest] == [5, 6]


def test_without_a_snapshot_replay_begins_at_genesis(journal):
    fill(journal, 3)
    found, rest = journal.read_from_snapshot()
    assert found is None
    assert [record.position for record in rest] == [0, 1, 2]


def test_a_snapshot_of_uncommitted_records_is_refused(journal):
    journal.append(EVENT, b"not committed")
    with pytest.raises(JournalError, match="commit first"):
        journal.snapshot(b"state")
    assert journal.latest_snapshot() is None


def test_the_two_newest_snapshots_and_the_genesis_are_kept(journal):
    journal.snapshot(b"genesis")
    for n in range(4):
        fill(journal, 3)
        journal.snapshot(f"state {n}".encode())
    assert journal._snapshot_positions() == [12, 9, 0]
    journal.snapshot(b"state 3 again")
    assert journal._snapshot_positions() == [12, 9, 0]
    assert journal.latest_snapshot().payload == b"state 3 again"


@pytest.mark.parametrize("column", ["packed", "seal", "root"])
def test_a_damaged_snapshot_gives_way_to_the_one_before_and_says_so(harness, journal, column):
    fill(journal, 3)
    journal.snapshot(b"older" * 50)
    fill(journal, 3)
    journal.snapshot(b"newer" * 50)
    harness.damage_snapshot(journal, 6, column)
    found, rest = journal.read_from_snapshot()
    assert (found.position, found.payload) == (3, b"older" * 50)
    assert [record.position for record in rest] == [3, 4, 5]
    assert "snapshot at 6 was passed over" in found.notes[0]
    assert journal.notes == found.notes
    harness.damage_snapshot(journal, 3, column)
    found, rest = journal.read_from_snapshot()
    assert found is None
    assert len(list(rest)) == 6
    assert ["at 6" in journal.notes[0], "at 3" in journal.notes[1], len(journal.notes)] == [True, True, 2]


TAMPERING = {
    "payload": lambda h, j: h.change(j, 5, "payload", b"record X"),
    "kind": lambda h, j: h.change(j, 5, "kind", 0),
    "no such kind": lambda h, j: h.change(j, 5, "kind", 9),
    "hash": lambda h, j: h.change(j, 5, "hash", bytes(32)),
    "short hash": lambda h, j: h.change(j, 5, "hash", b""),
    "not bytes": lambda h, j: h.change(j, 5, "payload", 17),
    "removed": lambda h, j: h.remove(j, 5),
    "inserted": lambda h, j: _insert(h, j, 5),
    "reordered": lambda h, j: _swap(h, j, 5, 8),
}


def _swap(harness, journal, a, b):
    rows = list(journal.read())
    for to, source in ((a, b), (b, a)):
        for column in COLUMNS[1:]:
            harness.change(journal, to, column, getattr(rows[source], column))


def _insert(harness, journal, at):
    """A foreign record at `at`, those behind it moved up by one; the last falls off, as the head has not moved."""
    rows = list(journal.read())
    harness.change(journal, at, "payload", b"smuggled in")
    for to in range(at + 1, len(rows)):
        for column in COLUMNS[1:]:
            value = getattr(rows[to - 1], column)
            harness.change(journal, to, column, int(value) if column == "kind" else value)


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_is_found_and_located(harness, journal, how):
    fill(journal, 12)
    before = list(journal.read())
    assert verify_chain(journal) == (12, journal.head.root, None, "")
    TAMPERING[how](harness, journal)
    report = verify_chain(journal)
    assert (report.holds, report.first_bad, report.records) == (False, 5, 5)
    assert report.root == before[4].hash
    assert report.why
    with pytest.raises(JournalCorrupt) as caught:
        list(journal.read_from_snapshot()[1])
    assert caught.value.position == 5


def test_a_gap_stops_a_plain_read_at_the_record_that_is_missing(harness, journal):
    fill(journal, 12)
    harness.remove(journal, 5)
    seen = []
    with pytest.raises(JournalCorrupt) as caught:
        seen.extend(journal.read(2))
    assert caught.value.position == 5


def test_a_last_record_that_vanishes_is_missed(harness, journal):
    fill(journal, 12)
    harness.remove(journal, 11)
    assert verify_chain(journal).first_bad == 11


def test_a_closed_journal_refuses_everything(journal):
    fill(journal, 3)
    journal.close()
    journal.close()
    for use in (
        lambda: journal.append(EVENT, b""),
        journal.commit,
        journal.read,
        lambda: journal.snapshot(b""),
        journal.latest_snapshot,
    ):
        with pytest.raises(JournalUnavailable, match="is closed"):
            use()


def test_closing_over_uncommitted_records_is_loud_and_still_closes(journal):
    journal.append(EVENT, b"forgotten")
    with pytest.raises(JournalError, match="1 records were appended and never committed"):
        journal.close()
    with pytest.raises(JournalUnavailable, match="is closed"):
        journal.commit()


def test_an_error_inside_a_with_block_is_not_masked_by_what_it_left_uncommitted(harness):
    journal = harness.make()
    journal.append(EVENT, b"half a step")
    with pytest.raises(ZeroDivisionError), journal:
        _ = 1 // 0
    with pytest.raises(JournalUnavailable, match="is closed"):
        journal.commit()
