"""The two chains that every contract test runs on: one in this process, and anvil where its package is installed."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from web3 import EthereumTesterProvider, HTTPProvider, Web3

NODE_MODULES = Path(__file__).parents[2] / "contracts/node_modules"
ANVIL = NODE_MODULES / "@foundry-rs/anvil-linux-amd64/bin/anvil"
BLOCK_GAS = 30_000_000


def embedded() -> Web3:
    """A fresh chain.

    Loading it lifts the recursion limit to 100,000 for the whole process, with which nested JSON from outside would
    overflow the stack instead of being refused: the limit is put back.
    """
    limit = sys.getrecursionlimit()
    try:
        return Web3(EthereumTesterProvider())
    finally:
        sys.setrecursionlimit(limit)


@contextmanager
def anvil() -> Iterator[Web3]:
    """A fresh node on a port of its own, ended afterwards; it forgets old states, else they fill the disk."""
    command = [ANVIL, "--port", "0", "--hardfork", "prague", "--prune-history", "10", "--gas-limit", str(BLOCK_GAS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as node:
        try:
            assert node.stdout is not None
            said = []
            for line in node.stdout:
                said.append(line)
                if found := re.search(r"Listening on (127\.0\.0\.1:\d+)", line):
                    threading.Thread(target=node.stdout.read, daemon=True).start()  # a full pipe would stop it
                    yield Web3(HTTPProvider(f"http://{found[1]}"))
                    return
            raise RuntimeError("anvil did not start:\n" + "".join(said[-20:]))
        finally:
            node.kill()


def later(web3: Web3, seconds: int) -> None:
    """Mine a block `seconds` after the last."""
    now = web3.eth.get_block("latest")["timestamp"]
    if isinstance(web3.provider, EthereumTesterProvider):
        web3.provider.ethereum_tester.time_travel(now + seconds)
    else:
        web3.provider.make_request("evm_setNextBlockTimestamp", [now + seconds])
        web3.provider.make_request("evm_mine", [])
