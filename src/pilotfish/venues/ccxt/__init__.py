"""Exchanges through ccxt: linear USDT perpetuals of Binance, Bybit and OKX, one account each."""
