"""The file that `pilotfish init` writes: every key, commented. A test reads it back."""

from __future__ import annotations

import os
from pathlib import Path

from pilotfish.domain.errors import ConfigError

TEMPLATE = """\
# Settings of a paper or live run. Every table and key may be left out; what stands here are the defaults unless said
# otherwise. Secrets are never in this file. Any key of the first five tables can be overridden by the environment:
# PILOTFISH_RUN__MODE=paper, PILOTFISH_VENUE__NAME=hyperliquid, …

[run]
mode = "paper"            # paper: live public data, simulated fills, no keys; live: real orders
out = "out/live"          # journal and report; a run goes on where the journal there ends
followers = "1000"        # so many seeded followers (paper only), or a CSV file (docs/followers.md)
capital_usdc = 1000       # median capital of seeded followers
seed = 1                  # … and the number they are drawn from
route = "omnibus"         # omnibus: one account trades for all; segregated: an account and a key each
minutes = 0               # 0: until it is stopped
on_stop = "cancel"        # open orders when it ends: cancel or leave

[venue]
name = "hyperliquid"      # `pilotfish run --venue help` lists them
instruments = []          # those that are traded, such as ["BTC", "ETH"]; none named: every perpetual
# ws_url = ""             # instead of the venue's own address
# http_url = ""
# rpc_url = ""            # an EVM node: the venue evm itself; on polymarket for leads that are followed on chain
dead_man_switch = false   # the venue cancels our orders when it stops hearing from us, where it can

# These are of evm alone (docs/evm.md). An address of a node with a key in it belongs into PILOTFISH_VENUE__RPC_URL.
# send_url = ""           # another node for transactions alone, a private one for instance
# chain = 1               # the chain's id
# router = "0x0000000000000000000000000000000000000000"   # Uniswap's SwapRouter there
# depth = 1               # blocks on an order's own before it is over: as deep as the chain may turn back
# gas_gwei_max = 500      # for one gas, tip included
# [[venue.pools]]         # what is traded
# pool = "0x0000000000000000000000000000000000000000"     # a Uniswap v3 pool …
# base = "0x0000000000000000000000000000000000000000"     # … and which of its two tokens is the base

[trade]                   # another venue than the leads', to which orders go by [[mappings]] (docs/ccxt.md)
name = ""                 # binance, bybit or okx; none: [venue]
instruments = []          # those that are traded there, such as ["BTC/USDT:USDT"]
# http_url = ""           # instead of its own address

[keys]                    # live only: pilotfish keys new makes one
folder = "~/.pilotfish/keys"  # encrypted files, in the Ethereum keystore format
password_file = ""        # a file that only you can read; else the password is asked for
signer = ""               # the socket of `pilotfish signer`, instead of a folder
processes = 0             # processes that sign batches of separate accounts; 0: this one
api_file = ""             # an exchange's API key, in a file that only you can read (docs/ccxt.md); else the environment
may_withdraw = false      # true: start though a key could withdraw, where a venue knows no keys that cannot

[limits]                  # of the whole run, whatever the mandates say; live does not start without all five
capital_usdc = 0          # all allocations together
order_usdc = 0            # one order
gross_usdc = 0            # all positions together, longs and shorts added
loss_usdc = 0             # opens halt when equity has fallen by this much
leverage = 0              # of each follow

# [[leads]]               # whom to follow; --lead ADDRESS adds one
# address = "0x0000000000000000000000000000000000000000"
# name = "the first"
# equity_usdc = 0         # what copies are in proportion to; 0: what the venue says

# [[accounts]]            # live only. With one account for all (omnibus), `follower` is left out.
# address = "0x0000000000000000000000000000000000000000"   # whose money is traded
# key = "0x0000000000000000000000000000000000000000"       # address of the agent's key that signs: it cannot withdraw
# follower = ""           # a name of the followers file, on the segregated route
# vault = ""              # the vault or sub-account that is traded for
# wallet = ""             # Polymarket: eoa, proxy, safe or deposit

# [fees], [risk], [execution], [rebalance], [[rules]], [[hedges]], [[mappings]] and [[disclosure]]: docs/platform.md
"""


def write_template(path: Path) -> None:
    """Raises ConfigError where a file is there already, or none can be written."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError as bad:
        raise ConfigError(str(path), "is there already", "name another file, or move it away") from bad
    except OSError as bad:
        raise ConfigError(str(path), f"cannot be written ({bad.strerror})", "name another file") from bad
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(TEMPLATE)
