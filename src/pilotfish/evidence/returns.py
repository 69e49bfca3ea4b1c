"""Returns of money that comes and goes, and how deep they fell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def modified_dietz(start: int, end: int, flows: Sequence[tuple[int, float]], final: float) -> float | None:
    """Money-weighted return over [start, end]: (final − ΣF) / Σ w·F with w = (end − t) / (end − start).

    `flows`: (time, deposit > 0 or withdrawal < 0), those at `start` included; nothing was there before. Modified Dietz
    (GIPS) and not the IRR: it has one answer, also after a total loss. None where no money was in for any time.
    """
    span = end - start
    invested = sum(amount * (end - at) / span for at, amount in flows) if span > 0 else 0.0
    if invested <= 0:
        return None
    return (final - sum(amount for _, amount in flows)) / invested


def step_returns(values: Floats, flows: Floats) -> Floats:
    """Return of each step between samples, (V[k] − V[k−1] − F[k−1]) / (V[k−1] + F[k−1]).

    `flows[k]`: what came in right after sample k was taken. Steps that begin with no money return 0.
    """
    base = values[:-1] + flows[:-1]
    gained = values[1:] - base
    return np.where(base > 0, gained / np.where(base > 0, base, 1.0), 0.0)


def linked(returns: Floats) -> float:
    """Steps compounded to one time-weighted return; a step below −100% ends at −100%."""
    return float(np.prod(np.maximum(1.0 + returns, 0.0)) - 1.0)


def drawdown(returns: Floats) -> float:
    """Largest fall of the compounded steps from their highest point so far, floating losses included; 0 to 1."""
    wealth = np.concatenate([[1.0], np.cumprod(np.maximum(1.0 + returns, 0.0))])
    top = np.maximum.accumulate(wealth)
    return float(np.max(1.0 - wealth / top))


def loss_to_copying(ideal: float, actual: float, invested: float, traded: float) -> tuple[float | None, float | None]:
    """What copying cost against the lead's own result: (of the money that was in, in bps of what was traded)."""
    lost = ideal - actual
    return (lost / invested if invested > 0 else None, lost / traded * 1e4 if traded > 0 else None)
