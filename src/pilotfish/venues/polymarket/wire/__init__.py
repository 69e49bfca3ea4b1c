"""Polymarket's messages and what they mean: bytes to domain and back, signatures included, pure."""
