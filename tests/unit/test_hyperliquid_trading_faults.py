"""Whatever goes wrong on the way and at the venue: what we were told is what the venue did, to the lot."""

import pytest

from tests.unit.hyperliquid_market import VENUE, WAY, Market


@pytest.mark.parametrize("separate", [0, 14])
@pytest.mark.parametrize(("seed", "rates"), [(1, {}), (2, WAY), (3, VENUE), (4, WAY | VENUE), (5, WAY | VENUE)])
def test_what_was_told_is_what_the_venue_did(seed, rates, separate) -> None:
    market = Market(seed, rates, separate)
    market.run(40, trades=True)
    injected = market.faults.injected.total()
    market.end()
    assert market.audit() == []
    assert sum(map(len, market.fills.values())) + sum(map(len, market.results.values())) > 20
    assert (injected > 10) is bool(rates)


def test_the_auditor_notices_a_fill_that_was_not_told() -> None:
    market = Market(1, {})
    market.run(20, trades=True)
    market.end()
    filled = next(coid for coid, fills in market.fills.items() if fills)
    market.fills[filled].popitem()
    assert any(text.startswith(f"{filled} traded") for text in market.audit())


@pytest.mark.parametrize("separate", [0, 14])
@pytest.mark.parametrize(("seed", "rates"), [(7, {}), (8, WAY | VENUE)])
def test_a_restart_in_the_middle_loses_nothing(seed, rates, separate) -> None:
    market = Market(seed, rates, separate)
    for _ in range(3):
        market.run(15, trades=True)
        market.restart()
    market.end()
    assert market.audit() == []


def test_a_shutdown_in_the_middle_leaves_nothing_open_at_the_venue() -> None:
    market = Market(6, {})
    market.run(30, trades=True)
    market.venue.stop()
    market.run(15, trades=False)
    assert market.session.stopped
    [account] = market.accounts
    open_ = [one for one in market.twin.orders_of(account.address) if one.status == "open"]
    assert open_ == []
