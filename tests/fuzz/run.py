"""What both fuzzers share: libFuzzer with a mutator that knows JSON, and one session for many frames.

    python tests/fuzz/atheris_hyperliquid.py -runs=1000000 -seed=7
    python tests/fuzz/atheris_hyperliquid.py out/fuzz/crash-…      # the same input again

Options are libFuzzer's own (https://llvm.org/docs/LibFuzzer.html#options). The seeds are made by code, so no corpus is
needed; a folder that is named keeps what was found. Inputs that crash are written to out/fuzz.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.damage import damaged, torn

ROOT = Path(__file__).parents[2]
SHARED_DATA = ROOT / "../shared/data"
FRAMES_MAX = 128  # that one session hears, before the next one begins
_FRESH, _BYTES = 0.3, 0.1

Feed = Callable[[Any, bytes, int], None]


class Worn:
    """A session that hears one damaged frame after another. `feed(session, raw, k)` says the k-th to it."""

    def __init__(self, made: Callable[[], Any], feed: Feed) -> None:
        self._made, self._feed = made, feed
        self._session: Any = None
        self._heard: list[bytes] = []

    def hear(self, raw: bytes) -> None:
        """Raises what the session raises, with the fewest frames before it that it takes."""
        if self._session is None or len(self._heard) >= FRAMES_MAX:
            self._session, self._heard = self._made(), []
        self._heard.append(raw)
        try:
            self._feed(self._session, raw, len(self._heard))
        except Exception as defect:
            heard, self._session = self._heard, None
            print(f"after these frames: {self._fewest(heard)!r}", file=sys.stderr)
            raise defect from None

    def _fewest(self, heard: list[bytes]) -> list[bytes]:
        count = 1
        while count < len(heard):
            session = self._made()
            try:
                for k, raw in enumerate(heard[-count:], 1):
                    self._feed(session, raw, k)
            except Exception:
                return heard[-count:]
            count *= 2
        return heard


def mutator(seeds: list[bytes]) -> Callable[[bytes, int, int], bytes]:
    """Mostly fields of a known message, or of one that was found to reach something new; sometimes its bytes."""

    def damage(data: bytes, size_max: int, seed: int) -> bytes:
        chance = Random(seed)
        fresh = len(data) < 3 or chance.random() < _FRESH
        base = chance.choice(seeds) if fresh else data
        out = torn(base, chance) if chance.random() < _BYTES else damaged(base, chance)
        return out[:size_max]

    return damage


def options(argv: list[str], seeds: list[bytes]) -> list[str]:
    """The command line, with what is not said on it: room for the longest seed, and where crashes go."""
    crashes = ROOT / "out/fuzz"
    crashes.mkdir(parents=True, exist_ok=True)
    said = {one.partition("=")[0] for one in argv[1:]}
    given = {"-max_len": max(map(len, seeds)) + 20_000, "-artifact_prefix": f"{crashes}/", "-timeout": 20}
    return argv + [f"{name}={value}" for name, value in given.items() if name not in said]
