"""The cost per follower over the number of followers, as a small drawing for the documents and one for a terminal."""

from __future__ import annotations

import math
from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 300, 56, 36, 48, 44
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#445}.t{font-size:14px;font-weight:600}.g{stroke:#8894a022}"
    ".l{fill:none;stroke:#0b7285;stroke-width:2}.p{fill:#0b7285}"
    "@media(prefers-color-scheme:dark){text{fill:#bcd}.l{stroke:#3bc9db}.p{fill:#3bc9db}}"
)


def draw(points: dict[int, float], objects_us: float, note: str) -> str:
    """An SVG: followers and µs per follower, both logarithmic. `objects_us` is the baseline's cost, which is named."""
    xs, ys = [math.log10(n) for n in points], [math.log10(us) for us in points.values()]
    low, high = math.floor(min(ys)), math.ceil(max(ys))

    def x(value: float) -> float:
        return round(LEFT + (value - xs[0]) / (xs[-1] - xs[0]) * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">']
    out.append(f"<title>Cost of a copy over the number of followers</title><style>{STYLE}</style>")
    out.append(f'<text class="t" x="{LEFT}" y="18">Fan-out and allocation of one lead fill: µs per follower</text>')
    versus = f"{note}; an object for each follower costs {objects_us:,.0f} µs"
    out.append(f'<text x="{LEFT}" y="36">{escape(versus)}</text>')
    for power in range(low, high + 1):
        out.append(f'<path class="g" d="M{LEFT} {y(power)}H{WIDTH - RIGHT}"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y(power) + 4}" text-anchor="end">{10.0**power:g}</text>')
    for (count, cost), px, py in zip(points.items(), map(x, xs), map(y, ys), strict=True):
        out.append(f'<circle class="p" cx="{px}" cy="{py}" r="3.5"/>')
        out.append(f'<text x="{px}" y="{py - 9}" text-anchor="middle">{cost:.2g}</text>')
        out.append(f'<text x="{px}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{count:,}</text>')
    line = " ".join(f"{x(a)},{y(b)}" for a, b in zip(xs, ys, strict=True))
    out.append(f'<polyline class="l" points="{line}"/>')
    out.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 6}" text-anchor="middle">followers</text></svg>')
    return "\n".join(out) + "\n"


def sketch(points: dict[int, float], width: int = 48) -> str:
    """The same for a terminal: a bar for each number of followers, in logarithms."""
    low, high = min(points.values()) / 1.5, max(points.values())

    def bar(cost: float) -> str:
        return "▇" * max(1, round(math.log(cost / low) / math.log(high / low) * width))

    return "\n".join(f"{count:>9,}  {cost:7.3f} µs  {bar(cost)}" for count, cost in points.items())
