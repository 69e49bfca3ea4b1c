"""Sizing modes from other packages. Whoever starts the program registers them; the core only looks them up by name."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np

from pilotfish.domain.arith import Ints
from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instrument import Instrument
from pilotfish.domain.mandate import Follows


class SizingCase(msgspec.Struct, frozen=True):
    """What a sizer may know: its follows' mandates, and an opening order of which `lots` have been seen so far."""

    follows: Follows
    source: Instrument
    target: Instrument
    price: int  # of the order, in the target's price units
    stop: int  # the lead's stop there; 0 = none
    lots: int  # of the source
    lead_equity: int


Sizer = Callable[[SizingCase], Ints]
"""Sub-lots ≥ 0 of the target that each follow wants of the order in all, once so much of it has been seen. It must be
deterministic, and must not fall as `lots` grows."""

SAID_MAX = 200  # characters of what it said when it failed
_SIZERS: dict[str, Sizer] = {}


def ask(name: str, case: SizingCase) -> Ints:
    """The sizer's answer, checked. Raises ConfigError when it is missing, fails, or gives no column of the follows."""
    function = sizer(name)
    try:
        answer: object = function(case)
    except Exception as failed:  # whatever another package raises must not stop the shard
        why = f"raised {type(failed).__name__}: {failed}"[:SAID_MAX]
        raise ConfigError(f"sizer {name}", why, "its follows open nothing until it is mended") from failed
    shape = case.follows.lead.shape
    if isinstance(answer, np.ndarray) and answer.dtype == np.int64 and answer.shape == shape and (answer >= 0).all():
        return answer
    why = f"did not give int64 of shape {shape}, none below 0"
    raise ConfigError(f"sizer {name}", why, "its follows open nothing until it is mended")


def register_sizer(name: str, function: Sizer) -> None:
    """Raises ConfigError when the name is taken by another function."""
    if _SIZERS.setdefault(name, function) is not function:
        raise ConfigError(f"sizer {name}", "is registered twice", "rename one of the two")


def sizer(name: str) -> Sizer:
    """Raises ConfigError that lists what is installed."""
    if name not in _SIZERS:
        known = ", ".join(sorted(_SIZERS)) or "none"
        raise ConfigError(f"sizer {name}", f"is not installed (known: {known})", "install the package that brings it")
    return _SIZERS[name]
