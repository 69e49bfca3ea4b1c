"""Writes report.json and report.html: both or neither, never half a file."""

from __future__ import annotations

import contextlib
import math
import os
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from pilotfish.domain.errors import ConfigError
from pilotfish.views.report.html import render_html
from pilotfish.views.report.schema import Report


def write_report(report: Report, out_dir: Path) -> tuple[Path, Path]:
    """report.json and report.html in `out_dir`, which is made if need be; returns their paths.

    The page is drawn from the JSON read back, so both say the same. Raises ConfigError where a field does not fit the
    schema or the folder cannot be written; what was there before then stays.
    """
    raw = encode_report(report)
    page = render_html(decode_report(raw, "the report just made"))
    targets = {out_dir / "report.json": raw, out_dir / "report.html": page.encode()}
    temporary = {path: path.with_name(f".{path.name}.{os.getpid()}.tmp") for path in targets}
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        for path, content in targets.items():
            with temporary[path].open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for path in targets:
            temporary[path].replace(path)
    except OSError as bad:
        for path in temporary.values():
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        raise ConfigError(
            f"{out_dir}", f"the report cannot be written there ({bad.strerror})", "name another folder"
        ) from bad
    return out_dir / "report.json", out_dir / "report.html"


def encode_report(report: Report) -> bytes:
    """report.json: pretty, keys in the schema's order and maps sorted, decimals as plain strings, no NaN."""
    try:
        plain = msgspec.to_builtins(
            report, builtin_types=(Decimal,), str_keys=True, order="deterministic", enc_hook=_hook
        )
        return msgspec.json.format(msgspec.json.encode(_clean(plain)), indent=2) + b"\n"
    except (msgspec.MsgspecError, TypeError, ValueError) as bad:
        raise ConfigError("a figure of the report", str(bad), "fill it with the types of the schema") from bad


def decode_report(raw: bytes, name: str = "report.json") -> Report:
    """The report again. Raises ConfigError that names the field which does not fit."""
    try:
        return msgspec.json.decode(raw, type=Report)
    except (msgspec.MsgspecError, ValueError, TypeError) as bad:
        raise ConfigError(name, f"is not a report: {bad}", "write it with the same version of Pilotfish") from bad


def _hook(x: Any) -> Any:
    if isinstance(x, np.generic):
        return x.item()
    if isinstance(x, np.ndarray):
        return x.tolist()
    raise TypeError(f"{type(x).__name__} has no place in a report")


def _clean(x: Any) -> Any:
    """Floats that are no numbers become null, decimals plain strings, and text encodable."""
    if isinstance(x, dict):
        return {_clean(key): _clean(value) for key, value in x.items()}
    if isinstance(x, list | tuple):
        return [_clean(value) for value in x]
    if isinstance(x, Enum):
        return x.value
    if isinstance(x, float):
        return float(x) if math.isfinite(x) else None
    if isinstance(x, Decimal):
        return f"{x:f}" if x.is_finite() else str(x)
    if isinstance(x, str):  # a file name may hold bytes that are no text
        return x.encode("utf-8", "replace").decode()
    return x
