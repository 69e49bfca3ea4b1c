"""A chain in pilotfish.toml: what is missing or cannot be is refused at its line, and no node's address is repeated."""

import pytest

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.node.accounts import CHAIN_ID
from pilotfish.worlds.live.chains import chain_of
from pilotfish.worlds.live.settings import parse_settings
from pilotfish.worlds.live.template import TEMPLATE

ROUTER, POOL, BASE, OTHER = ("0x" + two * 20 for two in ("aA", "bb", "cc", "dd"))
FILE = f"""[venue]
name = "evm"
rpc_url = "https://node.example/v2/hidden"
chain = 1
router = "{ROUTER}"
depth = 3
gas_gwei_max = 40.5
[[venue.pools]]
pool = "{POOL}"
base = "{BASE}"
"""


def chain(text: str = FILE):
    return chain_of(parse_settings(text, "mine.toml", {}))


def test_a_file_says_how_a_chain_is_reached_and_what_is_traded() -> None:
    one = chain().settings
    assert (one.chain, one.router, one.depth) == (1, ROUTER.lower(), 3)
    assert (one.http_url, one.ws_url) == ("https://node.example/v2/hidden", "wss://node.example/v2/hidden")
    assert (one.sending, one.fees.fee_wei_max) == (one.http_url, 40_500_000_000)


def test_transactions_may_go_elsewhere_and_blocks_come_from_elsewhere() -> None:
    one = chain(
        FILE.replace("depth", "ws_url = 'wss://w.example/ws'\nsend_url = 'https://private.example'\ndepth")
    ).settings
    assert (one.ws_url, one.sending) == ("wss://w.example/ws", "https://private.example")


def test_only_a_local_chain_is_play_money() -> None:
    assert chain().real_money
    assert not chain(FILE.replace("chain = 1", f"chain = {CHAIN_ID}")).real_money


WRONG = {
    "no node": (("rpc_url", "# rpc_url"), 1, "PILOTFISH_VENUE__RPC_URL"),
    "a node that is none": (("https://node", "ftp://node"), 3, "PILOTFISH_VENUE__RPC_URL"),
    "a socket that is none": (("depth", "ws_url = 'https://hidden'\ndepth"), 6, "ws:// or wss:// address"),
    "no chain": (("chain = 1", "chain = 0"), 4, "the chain's id"),
    "no router": ((f'"{ROUTER}"', "''"), 5, "40 hexadecimal digits"),
    "a router that is none": ((ROUTER, "0x12"), 5, "is no address"),
    "a depth below 0": (("depth = 3", "depth = -1"), 6, "mend them"),
    "a depth beyond what is watched": (("depth = 3", "depth = 64"), 6, "choose less"),
    "gas for nothing": (("40.5", "0"), 6, "gas_gwei_max above 0"),
    "a base that is none": ((BASE, "WETH"), 10, "is no address"),
    "a pool without a base": ((f'base = "{BASE}"', ""), 8, "base"),
    "instruments": (("depth", "instruments = ['WETH']\ndepth"), 6, "[[venue.pools]]"),
    "no pools": (("[[venue.pools]]", "[[venue.polls]]"), 1, "did you mean pools"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_with_a_chain_is_refused_at_its_line_with_the_remedy(what) -> None:
    change, line, remedy = WRONG[what]
    with pytest.raises(ConfigError) as caught:
        chain(FILE.replace(*change))
    assert str(caught.value).startswith(f"mine.toml:{line}"), str(caught.value)
    assert remedy in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_a_pool_is_named_once() -> None:
    again = f"[[venue.pools]]\npool = '{POOL}'\nbase = '{OTHER}'\n"
    with pytest.raises(ConfigError, match=r"mine\.toml:12.*named twice"):
        chain(FILE + again)


def test_what_the_template_says_of_chains_is_right_once_it_is_used() -> None:
    names = ("send_url", "chain", "router", "depth", "gas_gwei_max", "[[venue.pools]]", "pool", "base")
    lines = [line.removeprefix("# ") if line.startswith(tuple(f"# {name}" for name in names)) else line
             for line in TEMPLATE.splitlines()]  # fmt: skip
    text = "\n".join(lines).replace('# rpc_url = ""', "rpc_url = 'https://node.example'")
    one = chain(text.replace('name = "hyperliquid"', 'name = "evm"'))
    assert (one.settings.chain, one.settings.depth, one.settings.fees.fee_wei_max) == (1, 1, 500 * 10**9)
