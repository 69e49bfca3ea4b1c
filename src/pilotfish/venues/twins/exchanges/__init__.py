"""Twins of Binance, Bybit and OKX: one core, three dialects."""
