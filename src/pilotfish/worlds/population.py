"""Followers as a world starts with them: a file's, or a seeded population where nobody gave one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray

from pilotfish.domain.arith import Ints, mul, muldiv_floor
from pilotfish.domain.errors import ConfigError, FollowersError
from pilotfish.domain.mandate import NO_LIMIT, RATIO_UNIT, Follows, Minimum, Sizing, Start, SymbolRule
from pilotfish.domain.mandate_checks import check_follows

MONEY_DECIMALS = 6  # USDC
USDC = 10**MONEY_DECIMALS
MS = 1_000_000
LEAD_EQUITY = 1_000_000 * USDC
CAPITAL_MEDIAN = 1_000.0
CAP_MIN = 12 * USDC  # nobody sets a cap below the venues' minimum order: nothing would ever trade
_Z99 = 2.3263478740408408  # 99th percentile of the standard normal


class Assumption(TypedDict):
    """One assumed figure, as `report.model` holds them."""

    value: float | str
    unit: str
    source: str


class Population(NamedTuple):
    """Who follows. `follows.follower` indexes `delays_ns` and `names`; `issues` are the rows that were refused.

    Follows of one lead are contiguous, leads in order: the fan-out is fastest on ranges.
    """

    follows: Follows
    delays_ns: Ints  # median delay of each follower's orders, on top of nothing else
    names: list[str]
    issues: list[FollowersError]


_ORDER = "assumed: the order of magnitude that copy-trading platforms show, no recording says it"
_MIX = "assumed: a mix that reaches every branch of the mandate"
POPULATION: dict[str, Assumption] = {
    "followers.capital_median": {"value": 1_000, "unit": "USDC", "source": _ORDER},
    "followers.capital_sigma": {"value": 1.2, "unit": "of ln(USDC)", "source": _ORDER},
    "followers.capital_min": {"value": 50, "unit": "USDC", "source": _ORDER},
    "followers.capital_max": {"value": 1_000_000, "unit": "USDC", "source": _ORDER},
    "followers.one_lead_share": {"value": 0.6, "unit": "of followers", "source": _MIX},
    "followers.two_leads_share": {"value": 0.25, "unit": "of followers, 60/40", "source": _MIX},
    "followers.three_leads_share": {"value": 0.15, "unit": "of followers, 40/30/30", "source": _MIX},
    "followers.fixed_ratio_share": {"value": 0.2, "unit": "of follows", "source": _MIX},
    "followers.fixed_ratio_spread": {"value": 0.5, "unit": "± of the proportional ratio", "source": _MIX},
    "followers.capped_share": {"value": 0.5, "unit": "of follows, for each of the three caps", "source": _MIX},
    "followers.existing_share": {"value": 0.15, "unit": "of follows", "source": _MIX},
    "followers.deny_share": {"value": 0.1, "unit": "of follows, if symbols are given", "source": _MIX},
    "followers.delay_median": {"value": 250, "unit": "ms", "source": "assumed: the flash-sync goal of 250 ms"},
    "followers.delay_p99": {
        "value": 900,
        "unit": "ms",
        "source": "assumed for followers: Hyperliquid publishes it for orders",
    },
}

OPEN_BPS = (25, 50, 100)
EXIT_BPS = (100, 300, 500)
LEVERAGE_E2 = (300, 500, 1_000, 2_000)
ORDER_SHARES = (20, 50, 100)  # % of the allocation; caps of an order, a position, and all positions together
POSITION_SHARES = (100, 200, 300)
TOTAL_SHARES = (300, 500, 1_000)


def assumptions(capital_median: float = CAPITAL_MEDIAN) -> dict[str, Assumption]:
    """Every figure of `random_population`, name → {value, unit, source}, for `report.model`."""
    classes: dict[str, tuple[tuple[int, ...], str]] = {
        "followers.slippage_open_classes": (OPEN_BPS, "bps, 30/50/20 %"),
        "followers.slippage_exit_classes": (EXIT_BPS, "bps, 30/50/20 %"),
        "followers.max_leverage_classes": (LEVERAGE_E2, "hundredths, equally likely"),
        "followers.max_order_classes": (ORDER_SHARES, "% of the allocation, equally likely, at least 12 USDC"),
        "followers.max_position_classes": (POSITION_SHARES, "% of the allocation, equally likely, at least 12 USDC"),
        "followers.max_total_classes": (TOTAL_SHARES, "% of the allocation, equally likely, at least 12 USDC"),
    }
    more: dict[str, Assumption] = {
        name: {"value": "/".join(map(str, values)), "unit": unit, "source": _MIX}
        for name, (values, unit) in classes.items()
    }
    scaled = {
        f"followers.{name}": {
            **POPULATION[f"followers.{name}"],
            "value": _figure(name) * capital_median / CAPITAL_MEDIAN,
        }
        for name in ("capital_median", "capital_min", "capital_max")
    }
    return POPULATION | more | scaled  # type: ignore[return-value]


def random_population(
    count: int,
    leads: int,
    seed: int,
    *,
    lead_equity: Sequence[int] | None = None,
    symbols: Sequence[str] = (),
    capital_median: float = CAPITAL_MEDIAN,
) -> Population:
    """`count` followers of `leads` lead traders, the same for the same arguments; figures in `assumptions()`.

    `lead_equity`: money units per lead, to choose sane fixed ratios by (a million USDC each when not given). Each
    denying follow denies one of `symbols`. `capital_median` (USDC) scales everybody's capital. Raises ConfigError for a
    count below 1, no lead, an equity below 1, or an impossible capital.
    """
    equity = np.array([LEAD_EQUITY] * leads if lead_equity is None else lead_equity, dtype=np.int64)
    if count < 1 or leads < 1 or equity.size != leads or int(equity.min()) < 1:
        raise ConfigError(
            f"a population of {count} followers, {leads} leads, {equity.size} equities",
            "is not possible",
            "give at least one follower, one lead, and a positive equity for each lead",
        )
    rng = np.random.default_rng(seed)
    capital = _capital(rng, count, capital_median)
    follower, lead, allocation = _portfolios(rng, capital, leads)
    order = np.lexsort((follower, lead))
    follower, lead, allocation = follower[order], lead[order], allocation[order]
    sigma = math.log(_figure("delay_p99") / _figure("delay_median")) / _Z99
    delays = np.rint(_figure("delay_median") * MS * np.exp(sigma * rng.standard_normal(count))).astype(np.int64)
    follows = _mandates(rng, follower, lead, allocation, equity[lead], symbols)
    check_follows(follows)
    width = len(str(count))
    return Population(follows, delays, [f"follower-{k + 1:0{width}}" for k in range(count)], [])


def split(capital: int, weights: Sequence[tuple[int, int]]) -> list[int]:
    """`capital` by weights num/den: each part rounded down, what is left goes to the first; the sum is exact."""
    parts = [capital * num // den for num, den in weights]
    parts[0] += capital - sum(parts)
    return parts


def _capital(rng: np.random.Generator, count: int, median: float) -> Ints:
    """Lognormal in whole cents, cut at both ends; another median scales all of it."""
    scale = median / CAPITAL_MEDIAN
    if not 0.001 <= scale <= 1_000:
        raise ConfigError(f"a median capital of {median:g} USDC", "is not between 1 and 1,000,000", "1000 is a start")
    drawn = rng.lognormal(math.log(CAPITAL_MEDIAN), _figure("capital_sigma"), count)
    cut = np.clip(drawn, _figure("capital_min"), _figure("capital_max")) * scale
    cents: Ints = np.rint(cut * 100).astype(np.int64)
    return mul(cents, USDC // 100)


def _figure(name: str) -> float:
    return float(POPULATION[f"followers.{name}"]["value"])


def _portfolios(rng: np.random.Generator, capital: Ints, leads: int) -> tuple[Ints, Ints, Ints]:
    """One, two or three different leads for each follower, and the capital split among them."""
    n, u = capital.size, rng.random(capital.size)
    two, three = _figure("one_lead_share"), _figure("one_lead_share") + _figure("two_leads_share")
    wanted = np.minimum(1 + (u >= two) + (u >= three), leads)
    # distinct leads without a loop: a random start, then steps that never come round to it
    first = rng.integers(0, leads, n)
    second = (first + 1 + rng.integers(0, max(leads - 1, 1), n)) % leads
    third = (2 * second - first) % leads  # the same step again
    clash = (third == first) | (third == second)
    third = np.where(clash, _other(first, second, leads), third)
    rows = np.arange(n)
    out: list[tuple[Ints, Ints, Ints]] = []
    for many, shares in ((1, (100,)), (2, (60, 40)), (3, (40, 30, 30))):
        mine = rows[wanted == many]
        rest = [capital[mine] * share // 100 for share in shares[1:]]
        parts = [capital[mine] - sum(rest), *rest]
        out += [(mine, pick[mine], part) for pick, part in zip((first, second, third), parts, strict=False)]
    follower, lead, allocation = (np.concatenate(column).astype(np.int64) for column in zip(*out, strict=True))
    return follower, lead, allocation


def _other(first: Ints, second: Ints, leads: int) -> Ints:
    """The lowest lead that is neither; meaningless, and unused, with fewer than three leads."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    candidate = np.where(low > 0, 0, np.where(high > 1, 1, 2))
    return np.asarray(candidate % leads, dtype=np.int64)


