"""The gas that the page of contracts tells is the gas that the tests hold."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def held() -> dict[str, int]:
    figures: dict[str, int] = {}
    for file in sorted((ROOT / "contracts/gas").glob("*.json")):
        figures |= json.loads(file.read_text())
    return figures


def told() -> dict[str, int]:
    """Rows of the page whose first cell is the name of a figure."""
    rows = re.findall(r"^\| ([^|]+) \| ([\d,]+) \|", (ROOT / "docs/contracts.md").read_text(), re.MULTILINE)
    return {name: int(figure.replace(",", "")) for name, figure in rows if name in held()}


def test_every_figure_on_the_page_is_the_one_that_is_held() -> None:
    assert told() == {name: held()[name] for name in told()}


def test_the_page_tells_the_figures_that_goals_were_set_for() -> None:
    goals = {
        "mirrored purchase, holders: 1": 220_000,
        "mirrored purchase, holders: 200": 220_000,
        "mirrored purchase, holders: 32,000": 220_000,
        "a copy, 200 wallets in one operation": 7_000_000,
        "a first copy, 200 wallets in one operation": 16_777_216,
        "follow, each of 50": 75_000,
        "anchor": 35_000,
    }
    assert goals.keys() <= told().keys()
    assert {name: told()[name] for name, goal in goals.items() if told()[name] > goal} == {}
