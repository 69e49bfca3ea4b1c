"""The file behind a journal: whose it is, who writes it, and what happens when the disk is full."""

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from pilotfish.domain.errors import JournalCorrupt, JournalError, JournalUnavailable
from pilotfish.journal.chain import GENESIS, verify_chain
from pilotfish.journal.port import Head, RecordKind
from pilotfish.journal.sqlite import SqliteJournal
from tests.conformance.journal_harness import contents, fill

EVENT = RecordKind.EVENT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a shard?#%41.journal"  # a name that a URI would read otherwise


def pragma(journal: SqliteJournal, name: str) -> object:
    return journal._file._db.execute(f"PRAGMA {name}").fetchone()[0]


def test_every_commit_is_synced_and_the_log_is_bounded(path):
    with SqliteJournal(path) as journal:
        assert pragma(journal, "journal_mode") == b"wal"
        assert pragma(journal, "synchronous") == 2, "FULL: in WAL mode SQLite then syncs the log at every commit"
        for _ in range(100):
            for _ in range(20):
                journal.append(EVENT, bytes(10_000))
            journal.commit()
        assert path.with_name(path.name + "-wal").stat().st_size < 6 * 2**20 < path.stat().st_size


def test_a_closed_journal_is_one_file(path):
    with SqliteJournal(path) as journal:
        fill(journal, 50)
    assert sorted(file.name for file in path.parent.iterdir()) == [path.name, path.name + "-lock"]
    moved = shutil.copyfile(path, path.with_name("moved"))
    with SqliteJournal(moved) as again:
        assert again.head == journal.head


def test_a_second_writer_is_told_who_has_the_journal(path):
    with SqliteJournal(path) as journal:
        with pytest.raises(JournalUnavailable, match=r"process \d+ is writing to it.*read_only=True"):
            SqliteJournal(path)
        fill(journal, 3)
    with SqliteJournal(path) as next_one:
        assert next_one.head.position == 3