def _mandates(
    rng: np.random.Generator, follower: Ints, lead: Ints, allocation: Ints, equity: Ints, symbols: Sequence[str]
) -> Follows:
    """Everything else a follow needs, drawn in a fixed order."""
    n = follower.size

    def chance(name: str) -> NDArray[np.bool_]:
        return rng.random(n) < _figure(name)

    def one_of(values: Sequence[int], p: Sequence[float] | None = None) -> Ints:
        return rng.choice(np.array(values, dtype=np.int64), n, p=p)

    def cap(shares: Sequence[int]) -> Ints:
        capped = chance("capped_share")
        return np.where(capped, np.maximum(allocation * one_of(shares) // 100, CAP_MIN), NO_LIMIT)

    fixed = chance("fixed_ratio_share")
    spread = _figure("fixed_ratio_spread")
    around = np.rint((1 - spread + 2 * spread * rng.random(n)) * 1_000).astype(np.int64)
    ratio = np.maximum(muldiv_floor(allocation, RATIO_UNIT, equity) * around // 1_000, 1)
    likely = (0.3, 0.5, 0.2)
    rule = np.where(chance("deny_share"), 1 + rng.integers(0, max(len(symbols), 1), n), 0) if symbols else 0
    order_cap, position_cap, total_cap = cap(ORDER_SHARES), cap(POSITION_SHARES), cap(TOTAL_SHARES)
    return Follows.of(
        follower, lead, allocation,
        sizing=np.where(fixed, int(Sizing.FIXED_RATIO), int(Sizing.PROPORTIONAL)),
        value=np.where(fixed, ratio, 0),
        start=np.where(chance("existing_share"), int(Start.EXISTING), int(Start.NEW_TRADES)),
        open_bps=one_of(OPEN_BPS, likely), exit_bps=one_of(EXIT_BPS, likely),
        order_cap=order_cap, position_cap=position_cap, total_cap=total_cap,
        leverage_cap_e2=one_of(LEVERAGE_E2), minimum=one_of([int(m) for m in Minimum], (0.2, 0.1, 0.7)),
        rule=rule, rules=[SymbolRule(), *(SymbolRule(deny=(symbol,)) for symbol in symbols)],
    )  # fmt: skip
