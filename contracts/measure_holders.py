"""Gas of a mirrored trade of a vault with 1, 200 and 32,000 holders, each really holding shares with a mark of its own.

python contracts/measure_holders.py            measure on anvil; exit 1 where contracts/gas/vault.json says otherwise
python contracts/measure_holders.py --write    write the figures there
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from pilotfish.venues.evm.deploy.packages import anvil_path  # noqa: E402
from tests.contracts.chain import send  # noqa: E402
from tests.contracts.doubles import compiled  # noqa: E402
from tests.contracts.nodes import anvil, later  # noqa: E402
from tests.contracts.vault_system import mirrored, system  # noqa: E402
from tests.contracts.vault_world import DAY, SHARE, USDC  # noqa: E402

HELD = ROOT / "contracts/gas/vault.json"
AT_ONCE = 250
"""Holders that one transaction takes in: within 16,777,216 gas (EIP-7825)."""


def measured() -> dict[str, int]:
    figures = {}
    with anvil() as web3:
        s = system(web3)
        w = s.world
        w.deposit(w.lead, 90_000 * USDC)
        spreader = compiled(web3, "Vault.sol", "Spreader")
        later(web3, DAY + 1)
        w.do(w.lead, "transfer", spreader.address, 32_000 * SHARE)
        s.next = s.settled(w.now() + 1000)
        begun, there = time.monotonic(), 0
        for holders in (1, 200, 32_000):
            while there < holders - 1:
                more = min(AT_ONCE, holders - 1 - there)
                send(web3, spreader.functions.spread(w.vault.address, there, more, SHARE), w.eve)
                there += more
            purchase, sale = mirrored(s)
            figures[f"mirrored purchase, holders: {holders:,}"] = purchase
            figures[f"mirrored sale, holders: {holders:,}"] = sale
        print(f"{there:,} holders taken in, {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return figures


def main() -> None:
    if anvil_path() is None:
        raise SystemExit("anvil has no package for this machine: 32,000 holders take too long without it")
    figures, held = measured(), json.loads(HELD.read_text())
    if "--write" in sys.argv:
        HELD.write_text(json.dumps({**held, **figures}, indent=2, sort_keys=True) + "\n")
    for what, used in figures.items():
        print(f"{used:>8,} {what}")
    moved = [what for what, used in figures.items() if "--write" not in sys.argv and held.get(what) != used]
    if moved:
        raise SystemExit(f"not what contracts/gas/vault.json says: {', '.join(moved)}")


if __name__ == "__main__":
    main()
