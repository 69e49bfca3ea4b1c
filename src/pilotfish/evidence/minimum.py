"""Which capital makes copies of a lead's orders large enough for the venue."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def capital_needed(notionals: Sequence[int], minimums: Sequence[int], equity: int) -> list[float]:
    """USDC with which 10, 20, … 90% of a lead's opening orders reach the venue's minimum when copied in proportion.

    `notionals` and the `minimums` of their instruments in money units, `equity` the lead's. Empty without an order.
    """
    needs = [least * equity / notional / 1e6 for notional, least in zip(notionals, minimums, strict=True) if notional]
    return [float(q) for q in np.percentile(needs, range(10, 100, 10))] if needs else []
