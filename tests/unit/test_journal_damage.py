"""What a damaged file does: every change to a record is found, what was confirmed is never dropped without a word."""

import random
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest

from pilotfish.domain.errors import JournalCorrupt, JournalUnavailable
from pilotfish.journal.chain import verify_chain
from pilotfish.journal.inspection import UNFINISHED
from pilotfish.journal.port import RecordKind
from pilotfish.journal.recover import salvage, verify_file
from pilotfish.journal.sqlite import SqliteJournal
from pilotfish.journal.wal import inspect_wal
from tests.conformance.journal_harness import contents, fill

FLIPS = 250
GROUP = 20
STATES = {position: random.Random(position).randbytes(8_000) for position in (300, 400)}
HEADER_BYTES = 100  # of the SQLite file: damage there may leave nothing that tells a journal


@pytest.fixture
def at_rest(tmp_path: Path) -> Path:
    """A closed journal of 400 records with two snapshots: one file."""
    path = tmp_path / "rest.journal"
    with SqliteJournal(path) as journal:
        fill(journal, 300, GROUP)
        journal.snapshot(STATES[300])
        fill(journal, 100, GROUP)
        journal.snapshot(STATES[400])
    return path


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    """A journal whose writer died: half of it in the file, 20 groups only in the log."""
    live = tmp_path / "live.journal"
    path = tmp_path / "crashed.journal"
    with SqliteJournal(live) as journal:
        fill(journal, 400, GROUP)
    with SqliteJournal(live) as journal:
        fill(journal, 400, GROUP)
        for tail in ("", "-wal"):
            shutil.copyfile(f"{live}{tail}", f"{path}{tail}")
    return path


def wal_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def altered(path: Path, raw: bytes, name: str) -> Path:
    """A fresh copy of the journal, with `raw` in place of its file (name "") or of its log ("-wal")."""
    for old in path.parent.glob("altered*"):
        old.unlink()
    copy = path.with_name("altered")
    for tail in ("", "-wal"):
        if Path(f"{path}{tail}").exists():
            shutil.copyfile(f"{path}{tail}", f"{copy}{tail}")
    Path(f"{copy}{name}").write_bytes(raw)
    return copy


def flipped(raw: bytes, at: int, bit: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :]


def state_of(path: Path) -> tuple[list[tuple[int, bytes]], bytes]:
    with SqliteJournal(path, read_only=True) as journal:
        return contents(journal), journal.head.root


def test_every_flipped_bit_at_rest_is_located_or_changed_nothing(at_rest):
    raw, good, chance = at_rest.read_bytes(), state_of(at_rest), random.Random(7)
    located = harmless = 0
    for _ in range(FLIPS):
        at = chance.randrange(len(raw))
        copy = altered(at_rest, flipped(raw, at, chance.randrange(8)), "")
        try:
            report = verify_file(copy)
        except JournalUnavailable:
            assert at < HEADER_BYTES, "the file's own header says no more that it is a journal"
            located += 1
            continue
        if report.holds:
            assert state_of(copy) == good, f"byte {at} changed something and nobody noticed"
            harmless += 1
        else:
            assert 0 <= report.first_bad == report.records <= 400
            located += 1
    assert located > FLIPS // 4
    assert harmless > 10, "flips in snapshots and in unused bytes were tried too"


