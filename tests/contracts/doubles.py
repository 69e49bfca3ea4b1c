"""Stand-ins that a test needs and the package must not ship, compiled on the fly from tests/contracts/doubles/*.sol.

A stand-in names the project's sources from contracts/ (`import "src/types/IBreaker.sol"`), packages by their own names.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from web3 import Web3
from web3.contract import Contract

from tests.contracts.chain import create

FOLDER = Path(__file__).parent / "doubles"
BUILD = Path(__file__).parents[2] / "contracts/build.py"


@cache
def sources(file: str) -> dict[str, Any]:
    """Every contract of `file`, by name, compiled as the shipped ones are. AssertionError with the compiler's words."""
    spec = importlib.util.spec_from_file_location("contracts_build", BUILD)
    assert spec is not None
    assert spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    asked = {
        "language": "Solidity",
        "sources": {file: {"content": (FOLDER / file).read_text()}},
        "settings": {
            **build.SETTINGS,
            "remappings": [],
            "outputSelection": {file: {"*": ["abi", "evm.bytecode.object"]}},
        },
    }
    done = subprocess.run(
        [build.NODE, build.HERE / "solc.cjs", "--standard-json"],
        cwd=build.HERE,
        check=True,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
    )
    answer = json.loads(done.stdout)
    faults = [e["formattedMessage"] for e in answer.get("errors", []) if e["severity"] != "info"]
    assert not faults, "\n".join(faults)
    contracts: dict[str, Any] = answer["contracts"][file]
    return contracts


def compiled(web3: Web3, file: str, name: str, *args: Any) -> Contract:
    """The contract `name` of doubles/`file`, deployed with these constructor arguments."""
    made = sources(file)[name]
    return create(web3, made["abi"], "0x" + made["evm"]["bytecode"]["object"], *args)


def standing(web3: Web3, file: str, name: str, address: str) -> Contract:
    """The same where it stands already."""
    return web3.eth.contract(address=address, abi=sources(file)[name]["abi"])
