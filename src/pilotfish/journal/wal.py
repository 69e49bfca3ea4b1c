"""What SQLite's write-ahead log holds, before SQLite opens it.

SQLite replays a log up to the last group that is whole and passes over the rest without a word. Looking first tells a
group that was never finished (a crash) from one that was finished and then damaged (a failing disk, a cut file).
Format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_HEADER_BYTES, _FRAME_HEADER_BYTES = 32, 24
_WORD_ORDER = {0x377F0682: "<u4", 0x377F0683: ">u4"}
_FRAMES_AT_ONCE = 1024

Bools = NDArray[np.bool_]


class WalState(NamedTuple):
    """`unfinished`: a group that no commit ever confirmed. `damage`: why confirmed groups in it are lost, or ""."""

    unfinished: bool = False
    damage: str = ""


class _Frames(NamedTuple):
    ours: Bools  # by its salts, written since the log last started over
    right: Bools  # its checksum follows from the frame before; the salts are not part of it
    whole: Bools  # both
    last: Bools  # marks the end of a group


def inspect_wal(wal: Path) -> WalState:
    """Read-only. A log that is not there is in order. Raises OSError."""
    if not wal.exists():
        return WalState()
    with wal.open("rb") as file:
        header = file.read(_HEADER_BYTES)
        if len(header) < _HEADER_BYTES:
            return WalState(unfinished=bool(header))
        magic, _, page_bytes, _, *salts, sum0, sum1 = struct.unpack(">8I", header)
        order = _WORD_ORDER.get(magic)
        start = np.zeros((1, 2), "u4")
        if order is None or _sums(np.frombuffer(header[:24], order)[None, :], start).tolist() != [[sum0, sum1]]:
            # SQLite syncs the header before it writes the first frame: with frames behind it, it was whole once
            used = any(file.read(_FRAME_HEADER_BYTES))
            return WalState(not used, "its header is damaged" if used else "")
        parts: list[_Frames] = []
        cut = False
        seed = np.array([[sum0, sum1]], dtype="u4")
        while raw := file.read(_FRAMES_AT_ONCE * (_FRAME_HEADER_BYTES + page_bytes)):
            count, rest = divmod(len(raw), _FRAME_HEADER_BYTES + page_bytes)
            cut = raw[len(raw) - rest :][8:16] == header[16:24]
            if count:
                frames = np.frombuffer(raw[: len(raw) - rest], "u1").reshape(count, -1)
                part, seed = _check(frames, np.array(salts), order, seed)
                parts.append(part)
    if not parts:
        return WalState(unfinished=cut)
    return _judge(_Frames(*(np.concatenate(column) for column in zip(*parts, strict=True))), cut)


def _check(
    frames: NDArray[np.uint8], salts: NDArray[np.int64], order: str, seed: NDArray[np.uint32]
) -> tuple[_Frames, NDArray[np.uint32]]:
    """Each frame's checksum starts from the one stored before it, so all frames are checked at once."""
    heads = frames[:, :_FRAME_HEADER_BYTES].copy().view(">u4").astype("u4")
    words = np.concatenate([frames[:, :8], frames[:, _FRAME_HEADER_BYTES:]], axis=1).view(order)
    stored = heads[:, 4:6]
    salted = (heads[:, 2:4] == salts).all(axis=1)
    right = (_sums(words, np.concatenate([seed, stored[:-1]])) == stored).all(axis=1)
    return _Frames(salted, right, salted & right & (heads[:, 0] != 0), heads[:, 1] != 0), stored[-1:]


def _sums(words: NDArray[np.uint32], seed: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """SQLite's running checksum over each row of words, modulo 2^32."""
    columns = np.ascontiguousarray(words.T.astype("u4"))
    s0, s1 = seed[:, 0].copy(), seed[:, 1].copy()
    for i in range(0, len(columns), 2):
        s0 += columns[i] + s1
        s1 += columns[i + 1] + s0
    return np.stack([s0, s1], axis=1)


def _judge(frames: _Frames, cut: bool) -> WalState:
    whole = int(np.argmin(np.append(frames.whole, False)))  # frames in order from the start
    ends = np.flatnonzero(frames.last[:whole])
    committed = int(ends[-1]) + 1 if ends.size else 0
    if whole < frames.right.size and frames.right[whole]:
        frames.ours[whole] = True  # it follows the last whole frame: only its salts are damaged
    ours = np.flatnonzero(frames.ours)
    end = int(ours[-1]) + 1 if ours.size else 0
    # The next group starts only after the one before was confirmed: an end mark with frames after it was confirmed.
    confirmed = np.flatnonzero(frames.ours[whole : end - (not cut)] & frames.last[whole : end - (not cut)])
    if confirmed.size:
        return WalState(False, f"its frame {whole} is damaged, and finished groups follow it")
    return WalState(unfinished=end > committed or cut)