def test_a_flipped_bit_never_turns_a_snapshot_into_another_state(at_rest):
    raw, chance = at_rest.read_bytes(), random.Random(8)
    passed_over = 0
    for _ in range(100):
        copy = altered(at_rest, flipped(raw, chance.randrange(len(raw) // 2, len(raw)), chance.randrange(8)), "")
        with suppress(JournalCorrupt), SqliteJournal(copy, read_only=True) as journal:
            found = journal.latest_snapshot()
            assert found is not None
            assert found.payload == STATES[found.position]
            if found.position == 300:
                passed_over += 1
                assert "at 400 was passed over" in journal.notes[0]
    assert passed_over > 10


def test_every_flipped_bit_of_the_log_is_said_or_changed_nothing(crashed):
    raw, good, chance = wal_of(crashed).read_bytes(), state_of(crashed), random.Random(9)
    seen = {"refused": 0, "last group": 0, "unchanged": 0}
    for _ in range(100):
        at = chance.randrange(len(raw))
        copy = altered(crashed, flipped(raw, at, chance.randrange(8)), "-wal")
        report = verify_file(copy)
        if not report.holds:
            assert 400 <= report.first_bad == report.records < 800
            assert report.records % GROUP == 0
            with pytest.raises(JournalCorrupt):
                SqliteJournal(copy)
            seen["refused"] += 1
            continue
        with SqliteJournal(copy) as journal:
            if (contents(journal), journal.head.root) == good:
                seen["unchanged"] += 1
            else:  # as a group that was being written when the power went
                assert journal.notes == (UNFINISHED,)
                assert journal.head.position == 800 - GROUP
                seen["last group"] += 1
    assert seen["refused"] > 50
    assert seen["last group"] > 0


def test_a_log_cut_anywhere_opens_at_the_last_whole_group_and_says_so(crashed):
    raw, good, notes, heads = wal_of(crashed).read_bytes(), state_of(crashed)[0], set(), set()
    for length in [0, 1, 31, 32, 33, *range(50, len(raw), len(raw) // 60), len(raw) - 1]:
        with SqliteJournal(altered(crashed, raw[:length], "-wal")) as journal:
            head = journal.head.position
            assert head % GROUP == 0
            assert contents(journal) == good[:head]
            notes.add(journal.notes)
            heads.add(head)
            fill(journal, 3)
            assert verify_chain(journal, journal.head.root).records == head + 3
    assert {400, 800 - GROUP} <= heads
    assert notes == {(), (UNFINISHED,)}, "a cut between two groups cannot be seen without an anchor"


def test_a_group_that_reached_the_log_without_its_end_is_dropped_with_a_note(crashed):
    """The frames of one more group, whole but for the last: what a kill between two writes leaves."""
    raw = wal_of(crashed).read_bytes()
    frame = 24 + int.from_bytes(raw[8:12], "big")
    with SqliteJournal(altered(crashed, raw[:-frame], "-wal")) as journal:
        assert journal.head.position == 800 - GROUP
        assert journal.notes == (UNFINISHED,)


def test_a_log_that_was_started_over_ends_where_the_new_frames_end(tmp_path):
    """After a checkpoint the old frames stay behind the new ones; they are neither unfinished nor damage."""
    path = tmp_path / "over.journal"
    with SqliteJournal(path) as journal:
        fill(journal, 400, GROUP)
        journal._file._db.execute("PRAGMA wal_checkpoint(RESTART)")
        fill(journal, 5)
        assert wal_of(path).stat().st_size > 20_000
        assert inspect_wal(wal_of(path)) == (False, "")
        with SqliteJournal(altered(path, wal_of(path).read_bytes(), "-wal")) as again:
            assert (again.head.position, again.notes) == (405, ())


def test_a_damaged_log_is_refused_and_left_for_whoever_repairs_it(crashed):
    raw = flipped(wal_of(crashed).read_bytes(), 20_000, 0)
    copy = altered(crashed, raw, "-wal")
    for read_only in (False, True):
        with pytest.raises(JournalCorrupt, match="finished groups follow it"):
            SqliteJournal(copy, read_only=read_only)
    assert wal_of(copy).read_bytes() == raw
    assert verify_file(copy).first_bad >= 400


def test_a_log_with_a_damaged_header_is_refused(crashed):
    copy = altered(crashed, flipped(wal_of(crashed).read_bytes(), 17, 0), "-wal")
    with pytest.raises(JournalCorrupt, match="its header is damaged") as caught:
        SqliteJournal(copy)
    assert caught.value.position == 400


def test_a_file_that_lost_its_end_is_refused_at_the_first_record_lost(at_rest):
    raw, positions = at_rest.read_bytes(), []
    for length in range(len(raw) - 1, 4096, -len(raw) // 12):
        copy = altered(at_rest, raw[:length], "")
        with pytest.raises(JournalCorrupt) as caught:
            SqliteJournal(copy)
        assert verify_file(copy).first_bad == caught.value.position
        assert copy.read_bytes() == raw[:length]
        positions.append(caught.value.position)
    assert positions == sorted(positions, reverse=True)
    assert 0 < positions[len(positions) // 2] < 400


def test_the_whole_groups_of_a_damaged_journal_can_be_saved(at_rest, tmp_path):
    raw, good = at_rest.read_bytes(), state_of(at_rest)[0]
    copy = altered(at_rest, raw[: len(raw) // 2], "")
    report = salvage(copy, tmp_path / "saved.journal")
    assert 0 < report.records < 400
    assert report.records % GROUP == 0
    assert report.first_bad >= report.records
    assert copy.read_bytes() == raw[: len(raw) // 2]
    with SqliteJournal(tmp_path / "saved.journal") as saved:
        assert contents(saved) == good[: report.records]
        assert (saved.head.root, verify_chain(saved).holds) == (report.root, True)
        assert saved.append(RecordKind.EVENT, b"goes on") == report.records
        saved.commit()


def test_a_group_that_is_not_the_one_committed_is_not_saved(at_rest, tmp_path):
    db = sqlite3.connect(at_rest)
    with db:
        db.execute("UPDATE groups SET root = zeroblob(32) WHERE ended = 200")
    db.close()
    report = salvage(at_rest, tmp_path / "saved.journal")
    assert (report.records, report.first_bad) == (180, 180)
    assert len(state_of(tmp_path / "saved.journal")[0]) == 180


def test_a_journal_that_is_whole_is_saved_whole(at_rest, tmp_path):
    report = salvage(at_rest, tmp_path / "saved.journal")
    assert (report.records, report.holds) == (400, True)
    assert state_of(tmp_path / "saved.journal") == state_of(at_rest)


def test_nothing_is_saved_over_a_file_that_exists(at_rest, tmp_path):
    (tmp_path / "taken").write_text("precious")
    with pytest.raises(JournalUnavailable, match="it exists already"):
        salvage(at_rest, tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "precious"


@pytest.mark.parametrize(
    ("statement", "position"),
    [
        ("DELETE FROM records WHERE position = 399", 399),
        ("DELETE FROM records WHERE position >= 380", 380),
        ("DELETE FROM groups WHERE ended = 400", 380),
        ("UPDATE groups SET root = zeroblob(32) WHERE ended = 400", 399),
        ("DELETE FROM records WHERE position >= 380; DELETE FROM groups WHERE ended = 400", 380),
    ],
)
def test_an_end_that_the_tables_do_not_agree_on_is_refused(at_rest, statement, position):
    db = sqlite3.connect(at_rest)
    db.executescript(statement)
    db.close()
    with pytest.raises(JournalCorrupt) as caught:
        SqliteJournal(at_rest)
    assert caught.value.position == position