def test_another_process_is_refused_too_and_under_another_name(path):
    link = path.with_name("alias")
    with SqliteJournal(path):
        link.symlink_to(path)
        code = "import sys; from pilotfish.journal.sqlite import SqliteJournal; SqliteJournal(sys.argv[1])"
        done = subprocess.run([sys.executable, "-c", code, link], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "JournalUnavailable" in done.stderr


def test_a_reader_verifies_while_the_writer_goes_on(path):
    with SqliteJournal(path) as journal:
        fill(journal, 5)
        with SqliteJournal(path, read_only=True) as reader:
            reading = reader.read()
            next(reading)
            fill(journal, 5)
            assert len(list(reading)) == 4
            assert reader.head == journal.head
            assert verify_chain(reader, journal.head.root).records == 10
            journal.snapshot(b"state")
            assert reader.latest_snapshot().payload == b"state"


@pytest.mark.parametrize("use", ["append", "commit", "snapshot"])
def test_a_reader_cannot_write(path, use):
    SqliteJournal(path).close()
    arguments = {"append": (EVENT, b"x"), "commit": (), "snapshot": (b"x",)}[use]
    with SqliteJournal(path, read_only=True) as reader, pytest.raises(JournalUnavailable, match="without read_only"):
        getattr(reader, use)(*arguments)


def test_a_journal_can_be_read_where_sqlite_has_no_room_for_its_side_files(path):
    with SqliteJournal(path) as journal:
        fill(journal, 5)
    shm = path.with_name(path.name + "-shm")
    shm.symlink_to(path.parent / "not there" / "shm")  # cannot be made, as in a folder without the right to write
    with SqliteJournal(path, read_only=True) as reader:
        assert len(contents(reader)) == 5


@pytest.mark.parametrize(("rows", "bytes_"), [(3, 2**22), (4096, 20), (1, 1)])
def test_a_long_read_is_fetched_in_chunks_without_a_seam(path, monkeypatch, rows, bytes_):
    monkeypatch.setattr("pilotfish.journal.store._CHUNK_ROWS", rows)
    monkeypatch.setattr("pilotfish.journal.store._CHUNK_BYTES", bytes_)
    with SqliteJournal(path) as journal:
        fill(journal, 10)
        assert [record.position for record in journal.read()] == list(range(10))
        assert [record.position for record in journal.read(2, 9)] == list(range(2, 9))


def make_text(path: Path) -> None:
    path.write_text("a shopping list, " * 100)


def make_foreign(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE records (position INTEGER PRIMARY KEY)")
    db.close()


def make_foreign_in_wal_mode(path: Path) -> None:
    """Another application's live database: its log must not be touched either."""
    source = path.with_name("source")
    db = sqlite3.connect(source)
    db.execute("PRAGMA journal_mode = WAL")
    with db:
        db.execute("CREATE TABLE theirs (x)")
    for tail in ("", "-wal"):
        shutil.copyfile(f"{source}{tail}", f"{path}{tail}")
    db.close()
    for left in path.parent.glob("source*"):
        left.unlink()


def make_newer(path: Path) -> None:
    SqliteJournal(path).close()
    path.with_name(path.name + "-lock").unlink()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 2")
    db.close()


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize(
    ("make", "why"),
    [
        (make_text, "not a journal"),
        (make_foreign, "another application"),
        (make_foreign_in_wal_mode, "another application"),
        (make_newer, "format 2 is not 1. use the release that wrote it"),
        (Path.mkdir, "there is no journal here"),
    ],
)
def test_a_file_that_is_not_ours_is_refused_and_left_as_it_was(path, make, why, read_only):
    make(path)
    before = {file.name: file.is_file() and file.read_bytes() for file in path.parent.iterdir()}
    with pytest.raises(JournalUnavailable, match=why):
        SqliteJournal(path, read_only=read_only)
    assert {file.name: file.is_file() and file.read_bytes() for file in path.parent.iterdir()} == before


def test_a_reader_makes_no_journal(path):
    for make in (lambda: None, path.touch):
        make()
        with pytest.raises(JournalUnavailable, match="there is no journal here"):
            SqliteJournal(path, read_only=True)
    assert not path.read_bytes()


def test_an_empty_file_becomes_a_journal_and_what_a_crash_left_half_made_is_no_obstacle(path):
    path.touch()
    path.with_name(path.name + "-new").write_bytes(b"half")
    with SqliteJournal(path) as journal:
        assert journal.head == GENESIS


def test_a_folder_that_is_not_there_is_named(path):
    with pytest.raises(JournalUnavailable, match="No such file or directory"):
        SqliteJournal(path / "deeper" / "shard.journal")


def test_a_log_without_its_journal_is_not_built_over(path):
    wal = path.with_name(path.name + "-wal")
    wal.write_bytes(b"groups that only the log has")
    with pytest.raises(JournalCorrupt, match="do not remove the log"):
        SqliteJournal(path)
    assert wal.read_bytes()
    assert not path.exists()


@pytest.mark.parametrize("text", ["DROP TABLE groups", "CREATE TRIGGER t AFTER INSERT ON records BEGIN SELECT 1; END"])
def test_tables_that_somebody_changed_are_refused(path, text):
    with SqliteJournal(path) as journal:
        fill(journal, 3)
    with sqlite3.connect(path) as db:
        db.execute(text)
    db.close()
    with pytest.raises(JournalCorrupt, match="tables are not those of a journal"):
        SqliteJournal(path)


def test_another_program_that_writes_into_the_journal_is_found_out(path):
    with SqliteJournal(path) as journal:
        fill(journal, 3)
        with sqlite3.connect(path) as db:
            db.execute("INSERT INTO records VALUES (3, 0, x'00', x'00')")
        db.close()
        journal.append(EVENT, b"ours")
        with pytest.raises(JournalCorrupt, match="another program wrote") as caught:
            journal.commit()
        assert caught.value.position == 3
        journal._buffer = []


def test_a_program_that_locks_the_journal_makes_it_unavailable_and_nothing_is_lost(path):
    with SqliteJournal(path) as journal:
        pragma(journal, "busy_timeout = 1")
        fill(journal, 3)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        journal.append(EVENT, b"kept")
        with pytest.raises(JournalUnavailable, match=r"another program has locked it.*commit again"):
            journal.commit()
        other.close()
        journal.commit()
        assert contents(journal)[3:] == [(EVENT, b"kept")]


def test_a_commit_that_is_repeated_after_an_interrupt_counts_once(path, monkeypatch):
    with SqliteJournal(path) as journal:
        fill(journal, 3)
        journal.append(EVENT, b"once")
        write = journal._file.write

        def interrupted(rows: object, head: Head) -> None:
            write(rows, head)
            raise KeyboardInterrupt

        monkeypatch.setattr(journal._file, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            journal.commit()
        monkeypatch.undo()
        journal.commit()
        assert contents(journal)[3:] == [(EVENT, b"once")]
        assert verify_chain(journal, journal.head.root).records == 4


def test_a_full_database_keeps_the_buffer_and_goes_on_when_there_is_room(path):
    with SqliteJournal(path) as journal:
        fill(journal, 3)
        pragma(journal, f"max_page_count = {pragma(journal, 'page_count')}")
        positions = [journal.append(EVENT, b"y" * 3000) for _ in range(5)]
        with pytest.raises(JournalUnavailable, match=r"the disk is full. free some space; what was not committed"):
            journal.commit()
        assert journal.head.position == 3
        assert len(contents(journal)) == 3
        with pytest.raises(JournalUnavailable, match="the disk is full"):
            journal.commit()
        pragma(journal, "max_page_count = 1000000")
        assert journal.append(EVENT, b"z") == 8
        journal.commit()
        assert [record.position for record in journal.read(3)] == [*positions, 8]
        assert verify_chain(journal).holds


FULL_DISK = """
import json, resource, sys
from pilotfish.domain.errors import JournalUnavailable
from pilotfish.journal.chain import verify_chain
from pilotfish.journal.port import RecordKind
from pilotfish.journal.sqlite import SqliteJournal

_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
journal = SqliteJournal(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
refused = ""
while not refused:
    before = journal.head.position
    positions = [journal.append(RecordKind.EVENT, bytes(90)) for _ in range(500)]
    try:
        journal.commit()
    except JournalUnavailable as bad:
        refused = str(bad)
on_disk = SqliteJournal(sys.argv[1], read_only=True).head.position
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
next_position = journal.append(RecordKind.EVENT, b"after")
journal.commit()
report = verify_chain(journal, journal.head.root)
print(json.dumps({
    "refused": refused, "before": before, "on_disk": on_disk, "last": positions[-1], "next": next_position,
    "records": report.records, "holds": report.holds,
}))
"""


def test_a_file_that_may_not_grow_loses_nothing_and_half_commits_nothing(path):
    done = subprocess.run([sys.executable, "-c", FULL_DISK, path], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert "commit again" in found["refused"]
    assert found["on_disk"] == found["before"] > 0
    assert found["next"] == found["last"] + 1 == found["before"] + 500
    assert (found["records"], found["holds"]) == (found["next"] + 1, True)


def test_a_record_larger_than_sqlite_can_keep_is_refused_before_it_is_buffered(path, monkeypatch):
    monkeypatch.setattr("pilotfish.journal.buffered.RECORD_BYTES_MAX", 100)
    with SqliteJournal(path) as journal:
        with pytest.raises(JournalError, match="101 bytes, at most 100"):
            journal.append(EVENT, bytes(101))
        assert journal.append(EVENT, bytes(100)) == 0
        journal.commit()
