"""One writer per journal: an flock on a file beside it, which the kernel lets go of when the process dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from pilotfish.domain.errors import JournalUnavailable


class WriterLock:
    """Held from construction to `release`. Raises JournalUnavailable, naming the holder, when it is taken."""

    def __init__(self, journal: Path) -> None:
        path = journal.with_name(journal.name + "-lock")
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as bad:
            raise JournalUnavailable(str(journal), f"{path.name}: {bad.strerror}", "check the folder") from bad
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as bad:
            holder = os.read(self._fd, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._fd)
            if not isinstance(bad, BlockingIOError):
                raise JournalUnavailable(str(journal), f"cannot be locked: {bad.strerror}", "use a local disk") from bad
            raise JournalUnavailable(
                str(journal), f"process {holder} is writing to it", "stop that process, or open it with read_only=True"
            ) from bad
        with contextlib.suppress(OSError):  # who holds it is for people; on a full disk the lock holds all the same
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._fd)
