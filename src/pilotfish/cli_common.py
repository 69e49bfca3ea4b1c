"""What all commands share: one console, and errors as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.markup import escape

from pilotfish.domain.errors import PilotfishError

console = Console()


@contextmanager
def plain_errors() -> Iterator[None]:
    """What, why and what to do, on standard error; exit code 1, or what the error says instead."""
    try:
        yield
    except PilotfishError as error:
        Console(stderr=True, highlight=False).print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(getattr(error, "exit_code", 1)) from error
