"""The two chains that every contract test runs on: one in this process, and anvil where its package is installed."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from web3 import HTTPProvider, Web3
from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from pilotfish.venues.evm.local_chain import LocalChain
from pilotfish.venues.evm.local_rpc import LocalRpc

NODE_MODULES = Path(__file__).parents[2] / "contracts/node_modules"
ANVIL = NODE_MODULES / "@foundry-rs/anvil-linux-amd64/bin/anvil"
BLOCK_GAS = 30_000_000


class InnerProvider(JSONBaseProvider):
    """The chain that the package embeds, asked without a socket. Each block is a second after the last, whatever time
    it is: what a call or an estimate says of the next block is then true of it.
    """

    def __init__(self) -> None:
        super().__init__()
        began = int(time.time())
        self.chain: LocalChain | None = None
        self.chain = LocalChain(lambda: began + (len(self.chain.blocks) if self.chain else 0))
        self._rpc = LocalRpc(self.chain)

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        return self.decode_rpc_response(self._rpc.answer(self.encode_rpc_request(method, params)))


def embedded() -> Web3:
    """A fresh chain in this process."""
    return Web3(InnerProvider())


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
    web3.provider.make_request("evm_setNextBlockTimestamp", [now + seconds])
    web3.provider.make_request("evm_mine", [])
