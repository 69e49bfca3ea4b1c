"""Recorded accounts in, `Recording`s out: what a lead trader did, in the engine's own integers.

    from pilotfish.venues.recordings import read_recordings
    for recording in read_recordings([Path("fills.json.gz")]): ...

Files are known by their content. Bad rows become issues with file, line, column and remedy; the good rows around them
count.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pilotfish.domain.errors import RecordingError
from pilotfish.venues.recordings.copies import CopyObservation, lead_orders, never_copied, real_copies
from pilotfish.venues.recordings.detect import UNKNOWN, detect, known_shapes
from pilotfish.venues.recordings.rows import Issues
from pilotfish.venues.recordings.source import damaged_lines, expand, load
from pilotfish.venues.recordings.types import (
    Accounts,
    AccountSummary,
    ChainBreak,
    FundingRow,
    LedgerRow,
    Recording,
    Settlement,
)

__all__ = [
    "AccountSummary",
    "ChainBreak",
    "CopyObservation",
    "FundingRow",
    "LedgerRow",
    "Recording",
    "RecordingError",
    "Settlement",
    "known_shapes",
    "lead_orders",
    "never_copied",
    "read_recordings",
    "real_copies",
]


def read_recordings(paths: Sequence[Path], *, strict: bool = False, accounts: Accounts = 1) -> list[Recording]:
    """One `Recording` for each file and account asked for: the first `accounts` by traded value, or those named.

    A folder stands for the files in it. Nothing is skipped silently: a file that holds no account's trades, or that
    nobody knows, is an empty recording whose notes (in a folder) or issues (when it was named) say so. Raises
    RecordingError for the first issue when `strict`, and never otherwise.
    """
    return [recording for path, scanned in expand(paths) for recording in _read(path, scanned, strict, accounts)]


def _read(path: Path, scanned: bool, strict: bool, accounts: Accounts) -> list[Recording]:
    issues = Issues(path.name, strict)
    source = load(path, issues)
    if source is None:
        return [Recording("", "", path.name, UNKNOWN, issues=issues.found)]
    verdict = detect(source)
    if verdict.read is not None:
        return verdict.read(source, issues, accounts)
    empty = Recording("", "", path.name, verdict.shape, issues=issues.found, notes=[verdict.why])
    if verdict.shape == UNKNOWN:
        remedy = f"known shapes: {', '.join(known_shapes())}"
        if damage := damaged_lines(source.text):
            issues.add(0, "", f"{damage} lines are not UTF-8", "save the file as UTF-8")
        if scanned:
            empty.notes.append(remedy)
        else:
            issues.add(1, "", verdict.why, remedy)
    return [empty]
