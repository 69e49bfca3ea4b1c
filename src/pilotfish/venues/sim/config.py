"""What a world may set about the simulated venue, with the defaults and why."""

from __future__ import annotations

from typing import NamedTuple

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.sim.limits import RateLimit
from pilotfish.venues.sim.risk import FundingRule

MS = 1_000_000


class SimConfig(NamedTuple):
    """Times in ns of virtual time. Raises ConfigError from `check`."""

    start_ns: int = 0
    top_every_ns: int = 0  # tops and marks on change, at most this often; 0: only when the world calls publish_top
    heartbeat_ns: int = 1_000 * MS  # an unchanged top is told again after this long, so that quiet is not stale
    block_ns: int = 50 * MS  # orders of a batch that arrive within one block are matched together, at its end
    reports: int = 4  # a batch's results come in at most this many BatchUpdates
    rate_limit: RateLimit | None = None
    funding: FundingRule | None = None
    liquidation_bps: int = 500  # how far from the mark a forced close may trade

    def check(self) -> None:
        least = {"top_every_ns": 0, "heartbeat_ns": 1, "block_ns": 1, "reports": 1, "liquidation_bps": 0}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise ConfigError(f"sim {name}", f"{getattr(self, name)} is below {low}", "mend it")
        if self.liquidation_bps >= 10_000:
            raise ConfigError("sim liquidation_bps", f"{self.liquidation_bps} is not below 10000", "mend it")
        if self.funding and self.funding.every_ns < 1:
            raise ConfigError("sim funding interval", f"{self.funding.every_ns} is not positive", "mend it")
