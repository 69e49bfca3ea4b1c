"""Sizing modes and gate checks of installed packages, found by their entry points, before anything else starts."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from pilotfish.copying.extension import register_sizer
from pilotfish.domain.errors import ConfigError
from pilotfish.gate.extension import register_check

GROUPS: dict[str, Callable[[str, Any], None]] = {"pilotfish.sizers": register_sizer, "pilotfish.checks": register_check}


def load_extensions() -> list[str]:
    """Register all of them; returns their names. Raises ConfigError for one that cannot be used: which and why."""
    names = []
    for group, register in GROUPS.items():
        for entry in sorted(entry_points(group=group), key=lambda entry: (entry.name, entry.value)):
            where = f"extension {entry.name} ({entry.value})"
            try:
                function = entry.load()
            except Exception as broken:  # it is another package's code that runs here
                why = f"cannot be loaded: {type(broken).__name__}: {broken}"
                raise ConfigError(where, why, "mend its package, or uninstall it") from broken
            if not callable(function):
                raise ConfigError(where, "is not a function", "mend its package, or uninstall it")
            register(entry.name, function)
            names.append(entry.name)
    return names
