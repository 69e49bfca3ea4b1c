"""What leads and we hold: balances of the pools' tokens, as of one block."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.link import Link, Said
from pilotfish.venues.evm.wire.abi import place, selector, words
from pilotfish.venues.evm.wire.rpc import Call, read_bytes

_BALANCE_OF = selector("balanceOf(address)")
Held = dict[tuple[str, str], int]  # (token, owner) → base units


def balance_call(token: str, owner: str, block: str) -> Call:
    data = "0x" + (_BALANCE_OF + place(owner)).hex()
    return Call("eth_call", [{"to": token, "data": data}, block])


def read_balances(
    link: Link, wanted: Iterable[tuple[str, str]], block: int, now_ns: int, then: Callable[[Held | None, int], None]
) -> None:
    """Of every (token, owner); None where one of them is not known."""
    pairs = list(dict.fromkeys(wanted))
    if not pairs:
        return then({}, now_ns)

    def heard(said: Said, then_ns: int) -> None:
        results = said.whole
        try:
            held = [words(read_bytes(raw), 1)[0] for raw in results] if results is not None else None
        except MessageRefused:
            held = None
            link.set_aside("balance")
        then(dict(zip(pairs, held, strict=True)) if held is not None else None, then_ns)

    link.ask([balance_call(token, owner, hex(block)) for token, owner in pairs], now_ns, heard)
