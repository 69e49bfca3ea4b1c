"""Hyperliquid's twin: its wire protocol, word for word, over simulated matching.

`twin.HyperliquidTwin` is the door. Behind it: `hashing` and `wallets` (who signed), `actions` (what is asked), `core`
with `market`, `account`, `order` (what happens), `info` and `streams` (what is told). Perpetuals only: the spot table
lists USDC and no pair.
"""
