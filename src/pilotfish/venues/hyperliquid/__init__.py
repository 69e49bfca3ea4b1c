"""Hyperliquid's wire: messages, actions and signatures. Pure; what dials lives beside it.

https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api. One way in, one way out:
bytes → `codec` → `messages`, `answers`, `replies` → `told` → domain events, and
domain commands → `actions` → `signing` → bytes.
"""
