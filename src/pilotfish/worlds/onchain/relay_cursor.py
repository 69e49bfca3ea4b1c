"""How far a relayer has come, in a file beside the deployment: a restart goes on there, and repeats nothing.

`block`: every swap up to it is known, and every mirror of one is over. `over`: the leads' transactions of the last
blocks before it and after it that need nothing more; so many blocks are read again, should some have been replaced.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.deploy.record import Record
from pilotfish.venues.evm.relay.relayer import Relayer
from pilotfish.venues.evm.relay.sending import Relayed, State, all_over

AGAIN_BLOCKS = 64


class Cursor(msgspec.Struct):
    """`genesis`: of the chain, and `executor`: of the deployment that it belongs to. `first`: the block that the first
    run began with; what leads did before it was never to be mirrored.
    """

    genesis: str
    executor: str
    first: int = -1
    block: int = -1
    over: dict[str, tuple[int, int]] = {}

    @property
    def since(self) -> int:
        """The first block to be looked at; -1: from now on."""
        return max(1, self.first, self.block + 1 - AGAIN_BLOCKS) if self.block >= 0 else -1

    def remind(self, relayer: Relayer) -> None:
        """Tell a new relayer what is over."""
        for transaction, (block, state) in self.over.items():
            relayer.relayed[transaction] = [Relayed("", "", transaction, 0, State(state), block=block)]

    def advance(self, relayer: Relayer) -> bool:
        """Note how far it has come; whether that is further than before."""
        block = relayer.settled_to
        if block <= self.block:
            return False
        self.first = self.first if self.first >= 0 else block
        self.block = block
        self.over = {
            name: (batches[0].block, int(batches[0].state))
            for name, batches in relayer.relayed.items()
            if all_over(batches) and batches[0].transaction and batches[0].block > block - AGAIN_BLOCKS
        }
        return True


def cursor_path(deployment: Path, key: str) -> Path:
    """One for each key that relays."""
    return deployment.with_name(f"relay-{key.lower()[2:10]}.json")


def read_cursor(path: Path, record: Record, executor: str) -> Cursor:
    """A new one where there is no file. Raises ConfigError for a file that is damaged, or another deployment's."""
    try:
        cursor = msgspec.json.decode(path.read_bytes(), type=Cursor)
        states = {int(state) for state in State}
        sound = all(state in states for _, state in cursor.over.values())
    except FileNotFoundError:
        return Cursor(record.genesis, executor)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as bad:
        raise ConfigError(f"{path}", f"is no cursor ({str(bad)[:200]})", _AWAY) from None
    if not sound or (cursor.genesis, cursor.executor) != (record.genesis, executor):
        raise ConfigError(f"{path}", "belongs to another deployment", _AWAY)
    return cursor


def write_cursor(path: Path, cursor: Cursor) -> None:
    """All or nothing. Raises ConfigError."""
    whole = path.with_suffix(".new")
    try:
        with whole.open("wb") as file:
            file.write(msgspec.json.encode(cursor))
            file.flush()
            os.fsync(file.fileno())
        whole.replace(path)
    except OSError as bad:
        raise ConfigError(f"{path}", f"cannot be written ({bad.strerror})", "check the folder and its rights") from None


_AWAY = "move it away, and say with --since from which block on swaps are to be looked for"
