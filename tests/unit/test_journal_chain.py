"""The chain on its own: its fixed values, and what an anchor adds to it."""

import pytest

from pilotfish.domain.errors import JournalCorrupt
from pilotfish.journal.chain import GENESIS, ChainReport, checked, link, verify_chain
from pilotfish.journal.memory import MemoryJournal
from pilotfish.journal.port import Head, Record, RecordKind


@pytest.fixture
def journal() -> MemoryJournal:
    made = MemoryJournal()
    for n in range(10):
        made.append(RecordKind.EVENT, bytes([n]))
    made.commit()
    return made


def root(journal: MemoryJournal, position: int) -> bytes:
    return journal._root_at(position)


def rewritten(journal: MemoryJournal, position: int, payload: bytes) -> MemoryJournal:
    """What somebody with the code and the file can make: another record, and every hash after it recomputed."""
    forged = MemoryJournal()
    for record in journal.read():
        forged.append(record.kind, payload if record.position == position else record.payload)
    forged.commit()
    return forged


def test_the_format_is_fixed():
    assert Head(0, bytes.fromhex("09237b8976c5505101672e94eb6d2bc05cb7967c3964d925dd7250c83db6f1b6")) == GENESIS
    first = link(GENESIS.root, RecordKind.EVENT, 0, b"pilot")
    second = link(first, RecordKind.COMMANDS, 1, b"fish")
    assert second.hex() == "5eb3cc54a0d4c73cca71f6b71aeea2875fad51ae50e6df512ca4b463673a5757"


def test_kind_and_position_and_the_record_before_are_hashed_with_the_payload():
    same = (GENESIS.root, 0, 0, b"x")
    others = [
        (bytes(32), 0, 0, b"x"),
        (GENESIS.root, 1, 0, b"x"),
        (GENESIS.root, 0, 1, b"x"),
        (GENESIS.root, 0, 0, b""),
    ]
    assert len({link(*parts) for parts in [same, *others]}) == 5


def test_the_end_of_one_record_cannot_pass_for_the_start_of_the_next():
    split = [link(link(GENESIS.root, 0, 0, a), 0, 1, b) for a, b in ((b"ab", b"c"), (b"a", b"bc"))]
    assert split[0] != split[1]


def test_an_anchor_at_the_head_holds(journal):
    report = verify_chain(journal, journal.head.root)
    assert report == ChainReport(10, journal.head.root)
    assert report.holds


@pytest.mark.parametrize("at", [0, 1, 7, 10])
def test_an_anchor_further_back_holds_while_the_journal_grows(journal, at):
    assert verify_chain(journal, root(journal, at), at).holds


def test_a_consistently_rewritten_journal_holds_until_it_meets_an_anchor(journal):
    forged = rewritten(journal, 9, b"never happened")
    assert verify_chain(forged).holds
    report = verify_chain(forged, journal.head.root)
    assert (report.holds, report.first_bad) == (False, 0)
    assert "rewritten, or another journal" in report.why
    assert verify_chain(forged, root(journal, 9), at=9).holds, "the record rewritten came after this anchor"


def test_a_journal_cut_short_holds_until_it_meets_an_anchor(journal):
    short = MemoryJournal()
    for record in journal.read(0, 6):
        short.append(record.kind, record.payload)
    short.commit()
    assert verify_chain(short).holds
    assert not verify_chain(short, journal.head.root).holds
    report = verify_chain(short, journal.head.root, at=10)
    assert (report.first_bad, report.why) == (6, "the anchor covers 10 records, the journal has 6")


@pytest.mark.parametrize("at", [None, 9])
def test_records_beyond_the_expected_root_are_named(journal, at):
    report = verify_chain(journal, root(journal, 4), at)
    assert report.first_bad == 4
    assert "after 4 records" in report.why


def test_the_root_of_an_empty_journal_vouches_for_nothing_that_follows(journal):
    assert verify_chain(MemoryJournal(), GENESIS.root).holds
    assert verify_chain(journal, GENESIS.root).first_bad == 0


def test_a_break_in_the_chain_comes_before_an_anchor_that_still_fits(journal):
    journal._records[3] = (3, 0, b"changed", journal._records[3][3])
    report = verify_chain(journal, journal.head.root)
    assert (report.first_bad, report.records) == (3, 3)


def test_a_checked_record_is_given_out_only_once_its_hash_is_right(journal):
    good = list(journal.read(0, 5))
    bad = Record(5, RecordKind.EVENT, b"\5", bytes(32))
    seen = []
    with pytest.raises(JournalCorrupt) as caught:
        seen.extend(checked([*good, bad], GENESIS))
    assert caught.value.position == 5
    with pytest.raises(JournalCorrupt, match="record 0 stands in its place"):
        list(checked(good, Head(1, good[0].hash)))
    assert list(checked(good[2:], Head(2, good[1].hash))) == good[2:]
