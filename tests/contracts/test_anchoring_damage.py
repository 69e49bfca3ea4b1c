"""One flipped byte anywhere in a journal: it is found and placed, or it was none of the records' bytes."""

import asyncio
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pilotfish.domain.errors import PilotfishError
from pilotfish.journal.sqlite import SqliteJournal
from pilotfish.worlds.onchain.publishing import Publisher
from pilotfish.worlds.onchain.verifying import Question
from tests.contracts.chain import deploy
from tests.contracts.onlooker import Web3Node
from tests.contracts.test_anchoring_publishing import Unlocked
from tests.contracts.test_anchoring_verify import tell, verify


def records(path):
    with SqliteJournal(path, read_only=True) as journal:
        return list(journal.read())


@pytest.fixture(scope="module")
def standing(web3, tmp_path_factory):
    path = tmp_path_factory.mktemp("standing") / "journal.db"
    sender = Unlocked(web3, number=3)
    anchor = deploy(web3, "Anchor").address
    publisher = Publisher(path, Web3Node(web3), anchor, sender)
    tell(path, after_each=lambda: asyncio.run(publisher.round()))
    return path, Question(anchor, sender.address), records(path)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found_or_changes_no_record(web3, standing, tmp_path, where, bit):
    path, question, whole = standing
    copy = tmp_path / "journal.db"
    shutil.copy(path, copy)
    raw = bytearray(path.read_bytes())
    raw[int(where * len(raw))] ^= 1 << bit
    copy.write_bytes(raw)
    try:
        holds, told = verify(web3, copy, question)
    except PilotfishError:
        return
    if holds:
        assert records(copy) == whole
    else:
        assert "DOES NOT HOLD at record" in told


def test_each_record_that_is_changed_is_named_and_what_was_anchored_before_it_still_stands(web3, standing, tmp_path):
    path, question, whole = standing
    for record in whole[::5]:
        copy = tmp_path / f"{record.position}.db"
        raw = path.read_bytes()
        at = raw.index(record.payload)
        copy.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        holds, told = verify(web3, copy, question)
        assert not holds
        changed = next(r.position for r in whole if r.payload == record.payload)
        assert f"DOES NOT HOLD at record {changed}" in told
        assert "on chain: batch" not in told, "the chain does not contradict what is still whole"
