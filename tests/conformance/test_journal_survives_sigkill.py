"""Whatever `commit` confirmed is there after SIGKILL, at any moment (design rule 4)."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from pilotfish.journal.chain import verify_chain
from pilotfish.journal.sqlite import SqliteJournal

KILLS = 12
# Writes groups of changing size, prints the head after each commit returned, and takes a snapshot now and then.
WRITER = """
import sys
from pilotfish.journal.port import RecordKind
from pilotfish.journal.sqlite import SqliteJournal

with SqliteJournal(sys.argv[1]) as journal:
    group = 0
    while True:
        for _ in range(group * 7 % 41 + 1):
            journal.append(RecordKind.EVENT, b"%d" % journal.head.position + b"." * (group * 13 % 900))
        journal.commit()
        sys.stdout.write(f"{journal.head.position} {journal.head.root.hex()}\\n")
        sys.stdout.flush()
        group += 1
        if group % 50 == 0:
            journal.snapshot(b"%d" % journal.head.position)
"""


def killed_after(path: Path, lines: int) -> list[tuple[int, str]]:
    """Run the writer, kill it once it has printed `lines` lines, and return every head it printed."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    printed = [writer.stdout.readline() for _ in range(lines)]
    os.kill(writer.pid, signal.SIGKILL)
    printed += writer.stdout.read().splitlines(keepends=True)
    writer.stdout.close()
    assert writer.wait() == -signal.SIGKILL, "it died of something else"
    heads = [line.decode().split() for line in printed if line.endswith(b"\n")]
    return [(int(position), root) for position, root in heads]


def test_every_confirmed_record_survives_sigkill_and_the_chain_holds(tmp_path):
    path, chance = tmp_path / "killed.journal", random.Random(20240501)
    confirmed = 0
    for _ in range(KILLS):
        heads = killed_after(path, chance.randrange(1, 400))
        assert heads[0][0] > confirmed, "it went on where it was, not from the start"
        with SqliteJournal(path) as journal:
            roots = {record.position + 1: record.hash.hex() for record in journal.read()}
            assert list(roots) == list(range(1, journal.head.position + 1)), "no gap"
            assert [(position, roots.get(position)) for position, _ in heads] == heads
            assert verify_chain(journal, bytes.fromhex(heads[-1][1]), at=heads[-1][0]).holds
            found, rest = journal.read_from_snapshot()
            state = 0 if found is None else int(found.payload)
            assert state + len(list(rest)) == journal.head.position
            confirmed = journal.head.position
    assert confirmed > KILLS * 100
