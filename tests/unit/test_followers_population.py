"""The seeded population that stands in for a followers file."""

from itertools import pairwise

import numpy as np
import pytest

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.mandate import NO_LIMIT, Sizing, Start
from pilotfish.worlds.followers import assumptions, random_population
from pilotfish.worlds.population import USDC


def test_the_follows_of_a_lead_are_contiguous() -> None:
    assert all(a <= b for a, b in pairwise(random_population(200, 5, 1).follows.lead.tolist()))


def test_a_seed_gives_one_population_and_another_seed_another() -> None:
    a, b, c = random_population(500, 3, 7), random_population(500, 3, 7), random_population(500, 3, 8)
    assert all((x == y).all() for x, y in zip(a.follows.columns().values(), b.follows.columns().values(), strict=True))
    assert (a.delays_ns == b.delays_ns).all()
    assert not np.array_equal(np.sort(a.follows.allocation), np.sort(c.follows.allocation))


def test_the_population_is_what_its_figures_say() -> None:
    n, figures = 20_000, {name: f["value"] for name, f in assumptions().items()}
    p = random_population(n, 4, 3, symbols=["BTC", "ETH"])
    capital = np.bincount(p.follows.follower, weights=p.follows.allocation) / USDC
    assert np.median(capital) == pytest.approx(figures["followers.capital_median"], rel=0.05)
    assert np.log(capital).std() == pytest.approx(figures["followers.capital_sigma"], rel=0.05)
    assert capital.min() >= figures["followers.capital_min"]
    assert capital.max() <= figures["followers.capital_max"]
    delays_ms = p.delays_ns / 1e6
    assert np.median(delays_ms) == pytest.approx(figures["followers.delay_median"], rel=0.05)
    assert np.percentile(delays_ms, 99) == pytest.approx(figures["followers.delay_p99"], rel=0.08)
    leads_each = np.bincount(p.follows.follower)
    for leads, name in ((1, "one_lead_share"), (2, "two_leads_share"), (3, "three_leads_share")):
        assert (leads_each == leads).mean() == pytest.approx(figures[f"followers.{name}"], abs=0.02)
    f = p.follows
    for column, value, name in (
        (f.sizing, Sizing.FIXED_RATIO, "fixed_ratio_share"),
        (f.start, Start.EXISTING, "existing_share"),
        (f.rule > 0, True, "deny_share"),
        (f.order_cap < NO_LIMIT, True, "capped_share"),
    ):
        assert (column == value).mean() == pytest.approx(figures[f"followers.{name}"], abs=0.02)


@pytest.mark.parametrize("leads", [1, 2, 3, 10])
def test_no_follower_follows_a_lead_twice_and_no_lead_is_forgotten(leads) -> None:
    p = random_population(3_000, leads, 5)
    pairs = list(zip(p.follows.follower.tolist(), p.follows.lead.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    assert set(p.follows.lead.tolist()) == set(range(leads))
    assert set(p.follows.follower.tolist()) == set(range(3_000))


def test_a_fixed_ratio_asks_for_about_what_proportional_would() -> None:
    equity = [50_000 * USDC, 40_000_000 * USDC]
    f = random_population(5_000, 2, 9, lead_equity=equity).follows
    fixed = (f.sizing == Sizing.FIXED_RATIO) & (f.allocation > 100 * USDC)
    relative = (f.value / 1e9 / (f.allocation / np.array(equity)[f.lead]))[fixed]
    assert relative.min() >= 0.49
    assert relative.max() <= 1.51


@pytest.mark.parametrize(("count", "leads", "equity"), [(0, 1, None), (1, 0, None), (1, 2, [1]), (1, 1, [0])])
def test_an_impossible_population_is_refused(count, leads, equity) -> None:
    with pytest.raises(ConfigError, match="not possible"):
        random_population(count, leads, 0, lead_equity=equity)


def test_every_assumption_has_a_value_a_unit_and_a_source() -> None:
    for figure in assumptions().values():
        assert set(figure) == {"value", "unit", "source"}
        assert figure["unit"]
        assert figure["source"].startswith("assumed")
