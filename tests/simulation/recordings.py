"""A small recording in the venue's own words, for replays that need no data folder."""

import json
from pathlib import Path

START_MS = 1_784_500_000_000


def write_fills(path: Path, trades: list[tuple[str, int, str, str]], *, every_ms: int = 20_000) -> Path:
    """`trades`: (coin, side, size, price). Positions chain from zero."""
    held: dict[str, float] = {}
    fills = []
    for k, (coin, side, size, price) in enumerate(trades):
        start = held.get(coin, 0.0)
        held[coin] = round(start + side * float(size), 8)
        fills.append(
            {
                "coin": coin, "px": price, "sz": size, "side": "B" if side > 0 else "A",
                "time": START_MS + k * every_ms, "startPosition": str(start), "dir": "Open Long", "closedPnl": "0.0",
                "hash": f"0x{k:064x}", "oid": 1_000 + k, "crossed": True, "fee": "0.01", "feeToken": "USDC",
                "tid": 5_000 + k,
            }
        )  # fmt: skip
    path.write_text(json.dumps({"slot": path.stem, "fills": fills}))
    return path


def a_day(path: Path) -> Path:
    """Opens, adds, reductions, a flip and a close, in two coins."""
    return write_fills(
        path,
        [
            ("BTC", 1, "0.05", "66400.0"), ("BTC", 1, "0.03", "66410.0"), ("HYPE", -1, "40.0", "60.900"),
            ("BTC", -1, "0.04", "66450.0"), ("HYPE", 1, "70.0", "60.700"), ("BTC", -1, "0.04", "66500.0"),
            ("HYPE", 1, "10.0", "60.800"), ("HYPE", -1, "40.0", "60.950"),
        ],
    )  # fmt: skip
