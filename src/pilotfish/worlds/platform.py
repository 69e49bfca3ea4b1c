"""platform.toml: what the platform itself sets (fees, risk, execution, rules, hedges, mappings, disclosure).

docs/platform.md is the user's page. Numbers are read as exact decimals; a name nobody knows is refused, since it is
most likely a misspelt limit.
"""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from difflib import SequenceMatcher
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.rules import Rule, RuleAction
from pilotfish.gate.rules import compile_rules
from pilotfish.worlds.toml_lines import line_of, lines_of

NonNegative = Annotated[int, msgspec.Meta(ge=0)]


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; units stand last in the names."""


class Fees(Table, frozen=True, kw_only=True):
    """`steps`: above so many percent of gain, so many percent of fee."""

    subscription_usdc: Decimal = Decimal(0)
    steps: tuple[tuple[Decimal, Decimal], ...] = tuple(
        (Decimal(gain), Decimal(rate)) for gain, rate in ((0, 5), (10, 10), (30, 15))
    )
    coupon_percent: Decimal = Decimal(10)
    insurance_percent: Decimal = Decimal(20)
    period_days: Decimal = Decimal(30)


class Risk(Table, frozen=True, kw_only=True):
    breaker_count: NonNegative = 0
    breaker_minutes: Decimal = Decimal(5)
    liquidate_ratio: Decimal = Decimal(0)
    deviation_bps: NonNegative = 200
    auth_cool_seconds: Decimal = Decimal(60)
    balance_cool_seconds: Decimal = Decimal(30)
    rate_per_second: NonNegative = 0
    rate_burst: NonNegative = 0
    rate_reserve: NonNegative = 0
    outage: Literal["hold", "reduce", "close"] = "hold"
    outage_seconds: Decimal = Decimal(60)


class ExecutionTable(Table, frozen=True, kw_only=True):
    kind: Literal["at_once", "twap", "iceberg"] = "at_once"
    window_seconds: Decimal = Decimal(0)
    slices: NonNegative = 1
    display_lots: NonNegative = 0
    participation_percent: Decimal = Decimal(0)
    stage_seconds: Decimal = Decimal(2)
    holding_hours: NonNegative = 0


class RuleEntry(Table, frozen=True, kw_only=True):
    """Either `when`, or an `extension` of another package."""

    name: str
    when: str = ""
    action: Literal["refuse", "halt"] = "refuse"
    text: str = ""
    extension: str = ""

    @property
    def rule(self) -> Rule:
        action = RuleAction.HALT_OPENS if self.action == "halt" else RuleAction.REFUSE_OPENS
        return Rule(self.name, self.when, action, self.text, self.extension)


class Hedge(Table, frozen=True, kw_only=True, rename={"hedge": "with"}):
    instrument: str
    hedge: str


class Mapping(Table, frozen=True, kw_only=True):
    """`lots` target lots per source lot and a factor for prices, as fractions."""

    source: str
    target: str
    lots: str = "1/1"
    price: str = "1/1"
    open: bool = True


class Disclosure(Table, frozen=True, kw_only=True):
    lead: str
    delay_seconds: Decimal = Decimal(120)
    mirrored_at_once: bool = True


class Rebalancing(Table, frozen=True, kw_only=True):
    """For followers with weights: every `days` at midnight UTC, 0 = never."""

    days: NonNegative = 7
    band_percent: Decimal = Decimal(1)


class Settings(Table, frozen=True, kw_only=True):
    """The whole file. What is not there stays as the engine has it: no fees, no limits, everything at once."""

    file: str = ""
    lines: dict[str, int] = {}  # of names in the file
    fees: Fees | None = None
    risk: Risk | None = None
    execution: ExecutionTable | None = None
    rebalance: Rebalancing = Rebalancing()
    rules: list[RuleEntry] = []
    hedges: list[Hedge] = []
    mappings: list[Mapping] = []
    disclosure: list[Disclosure] = []

    def where(self, path: str) -> str:
        """A name of the file, as errors write it: with its line."""
        return place(self.file, path, self.lines)


S = TypeVar("S", bound=Settings)
_OWN = ("file", "lines")  # what a file cannot set
_LISTS = ("rules", "hedges", "mappings", "disclosure", "leads", "accounts")
_PAGE = "docs/platform.md has a whole file with every key"


def read_platform(path: Path) -> Settings:
    """Settings from a file. Raises ConfigError that says where, what is wrong, and what to do."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as bad:
        raise ConfigError(f"--platform {path}", f"cannot be read ({bad.strerror})", "check the path") from bad
    except UnicodeDecodeError as bad:
        raise ConfigError(f"--platform {path}", "is not UTF-8 text", "save it as UTF-8") from bad
    return parse_platform(text, path.name)


