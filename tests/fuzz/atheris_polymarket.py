"""Fuzzes Polymarket's two streams: codec and session, guided by coverage. See tests/fuzz/run.py."""

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))
with atheris.instrument_imports(include=["pilotfish.venues.polymarket", "pilotfish.venues.trust"]):
    from tests.fuzz import polymarket_target as target
from tests.fuzz import run


def main() -> None:
    seeds = target.seeds(run.SHARED_DATA)
    worn = run.Worn(target.session, target.feed)

    def one(raw: bytes) -> None:
        target.codec(raw)
        worn.hear(raw)

    atheris.Setup(run.options(sys.argv, seeds), one, custom_mutator=run.mutator(seeds))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
