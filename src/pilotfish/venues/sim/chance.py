"""Chance from one integer seed: a generator for each named purpose, so that no use shifts the draws of another."""

from __future__ import annotations

from zlib import crc32

import numpy as np


def named(seed: int, *names: str) -> np.random.Generator:
    """The generator that belongs to this seed and this purpose, the same in every run."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *(crc32(n.encode()) for n in names)])))


class Normals:
    """Standard normal draws one at a time, made in blocks because a single draw costs as much as dozens."""

    def __init__(self, seed: int, *names: str) -> None:
        self._chance = named(seed, *names)
        self._left: list[float] = []

    def __call__(self) -> float:
        if not self._left:
            self._left = self._chance.standard_normal(512).tolist()
        return self._left.pop()
