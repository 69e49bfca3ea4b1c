"""What can be told from SQLite's log alone, held against what SQLite itself makes of it."""

import sqlite3
from pathlib import Path

import pytest

from pilotfish.journal.wal import WalState, inspect_wal

HEADER, FRAME_HEADER, PAGE = 32, 24, 4096
FRAME = FRAME_HEADER + PAGE
IN_ORDER, UNFINISHED = WalState(False, ""), WalState(True, "")


@pytest.fixture
def log(tmp_path: Path) -> bytes:
    """The log of ten small transactions."""
    db = sqlite3.connect(tmp_path / "source", isolation_level=None)
    db.execute(f"PRAGMA page_size = {PAGE}")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB)")
    for _ in range(10):
        db.execute("INSERT INTO t (b) VALUES (randomblob(6000))")
    raw = (tmp_path / "source-wal").read_bytes()
    db.close()
    return raw


@pytest.fixture
def judged(tmp_path: Path):
    def judge(raw: bytes) -> WalState:
        (tmp_path / "a-wal").write_bytes(raw)
        return inspect_wal(tmp_path / "a-wal")

    return judge


def ends_of(raw: bytes) -> list[int]:
    """Where in the file each transaction ends."""
    starts = range(HEADER, len(raw), FRAME)
    return [start + FRAME for start in starts if int.from_bytes(raw[start + 4 : start + 8], "big")]


def test_no_log_an_empty_one_and_a_whole_one_are_in_order(tmp_path, log, judged):
    assert inspect_wal(tmp_path / "nothing-wal") == IN_ORDER
    assert judged(b"") == IN_ORDER
    assert judged(log) == IN_ORDER
    assert len(ends_of(log)) == 11, "the table and ten rows"


@pytest.mark.parametrize("length", [1, HEADER - 1, HEADER + 16, HEADER + FRAME - 1])
def test_a_log_that_ends_in_its_header_or_its_first_frame_is_unfinished(log, judged, length):
    assert judged(log[:length]) == UNFINISHED


def test_a_log_that_ends_with_a_transaction_is_in_order_and_any_other_end_is_unfinished(log, judged):
    for end in ends_of(log):
        assert judged(log[:end]) == IN_ORDER
        for beyond in (16, FRAME_HEADER, 1000, FRAME - 1, FRAME, FRAME + 50):
            cut = log[: end + beyond]
            assert judged(cut) == (UNFINISHED if len(cut) > end and len(cut) not in ends_of(log) else IN_ORDER)


def test_a_header_that_was_never_synced_is_unfinished_and_one_with_frames_behind_it_is_damaged(log, judged):
    bad = bytes([log[0] ^ 1]) + log[1:HEADER]
    assert judged(bad) == judged(bytes(HEADER)) == judged(bytes(HEADER + 2 * FRAME)) == UNFINISHED
    assert "header is damaged" in judged(bad + log[HEADER:]).damage


@pytest.mark.parametrize("offset", [0, 5, 9, 17, FRAME_HEADER, FRAME - 1])
def test_a_changed_frame_is_damage_when_a_confirmed_transaction_is_lost_with_it(log, judged, offset):
    ends = ends_of(log)
    for start in range(HEADER, len(log), FRAME):
        at = start + offset
        found = judged(log[:at] + bytes([log[at] ^ 4]) + log[at + 1 :])
        if start < ends[-2]:
            assert found.damage
        else:  # nobody can say whether the last one was confirmed, unless a false end mark gives the damage away
            assert found == UNFINISHED or (offset == 5 and found.damage)


def test_frames_of_an_older_run_of_the_log_are_not_looked_at(log, judged):
    older = bytearray(log[HEADER : HEADER + 3 * FRAME])
    for n in range(3):
        older[n * FRAME + 8] ^= 0xFF  # another salt
    assert judged(log + bytes(older)) == IN_ORDER


@pytest.mark.parametrize("cut", [0, 1, 5000, 3 * FRAME])
def test_sqlite_reads_as_many_rows_as_were_found_whole(tmp_path, log, judged, cut):
    raw = log[: len(log) - cut]
    ends = [end for end in ends_of(log) if end <= len(raw)]
    (tmp_path / "copy").write_bytes((tmp_path / "source").read_bytes()[:PAGE])
    (tmp_path / "copy-wal").write_bytes(raw)
    db = sqlite3.connect(tmp_path / "copy")
    pages = int.from_bytes(raw[ends[-1] - FRAME + 4 : ends[-1] - FRAME + 8], "big")
    assert db.execute("PRAGMA page_count").fetchone() == (pages,)
    db.close()
