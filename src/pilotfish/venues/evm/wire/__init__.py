"""Bytes of a chain and back, pure: calldata, logs, transactions, signed words."""
