"""Local chains to try things on: one that comes with the package's extra `chain`, and anvil where it is installed.

    with local_node() as node:
        node.url    # http://127.0.0.1:…, and ws:// of the same

Both are on loopback, mine each transaction as it comes, make the same ten accounts rich (`local_accounts`), keep the
rules of Prague, and end with the process that started them.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import IO, NamedTuple

from pilotfish.domain.errors import ConfigError, VenueError
from pilotfish.venues.evm.deploy.packages import anvil_path

KINDS = ("embedded", "anvil")
START_S_MAX = 30.0
_BLOCK_GAS = 30_000_000
_LISTENS = re.compile(r"Listening on 127\.0\.0\.1:(\d+)")
# The shell leaves a watcher behind, which ends the node when our end of the pipe closes: whatever way we end.
_KEPT = 'exec 3<&0; { read -r _ <&3; kill "$$"; } >/dev/null 2>&1 & exec "$@"'


class NodeFailed(VenueError):
    """A local node did not start."""


class LocalNode(NamedTuple):
    kind: str
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"


def best_kind() -> str:
    """The faster of those that can be started here."""
    return "anvil" if anvil_path() is not None else "embedded"


@contextmanager
def local_node(kind: str = "embedded", port: int = 0) -> Iterator[LocalNode]:
    """A fresh chain in a process of its own, ended afterwards. Port 0 takes a free one.

    Raises ConfigError where it cannot be started here, NodeFailed where it was and did not come up.
    """
    command = _command(kind, port)
    with subprocess.Popen(
        ["/bin/sh", "-c", _KEPT, "sh", *command],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            yield LocalNode(kind, _port_of(process, kind))
        finally:
            process.kill()


def _command(kind: str, port: int) -> list[str]:
    if kind == "embedded":
        if find_spec("eth") is None:
            raise ConfigError("the embedded chain", "is not installed", "pip install 'pilotfish[chain]'")
        return [sys.executable, "-m", "pilotfish.venues.evm.node.server", str(port)]
    if kind != "anvil":
        raise ConfigError(f"--node {kind}", "is no local chain", f"use one of {', '.join(KINDS)}")
    path = anvil_path()
    if path is None:
        raise ConfigError(
            "anvil", "is not installed", "pilotfish chain up installs it where it has a package; or --node embedded"
        )
    # Without pruning it writes gigabytes of old states.
    return [str(path), "--port", str(port), "--hardfork", "prague", "--prune-history", "10",
            "--gas-limit", str(_BLOCK_GAS)]  # fmt: skip


def _port_of(process: subprocess.Popen[str], kind: str) -> int:
    """Wait until it listens. What it says later is read and forgotten: a full pipe would stop it."""
    assert process.stdout is not None
    said: deque[str] = deque(maxlen=20)
    watch = threading.Timer(START_S_MAX, process.kill)
    watch.start()
    try:
        for line in process.stdout:
            said.append(line)
            if found := _LISTENS.search(line):
                threading.Thread(target=_drain, args=(process.stdout,), daemon=True).start()
                return int(found[1])
    finally:
        watch.cancel()
    told = "".join(said).strip() or f"it said nothing in {START_S_MAX:g} s"
    raise NodeFailed(f"the {kind} chain did not start", told[-500:], "name another port, or try the other chain")


def _drain(stream: IO[str]) -> None:
    try:
        for _ in stream:
            pass
    except ValueError:  # closed while it was read
        return
