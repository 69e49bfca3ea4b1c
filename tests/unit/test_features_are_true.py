"""The page that compares us with others claims nothing of ours that no test proves."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/features.md"
COLUMNS = ["Feature", "Binance", "OKX", "Bybit", "Copin", "eToro", "cTrader", "dHEDGE", "Proof"]
UNPROVEN = "(in work)"


def features(text: str) -> list[list[str]]:
    """The cells of every row of every table that is headed by a feature."""
    rows: list[list[str]] = []
    inside = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells[:1] == ["Feature"]:
            assert cells == COLUMNS
            inside = True
        elif not cells:
            inside = False
        elif inside and not re.fullmatch(r":?-+:?", cells[0]):
            rows.append(cells)
    return rows


def collected(file: Path) -> set[str]:
    """The tests that pytest would find in a file: functions of the module, and methods of its test classes."""
    body = ast.parse(file.read_text()).body
    homes = [body, *(node.body for node in body if isinstance(node, ast.ClassDef) and node.name.startswith("Test"))]
    functions = [node for home in homes for node in home if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {node.name for node in functions if node.name.startswith("test_")}


def unproven(rows: list[list[str]], root: Path) -> list[str]:
    """What is claimed without a test, one line each."""
    problems = []
    for feature, *_, proof in rows:
        named = re.findall(r"`(tests/[\w/.-]+\.py)::(?:\w+::)*(\w+)`", proof)
        if UNPROVEN in proof or not named:
            problems.append(f"{feature}: no test yet")
        for file, test in named:
            if not (root / file).exists() or test not in collected(root / file):
                problems.append(f"{feature}: {file}::{test} does not exist")
    return problems


def test_every_feature_is_proven_by_a_test_that_exists() -> None:
    problems = unproven(features(PAGE.read_text()), ROOT)
    assert not problems, "\n".join(problems)


def test_every_feature_is_named_once_and_compared_with_all_seven() -> None:
    rows = features(PAGE.read_text())
    assert len(rows) > 50
    assert [row for row in rows if len(row) != len(COLUMNS) or not all(row)] == []
    names = [row[0] for row in rows]
    assert sorted(names) == sorted(set(names))


def test_every_source_is_cited_and_every_citation_has_its_source() -> None:
    claims, sources = PAGE.read_text().split("\n## Sources\n")
    given = re.findall(r"^- \[([A-Z]\d)\] .*\]\(https?://", sources, re.MULTILINE)
    assert sorted(given) == sorted(set(re.findall(r"\[([A-Z]\d)\]", claims)))


def test_a_claim_without_a_test_is_found(tmp_path: Path) -> None:
    file = tmp_path / "tests/unit/test_wings.py"
    file.parent.mkdir(parents=True)
    file.write_text("def test_it_flies(): ...\n\ndef helper():\n    def test_hidden(): ...\n")
    proofs = {
        "flies": "`tests/unit/test_wings.py::test_it_flies`",
        "swims": UNPROVEN,
        "half": f"`tests/unit/test_wings.py::test_it_flies`, {UNPROVEN}",
        "sings": "",
        "dives": "`tests/unit/test_wings.py::test_it_dives`",
        "hides": "`tests/unit/test_wings.py::test_hidden`",
        "walks": "`tests/unit/test_legs.py::test_it_walks`",
    }
    lines = ["| " + " | ".join([name, *["?"] * 7, proof]) + " |" for name, proof in proofs.items()]
    page = "\n".join(["| " + " | ".join(COLUMNS) + " |", "|---" * 9 + "|", *lines, "", "| sign | means |"])
    found = [problem.partition(":")[0] for problem in unproven(features(page), tmp_path)]
    assert found == ["swims", "half", "sings", "dives", "hides", "walks"]
