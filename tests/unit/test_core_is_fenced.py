"""The core has no clock, no chance and no I/O; only venues speak to the network (docs/design.md, rules 1 and 2).

ruff holds the same bans, but a `noqa` silences ruff and it cannot see builtins such as `open`. Nothing silences this.
"""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "pilotfish"
CORE = ("domain", "ledger", "copying", "making", "gate", "execution", "engine")

_PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CORE_BANS = frozenset(_PYPROJECT["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"])
# `hash` of a string and `id` change from one process to the next; the others reach outside or around this fence.
CALL_BANS = frozenset({"open()", "print()", "input()", "hash()", "id()", "eval()", "exec()", "__import__()"})
CORE_FENCE = CORE_BANS | CALL_BANS | {"builtins", "importlib"}

NETWORK_BANS = frozenset(
    {
        *("socket", "socketserver", "ssl", "select", "selectors", "http", "urllib.request", "xmlrpc", "smtplib"),
        *("asyncio.open_connection", "asyncio.start_server", "asyncio.open_unix_connection"),
        *("asyncio.start_unix_server", "requests", "httpx", "aiohttp", "urllib3", "websocket", "websockets", "uvloop"),
        *("grpc", "web3", "ccxt", "picows", "yarl", "aiohappyeyeballs", "polymarket"),
    }
)


def _qualified(node: ast.expr, names: dict[str, str]) -> str | None:
    """`dt.now` after `from datetime import datetime as dt` is `datetime.datetime.now`; None for a local name's tail."""
    tail: list[str] = []
    while isinstance(node, ast.Attribute):
        tail.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return None
    return ".".join([names[node.id], *reversed(tail)])


def _mentions(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every absolute import, every use of what it brought in and every call of a builtin: (line, qualified name)."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield node.lineno, f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (name := _qualified(node, names)):
            yield node.lineno, name
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in names:
            yield node.lineno, f"{node.func.id}()"


def offences(source: str, bans: frozenset[str]) -> list[tuple[int, str]]:
    """The lines of `source` that reach for something banned, each with what it reached for."""
    return sorted(
        {
            (line, name)
            for line, name in _mentions(ast.parse(source))
            if any(name == ban or name.startswith(f"{ban}.") for ban in bans)
        }
    )


def _report(files: list[Path], bans: frozenset[str]) -> list[str]:
    return [
        f"{file.relative_to(ROOT)}:{line}: {name}" for file in files for line, name in offences(file.read_text(), bans)
    ]


def test_the_core_has_no_clock_no_chance_and_no_io() -> None:
    files = [file for room in CORE for file in sorted((PACKAGE / room).rglob("*.py"))]
    assert files, "no core package found: has the layout moved?"
    assert _report(files, CORE_FENCE) == []


def test_only_venues_speak_to_the_network() -> None:
    files = [file for file in sorted(PACKAGE.rglob("*.py")) if "venues" not in file.relative_to(PACKAGE).parts[:1]]
    assert _report(files, NETWORK_BANS) == []


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "import time as t",
        "from time import monotonic_ns",
        "import os",
        "import os.path",
        "from os import environ",
        "import socket",
        "import asyncio",
        "from asyncio import sleep",
        "import pathlib",
        "from pathlib import Path as P",
        "import random",
        "import secrets",
        "import uuid",
        "import subprocess",
        "import threading",
        "import importlib",
        "from numpy.random import default_rng",
        "from numpy import random",
        "import numpy as np\nx = np.random.default_rng(7)",
        "import numpy\nx = numpy.random.rand()",
        "import datetime\nx = datetime.datetime.now()",
        "import datetime as dt\nx = dt.datetime.utcnow()",
        "import datetime as dt\nx = dt.date.today()",
        "from datetime import datetime\nx = datetime.now(None)",
        "from datetime import datetime as D\nx = D.today()",
        "from datetime import datetime\nclock = datetime.now",
        "def f():\n    import time",
        "if TYPE_CHECKING:\n    import socket",
        "import time  # noqa: TID251",
        "x = open('journal')",
        "x = hash('lead')",
        "x = __import__('time')",
    ],
)
def test_the_core_fence_catches(source: str) -> None:
    found = offences(source, CORE_FENCE)
    assert found
    assert found[-1][0] == len(source.splitlines()), "the line named is the line at fault"


@pytest.mark.parametrize(
    "source",
    [
        "import socket",
        "import http.client",
        "from urllib import request",
        "import asyncio\nasyncio.open_connection('h')",
    ],
)
def test_the_network_fence_catches(source: str) -> None:
    assert offences(source, NETWORK_BANS)


@pytest.mark.parametrize(
    "source",
    [
        "import datetime\nx = datetime.datetime.fromtimestamp(1, datetime.UTC)",
        "import numpy as np\nx = np.zeros(3)",
        "x = int(max(1, 2))",
        "from .time import Stamp",
        "from pilotfish.domain import time",
        "timeline = 1\nx = event.time",
        "book.open(order)",
        "def f(order):\n    return order.id, order.random, os_limit",
        "from urllib.parse import quote",
    ],
)
def test_the_fences_let_honest_code_through(source: str) -> None:
    assert offences(source, CORE_FENCE | NETWORK_BANS) == []
