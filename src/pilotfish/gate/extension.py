"""Gate rules from other packages. Whoever starts the program registers them; the core only looks them up by name.

A check is as bound as a CEL rule: asked once per order that opens, never for an exit. One that fails has fired.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instrument import Instrument

SAID_MAX = 200  # characters of a check's own sentence


class OrderCase(msgspec.Struct, frozen=True):
    """What a check may know of an open, a whole block or batch: integers in the instrument's units."""

    instrument: Instrument
    side: int
    lots: int
    price: int  # limit; the dearest of a batch
    mark: int  # 0 when there is none, as for bid and ask
    bid: int
    ask: int
    lead: str
    lead_equity: int
    time_ns: int  # our stamp of the event


Check = Callable[[OrderCase], str]
"""An empty text when the open may leave, else the sentence that says why not. It must be deterministic."""

_CHECKS: dict[str, Check] = {}


def register_check(name: str, function: Check) -> None:
    """Raises ConfigError when the name is taken by another function."""
    if _CHECKS.setdefault(name, function) is not function:
        raise ConfigError(f"check {name}", "is registered twice", "rename one of the two")


def check(name: str) -> Check:
    """Raises ConfigError that lists what is installed."""
    if name not in _CHECKS:
        known = ", ".join(sorted(_CHECKS)) or "none"
        raise ConfigError(f"check {name}", f"is not installed (known: {known})", "install the package that brings it")
    return _CHECKS[name]


def objection(name: str, case: OrderCase) -> tuple[str, bool]:
    """What the check says against this open, and whether it failed to judge, which counts as an objection."""
    try:
        said: object = check(name)(case)
    except Exception as failed:  # whatever another package raises must not stop the shard
        return f"it raised {type(failed).__name__}: {failed}"[:SAID_MAX], True
    if not isinstance(said, str):
        return f"it gave a {type(said).__name__}, not a text", True
    return said[:SAID_MAX], False
