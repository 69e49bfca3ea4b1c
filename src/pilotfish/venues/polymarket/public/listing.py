"""The tokens we know, by instrument and by token id. New markets are appended while it runs: leads find them first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from pilotfish.venues.polymarket.wire.assets import Listed, Market, listed, with_tick


class Listing:
    """`first_id`: the instrument id that comes next where nothing is listed yet."""

    def __init__(self, known: Iterable[Listed] = (), first_id: int = 0) -> None:
        self._by_id: dict[int, Listed] = {}
        self._by_token: dict[str, Listed] = {}
        self._next = first_id
        for one in known:
            self._put(one)

    def get(self, instrument: int) -> Listed | None:
        return self._by_id.get(instrument)

    def of_token(self, token: str) -> Listed | None:
        return self._by_token.get(token)

    def __iter__(self) -> Iterator[Listed]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, market: Market) -> list[Listed]:
        """List the market's tokens that are not listed yet, under the next ids."""
        new = []
        for one in listed(market, self._next):
            if one.token not in self._by_token:
                new.append(one._replace(instrument=msgspec.structs.replace(one.instrument, id=self._next)))
                self._put(new[-1])
        return new

    def tick_changed(self, instrument: int, tick: int) -> None:
        one = self._by_id.get(instrument)
        if one is not None:
            self._put(with_tick(one, tick))

    def _put(self, one: Listed) -> None:
        self._by_id[one.instrument.id] = self._by_token[one.token] = one
        self._next = max(self._next, one.instrument.id + 1)
