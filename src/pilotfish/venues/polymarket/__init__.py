"""Polymarket's CLOB, version 2: messages, orders and signatures. Pure; what dials lives beside it.

https://docs.polymarket.com; the oracle is the official Python client. One way in, one way out:
bytes → `codec` → `messages`, `answers` → domain events, and domain commands → `orders` → `signing` → bytes.
"""
