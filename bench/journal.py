"""What the journal costs: events made durable per second, in groups and one by one, and verified again."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from pilotfish.journal.chain import verify_chain
from pilotfish.journal.port import RecordKind
from pilotfish.journal.sqlite import SqliteJournal

GROUP = 1_000  # events a commit
EVENTS = 100_000
ALONE = 2_000  # events of the baseline, one commit each
PAYLOAD_BYTES = 40  # about what a fill takes
ROUNDS = 3


def run() -> list[dict[str, object]]:
    """Rows of name, value, unit, baseline, ratio: medians of `ROUNDS`, on the disk of the temporary folder.

    The baseline of writing is one synced commit for each event, on the same disk in the same run; that of verifying is
    writing in groups. A disk that only claims to sync makes the baseline look better than it is.
    """
    rounds = [_round() for _ in range(ROUNDS)]
    alone, grouped, verified = (median(column) for column in zip(*rounds, strict=True))
    return [
        _row(f"journal write, {GROUP} events a commit", grouped, alone),
        _row("journal verify", verified, grouped),
    ]


def _row(name: str, value: float, baseline: float) -> dict[str, object]:
    return {
        "name": name,
        "value": round(value),
        "unit": "events/s",
        "baseline": round(baseline),
        "ratio": round(value / baseline, 2),
    }


def _round() -> tuple[float, float, float]:
    """Events per second: one event a commit, `GROUP` events a commit, verified."""
    with tempfile.TemporaryDirectory() as folder:
        alone, _ = _write(Path(folder, "alone.journal"), ALONE, 1)
        grouped, path = _write(Path(folder, "grouped.journal"), EVENTS, GROUP)
        with SqliteJournal(path, read_only=True) as journal:
            began = perf_counter()
            report = verify_chain(journal)
            took = perf_counter() - began
    if report.records != EVENTS or not report.holds:
        raise AssertionError(f"the journal that was measured does not hold: {report}")
    return alone, grouped, EVENTS / took


def _write(path: Path, events: int, group: int) -> tuple[float, Path]:
    payload = bytes(range(PAYLOAD_BYTES))
    with SqliteJournal(path) as journal:
        began = perf_counter()
        for _ in range(events // group):
            for _ in range(group):
                journal.append(RecordKind.EVENT, payload)
            journal.commit()
        took = perf_counter() - began
    return events / took, path