def parse_platform(text: str, file: str = "platform.toml") -> Settings:
    """Settings from the text of a file called `file`. Raises ConfigError."""
    return parse(text, file, Settings)


def parse(text: str, file: str, kind: type[S], over: dict[str, dict[str, Any]] | None = None) -> S:
    """Settings of a kind; `over` are values by table and key that stand above the file's. Raises ConfigError."""
    try:
        raw = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as bad:
        raise ConfigError(file, f"is no TOML: {bad}", "mend that line") from bad
    lines = lines_of(text)
    for table, values in (over or {}).items():
        if isinstance(under := raw.get(table, {}), dict):  # what is no table is refused below
            raw[table] = {**under, **values}
    _known(raw, kind, _Place(file, lines), "")
    try:
        settings = msgspec.convert({**raw, "file": file, "lines": lines}, kind)
    except msgspec.ValidationError as bad:
        what, _, path = str(bad).replace("`object | null`", "a table").partition(" - at `$.")
        why = what.replace("Object missing", "a table lacks the")
        why = why[:1].lower() + why[1:]
        raise ConfigError(place(file, path.rstrip("`"), lines), why, _PAGE) from bad
    _rules(settings)
    return settings


class _Place(NamedTuple):
    file: str
    lines: dict[str, int]

    def __call__(self, path: str, key: str = "") -> str:
        """The table or key `path`, at the line of `key` where one inside it is meant."""
        line = line_of(self.lines, key or path)
        at = f"{self.file}:{line}" if line else self.file
        return _named(at, path) if path else at


def place(file: str, path: str, lines: dict[str, int] | None = None) -> str:
    """`fees.steps[0]` as `FILE:LINE, [fees] steps[0]`; `rules[1].when` as `FILE:LINE, [[rules]] no. 2, when`."""
    return _Place(file, lines or {})(path)


def _named(at: str, path: str) -> str:
    found = re.fullmatch(r"(\w+)\[(\d+)\]\.?(.*)", path)
    if found and found[1] in _LISTS:
        return f"{at}, [[{found[1]}]] no. {int(found[2]) + 1}" + (f", {found[3]}" if found[3] else "")
    table, _, key = path.partition(".")
    return f"{at}, [{table}]" + (f" {key}" if key else "")


def nearest(name: str, known: list[str]) -> str:
    """The most similar of the names that exist."""
    return max(known, key=lambda other: SequenceMatcher(None, name.lower(), other.lower()).ratio())


def _known(raw: dict[str, Any], table: type[Table], at: _Place, path: str) -> None:
    """Refuse names that no table has, the tables inside included; wrong types are found later."""
    hints = get_type_hints(table)
    fields = {f.encode_name: hints[f.name] for f in msgspec.structs.fields(table) if f.name not in _OWN}
    for name, value in raw.items():
        here = f"{path}.{name}" if path else name
        if name not in fields:
            hint = f"did you mean {nearest(name, list(fields))}? It may hold {', '.join(fields)}"
            raise ConfigError(f"{at(path, here)}: {name!r} is not known", hint)
        if get_origin(fields[name]) is Literal and value not in get_args(fields[name]):
            choices = ", ".join(filter(None, get_args(fields[name])))
            raise ConfigError(at(here), f"{value!r} is not known", f"use one of {choices}")
        inner = [t for t in (fields[name], *get_args(fields[name])) if isinstance(t, type) and issubclass(t, Table)]
        rows = enumerate(value) if isinstance(value, list) else ((None, value),)
        for number, row in rows:
            if inner and isinstance(row, dict):
                _known(row, inner[0], at, here if number is None else f"{here}[{number}]")


def _rules(settings: Settings) -> None:
    """Expressions are compiled once, so that a rule that cannot be is refused with the file's name."""
    for number, entry in enumerate(settings.rules):
        if bool(entry.when) == bool(entry.extension):
            where = settings.where(f"rules[{number}]")
            raise ConfigError(where, f"rule {entry.name!r} needs `when` or `extension`, one of them", _PAGE)
    try:
        compile_rules([entry.rule for entry in settings.rules if not entry.extension])
    except ConfigError as bad:
        raise ConfigError(f"{settings.file}, {bad.what}", bad.why, bad.to_do) from bad
