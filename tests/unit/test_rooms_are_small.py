"""Small rooms: the median file, the largest file and the longest function keep to the design, and only get smaller."""

import ast
import subprocess
import tomllib
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[2]
RATCHET = Path("tests/unit/size_ratchet.toml")
DESIGN = {"file_lines_max": 400, "function_lines_max": 70, "contract_lines_max": 400}
# Below these nobody is asked to tighten: small enough is small enough.
COMFORT = {"file_lines_max": 320, "function_lines_max": 60, "contract_lines_max": 320}
SLACK = 1.25
MEDIAN_LINES_MAX = 150


def _files() -> dict[str, str]:
    return {
        str(file.relative_to(ROOT)): file.read_text()
        for folder in ("src", "tests", "bench")
        for file in sorted((ROOT / folder).rglob("*.py"))
    }


def function_lines(source: str) -> dict[str, int]:
    """Lines of each function from its `def` to its last line, as `name:line` → lines."""
    return {
        f"{node.name}:{node.lineno}": (node.end_lineno or node.lineno) - node.lineno + 1
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def _sizes(line: str) -> dict[str, int]:
    if line == "contract_lines_max":
        contracts = (ROOT / "contracts").rglob("*.sol")
        return {str(f): len(f.read_text().splitlines()) for f in contracts if "node_modules" not in f.parts}
    if line == "file_lines_max":
        return {name: len(text.splitlines()) for name, text in _files().items()}
    return {f"{name}:{f}": n for name, text in _files().items() for f, n in function_lines(text).items()}


def _held() -> dict[str, int]:
    return tomllib.loads((ROOT / RATCHET).read_text())


def _git(*args: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *args], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


@pytest.mark.parametrize("line", sorted(DESIGN))
def test_nothing_is_larger_than_the_line_held(line: str) -> None:
    held = _held()[line]
    assert held <= DESIGN[line]
    assert {name: n for name, n in _sizes(line).items() if n > held} == {}


@pytest.mark.parametrize("line", sorted(DESIGN))
def test_the_line_is_held_close_to_the_largest(line: str) -> None:
    largest, held = max(_sizes(line).values()), _held()[line]
    near = max(COMFORT[line], int(largest * SLACK))
    assert held <= near, f"the largest is {largest}: lower {line} in {RATCHET} from {held} to {near} or less"


@pytest.mark.parametrize("line", sorted(DESIGN))
def test_the_line_only_ever_tightens(line: str) -> None:
    """Against every committed version of the ratchet; outside a git checkout there is nothing to compare with."""
    commits = _git("log", "--format=%H", "--", str(RATCHET)).split()
    texts = [_git("show", f"{commit}:{RATCHET}") for commit in commits]
    before = [held[line] for held in map(tomllib.loads, texts) if line in held]
    assert all(_held()[line] <= n for n in before), f"{line} was raised"


def test_the_median_file_is_small() -> None:
    lines = [len(text.splitlines()) for name, text in _files().items() if not name.endswith("__init__.py")]
    assert median(lines) <= MEDIAN_LINES_MAX


def test_a_function_is_measured_from_def_to_its_last_line() -> None:
    source = "@decorated\ndef f():\n    a = 1\n\n    return a\n\n\nclass C:\n    async def g(self): ...\n"
    assert function_lines(source) == {"f:2": 4, "g:9": 1}
