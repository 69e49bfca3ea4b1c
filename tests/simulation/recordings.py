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


def write_books(path: Path, coin: str, mid: float, *, seconds: int, every_ms: int = 500, gap: float = 1.0) -> Path:
    """`l2Book` messages around a mid that stands still, from before the first fill on."""
    lines = []
    for k in range(-40, seconds * 1_000 // every_ms):
        levels = [
            [{"px": f"{mid - side * gap * (n + 1):.1f}", "sz": "2.0", "n": 1} for n in range(20)] for side in (1, -1)
        ]
        data = {"coin": coin, "time": START_MS + k * every_ms, "levels": levels}
        lines.append(
            json.dumps({"received_wall_ns": (START_MS + k * every_ms) * 1_000_000, "channel": "l2Book", "data": data})
        )
    path.write_text("\n".join(lines) + "\n")
    return path
