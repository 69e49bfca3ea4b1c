"""A desk's wallets, by lead: read once, then only what is new, and never taken from a log that says something else."""

import asyncio

import pytest

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.deploy.record import Record, Step
from pilotfish.venues.evm.eyes import NoAnswer
from pilotfish.venues.evm.watch.reading import OPENED
from pilotfish.worlds.onchain.relay_places import Wallets

DESK, BEGAN = "0x" + "d0" * 20, 100
LEAD, OTHER = ("0x" + digit * 40 for digit in "12")


def word(address: str) -> str:
    return "0x" + address[2:].rjust(64, "0")


def wallet(number: int) -> str:
    return f"0x{number:040x}"


def opened(number: int, lead: str = LEAD) -> dict[str, object]:
    return {"topics": [OPENED, word(wallet(9_000 + number)), word(lead)], "data": word(wallet(number))}


class Chain:
    """A node that has so many blocks, and logs in some of them."""

    name = "a node"

    def __init__(self) -> None:
        self.head, self.logs, self.asked = BEGAN, {}, []

    async def ask(self, method, params):
        if method == "eth_blockNumber":
            return hex(self.head)
        first, last = (int(params[0][end], 16) for end in ("fromBlock", "toBlock"))
        self.asked.append((first, last))
        return [log for block, log in sorted(self.logs.items()) if first <= block <= last]


def record(**fields) -> Record:
    step = Step(plan="", transaction="", raw="", nonce=0, address=DESK, block=BEGAN, done=True)
    return Record(chain_id=1, genesis="0x", deployer="0x", **{"steps": {"CopyDesk": step}} | fields)


def test_wallets_are_told_by_lead_and_only_new_blocks_are_read_again():
    chain = Chain()
    wallets = Wallets(chain, record())
    chain.head, chain.logs = 1_000, {120: opened(1), 150: opened(2, OTHER), 990: opened(3)}
    assert asyncio.run(wallets.look()) == {LEAD: (wallet(1), wallet(3)), OTHER: (wallet(2),)}
    chain.head, chain.logs[1_005] = 1_010, opened(4)
    assert asyncio.run(wallets.look())[LEAD] == (wallet(1), wallet(3), wallet(4))
    assert chain.asked == [(BEGAN, 1_000), (937, 1_010)], "the last blocks once more: they may have been replaced"


def test_a_wallet_that_moves_to_another_block_is_one_wallet():
    chain = Chain()
    wallets = Wallets(chain, record())
    chain.head, chain.logs = 200, {199: opened(1), 200: opened(2)}
    asyncio.run(wallets.look())
    chain.head, chain.logs = 203, {200: opened(2), 203: opened(1)}
    assert asyncio.run(wallets.look()) == {LEAD: (wallet(1), wallet(2))}


@pytest.mark.parametrize(
    "log",
    [
        {"topics": [OPENED, word(LEAD)], "data": word(LEAD)},
        {"topics": "none", "data": word(LEAD)},
        {"topics": [OPENED, word(LEAD), "0x12"], "data": word(LEAD)},
        {"topics": [OPENED, word(LEAD), word(LEAD)], "data": "0x"},
        ["no log"],
    ],
)
def test_a_node_that_says_something_else_is_no_answer(log):
    chain = Chain()
    chain.logs = {BEGAN: log}
    with pytest.raises(NoAnswer):
        asyncio.run(Wallets(chain, record()).look())


def test_a_deployment_without_a_desk_is_refused():
    with pytest.raises(ConfigError, match="no CopyDesk"):
        Wallets(Chain(), record(steps={}))
