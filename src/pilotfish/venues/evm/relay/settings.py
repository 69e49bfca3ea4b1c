"""What a relayer mirrors, for whom, and by which way its transactions go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.settings import SECOND, Settings
from pilotfish.venues.evm.wire.instructions import WAD, Instruction, words
from pilotfish.venues.keys.key import keccak

WALLETS_MAX = 200  # of one batch: many more would not be mined as one transaction


class Book(msgspec.Struct, frozen=True):
    """A vault (no wallets), or a desk and the wallets of one lead's followers. Addresses in lower case. `desk`: it is
    one, though nobody may have a wallet there yet.

    `fraction_max`: no instruction for more than this share is sent, times 1e18. `slippage_bps`: how much worse than the
    lead's own price the book's may be; for a desk also against the checked price. `routes`: by token, where not all of
    them take the one `route`.
    """

    address: str
    lead: str
    route: bytes
    slippage_bps: int = 50
    fraction_max: int = WAD
    wallets: Sequence[str] = ()
    routes: Mapping[str, bytes] = {}
    desk: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """A desk is a book of each lead's."""
        return self.address, self.lead

    def batches(self, order: Instruction) -> list[Sequence[str]]:
        """Its wallets, in as few parts as transactions can carry, of equal size; a vault has one part and nobody in it.

        What is mined later pays the price that was left: who is first is drawn anew for each instruction, and every
        relayer draws the same.
        """
        count = -(-len(self.wallets) // WALLETS_MAX)
        if count <= 1:
            return [self.wallets]
        first = int.from_bytes(keccak(words(order)), "big") % len(self.wallets)
        turned = [*self.wallets[first:], *self.wallets[:first]]
        ends = [len(turned) * k // count for k in range(count + 1)]
        return [turned[begin:end] for begin, end in pairwise(ends)]

    def way(self, order: Instruction) -> bytes:
        return self.routes.get(order.token_in) or self.routes.get(order.token_out) or self.route


class Bundling(msgspec.Struct, frozen=True):
    """How a desk's batches go: as one user operation of `account`, signed by its key. Without `bundler_url` we send it
    to the entry point ourselves. `sponsor`: who pays for its gas; empty: its own deposit.
    """

    entry_point: str
    account: str
    bundler_url: str = ""
    verification_gas: int = 150_000
    pre_verification_gas: int = 60_000
    sponsor: str = ""
    sponsor_gas: int = 100_000
    sponsor_after_gas: int = 60_000


class RelaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """`node`: how the chain is reached. `depth`: so many blocks stand on a lead's swap when it is mirrored."""

    node: Settings
    executor: str
    sender: str  # whose transactions these are: it pays for gas, and holds nothing else
    books: Sequence[Book]
    pools: dict[str, tuple[str, str]]  # address → its two tokens
    routers: frozenset[str]
    depth: int = 0
    deadline_ns: int = 60 * SECOND  # so long from its signing an instruction counts
    vault_gas: int = 600_000
    wallet_gas: int = 70_000  # for each wallet of a batch, beside `batch_gas`
    batch_gas: int = 700_000
    bundling: Bundling | None = None

    def check(self) -> None:
        """Raises ConfigError."""
        self.node.check()
        for book in self.books:
            if not 0 < book.fraction_max <= WAD or not 0 <= book.slippage_bps < 10_000:
                raise ConfigError(
                    f"book {book.address}", "has a bound that nothing passes", "see fraction and slippage"
                )
        if len({book.key for book in self.books}) != len(self.books):
            raise ConfigError("two books", "have one address and one lead", "name each once")
