"""What the documents say exists, exists: tests, commands, links and words."""

import ast
import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

ROOT = Path(__file__).parents[2]
DOCS = [
    path
    for path in [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if path.exists()
]


def code_lines(text: str) -> Iterator[str]:
    """The shell-like lines of a page: each line of a fenced block that is not another language, and each code span."""
    language = None
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            language = line.strip().strip("`") if language is None else None
        elif language is None:
            yield from re.findall(r"`([^`]+)`", line)
        elif language in {"", "sh", "bash", "shell", "console", "text"}:
            yield line.strip().removeprefix("$ ")


def invocations(text: str, program: str) -> list[list[str]]:
    """The arguments of every call of `program` in the page's code, options and assignments left out."""
    found = []
    for line in code_lines(text):
        for part in re.split(r"&&|\|\||[;|]", line.partition(" #")[0]):
            words = shlex.split(part) if part.count('"') % 2 == part.count("'") % 2 == 0 else part.split()
            while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
                words.pop(0)
            if words and words[0].removeprefix(".venv/bin/") == program:
                found.append([word for word in words[1:] if re.fullmatch(r"[a-z][\w-]*", word)])
    return found


def defined_tests(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def slugs(text: str) -> set[str]:
    """The anchors a page offers, made from its headings the way the forges make them."""
    headings = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def test_every_invariant_is_held_by_a_test() -> None:
    rows = _rows((ROOT / "docs/invariants.md").read_text())
    assert rows
    missing = []
    for invariant, held_by in rows:
        names = re.findall(r"`(tests/[\w/.-]+\.py)::(?:\w+::)*(\w+)`", held_by)
        missing += [invariant] if not names else []
        missing += [f"{f}::{t}" for f, t in names if not (ROOT / f).exists() or t not in defined_tests(ROOT / f)]
    assert missing == []


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_every_make_target_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {target for words in invocations(page.read_text(), "make") for target in words} <= targets


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_every_subcommand_named_exists(page: Path) -> None:
    named = {words[0] for words in invocations(page.read_text(), "pilotfish") if words}
    if not named:
        return
    if not importlib.util.find_spec("pilotfish.cli"):
        pytest.skip("the command line is not there yet")
    cli = importlib.import_module("pilotfish.cli")
    assert named <= set(getattr(typer.main.get_command(cli.app), "commands", {}))


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_every_relative_link_resolves(page: Path) -> None:
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in slugs(file.read_text())):
            dead.append(target)
    assert dead == []


def test_the_glossary_is_sorted_and_says_each_word_once() -> None:
    entries = re.findall(r"^- \*\*(.+?)\*\*: (.+)$", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    terms = [term.casefold() for term, _ in entries]
    assert terms == sorted(set(terms))
    assert [term for term, meaning in entries if not meaning.endswith(".") or ". " in meaning] == []


def test_a_call_is_read_out_of_a_page() -> None:
    lines = [
        "cd x && SEEDS=3 make simulate  # make rain",
        'make run ARGS="on paper"',
        "$ .venv/bin/pilotfish run --shards 2",
    ]
    page = "\n".join(["Run `make test`", "```sh", *lines, "```", "make do"])
    assert invocations(page, "make") == [["test"], ["simulate"], ["run"]]
    assert invocations(page, "pilotfish") == [["run"]]


def test_an_import_in_a_python_block_is_no_call() -> None:
    assert invocations("```python\npilotfish = make = 1\nmake x\n```", "make") == []
