"""A mirrored trade of the vault costs the same for one holder and for any number, and at most 220,000 gas in all."""

import pytest

from tests.contracts.chain import assert_gas, send
from tests.contracts.doubles import compiled
from tests.contracts.nodes import later
from tests.contracts.vault_system import mirrored, system
from tests.contracts.vault_world import DAY, SHARE, USDC

LINE = 220_000
HELD = {"request": 260_000, "settlement": 210_000, "claim": 120_000, "transfer": 60_000}
"""At most: an oracle's gas depends on the time."""


@pytest.fixture(scope="module")
def s(web3):
    """Every part is the real one; WETH alone may be held. The lead is the only holder, and has traded for an hour."""
    made = system(web3)
    w = made.world
    w.deposit(w.lead, 90_000 * USDC)
    later(web3, DAY + 1)
    made.next = made.settled(w.now() + 1000)
    return made


def test_200_holders_cost_a_mirror_nothing_more_than_one(web3, s):
    w = s.world
    one = mirrored(s)
    spreader = compiled(web3, "Vault.sol", "Spreader")
    w.do(w.lead, "transfer", spreader.address, 200 * SHARE)
    for first in (0, 100):
        send(web3, spreader.functions.spread(w.vault.address, first, 100, SHARE), w.eve)
    assert mirrored(s) == one
    for what, used in zip(("purchase", "sale"), one, strict=True):
        assert used <= LINE
        for holders in (1, 200):
            assert_gas("vault", f"mirrored {what}, holders: {holders}", used)


def test_to_buy_after_everything_was_sold_costs_hardly_more(s):
    """One unit stays behind, so that the token's slot is not written anew; it is held no more."""
    _, everything, again = mirrored(s, (True, 0.1), (False, 1.0), (True, 0.1))
    assert max(everything, again) <= LINE
    assert_gas("vault", "mirrored sale of everything", everything)
    assert_gas("vault", "mirrored purchase after everything was sold", again)


def test_what_holders_do_costs_what_is_written(web3, s):
    w = s.world
    w.deposit(w.ann, 1000 * USDC)
    s.fresh()
    w.deposit(w.bob, 1000 * USDC)
    later(web3, DAY + 1)
    s.fresh()
    used = {
        "request": w.request(w.ann, 500 * SHARE),
        "settlement": w.do(w.eve, "settle"),
        "claim": w.do(w.eve, "claim", w.ann),
        "transfer": w.do(w.ann, "transfer", w.bob, SHARE),
    }
    for what, mined in used.items():
        assert mined["gasUsed"] <= HELD[what], what
