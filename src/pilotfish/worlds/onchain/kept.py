"""The figures of each batch as their publisher kept them, beside the journal in `<journal>.anchors`.

A mere cache, one line a batch: all of it can be computed again from the journal. It serves to say which figure differs
where one does. What of it is damaged is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.proof.figures import UNITS, Figure
from pilotfish.venues.evm.wire.abi import WORD


class _Line(msgspec.Struct):
    records: int
    figures: list[tuple[str, str, str]]  # kind, subject (hexadecimal), value (decimal: JSON's numbers may be floats)


def kept_path(journal: Path) -> Path:
    return journal.with_name(journal.name + ".anchors")


def read_kept(journal: Path) -> dict[int, list[Figure]]:
    """By records. Empty where there is no such file."""
    try:
        lines = kept_path(journal).read_bytes().splitlines()
    except OSError:
        return {}
    kept: dict[int, list[Figure]] = {}
    for raw in lines:
        try:
            line = msgspec.json.decode(raw, type=_Line)
            kept[line.records] = [_figure(*each) for each in line.figures]
        except (msgspec.MsgspecError, ValueError, RecursionError):
            continue
    return kept


def keep(journal: Path, figures: Mapping[int, Sequence[Figure]]) -> None:
    """Write the figures of every batch, in place of what is there. Raises ConfigError where that cannot be done."""
    path = kept_path(journal)
    lines = [
        msgspec.json.encode(_Line(records, [(f.kind, f.subject.hex(), str(f.value)) for f in told]))
        for records, told in sorted(figures.items())
    ]
    fresh = path.with_name(path.name + "-new")
    try:
        fresh.write_bytes(b"".join(line + b"\n" for line in lines))
        fresh.replace(path)
    except OSError as bad:
        raise ConfigError(str(path), f"cannot be written ({bad.strerror})", "check the folder and its rights") from bad


def _figure(kind: str, subject: str, value: str) -> Figure:
    """Raises ValueError where it is none."""
    figure = Figure(kind, bytes.fromhex(subject), int(value))
    if kind not in UNITS or len(figure.subject) != WORD or not -(2**255) <= figure.value < 2**255:
        raise ValueError("no figure")
    return figure
