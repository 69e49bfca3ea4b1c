"""Risk rules as scripts: CEL expressions, checked when they are loaded, asked once per order, explained when they fire.

A rulebook follows from the rules' texts alone, so the journal holds those and a snapshot nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import isfinite
from typing import Any, Literal

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.rules import Rule, RuleAction
from pilotfish.gate.extension import OrderCase, check, objection
from pilotfish.gate.rules_language import compile_expression, environment, failure
from pilotfish.gate.rules_variables import RuleValues, field

RULES_MAX = 32  # each costs some microseconds of every order
NAME_MAX, TEXT_MAX = 80, 200  # characters


class Fired(msgspec.Struct, frozen=True):
    """A rule that forbids this order, and the sentence for the user. `failed`: it could not be evaluated."""

    rule: Rule
    explain: str
    failed: bool = False


class _Compiled(msgspec.Struct, frozen=True):
    rule: Rule
    program: Any  # None: a check of another package
    mentions: tuple[str, ...] = ()


class Rulebook:
    """Compiled rules. Immutable; the same values always give the same answer."""

    __slots__ = ("_compiled", "_reads", "extended", "rules", "uses")

    def __init__(self, compiled: tuple[_Compiled, ...]) -> None:
        self.rules = tuple(c.rule for c in compiled)
        # Halting rules first: one that merely refuses must not hide one that halts.
        self._compiled = tuple(sorted(compiled, key=lambda c: c.rule.action != RuleAction.HALT_OPENS))
        self.extended = any(c.program is None for c in compiled)  # whether checks of other packages want a case
        self.uses = frozenset(name for c in compiled for name in c.mentions)
        self._reads = tuple((name, field(name)) for name in sorted(self.uses))

    def first_firing(self, values: RuleValues, case: OrderCase | None = None) -> Fired | None:
        """The first rule that forbids opening, halting rules first; None when all are content. `case` is for checks of
        other packages.

        A rule that cannot be evaluated (a value it needs is not known, a division by zero, an overflow) has fired.
        """
        if not self._compiled:
            return None
        data = {}
        for name, attribute in self._reads:
            value = getattr(values, attribute)
            if value is not None and not (isinstance(value, float) and not isfinite(value)):
                data[name] = value
        activation = environment().Activation(data)
        for compiled in self._compiled:
            if compiled.program is None:
                if fired := _objected(compiled.rule, case):
                    return fired
                continue
            try:
                answer = compiled.program.eval(activation).value()
            except Exception as failed:  # the library raises several kinds; whatever it cannot answer counts as fired
                answer = failed
            if answer is not False:
                return _fired(compiled, answer, data)
        return None


def compile_rules(rules: Iterable[Rule]) -> Rulebook:
    """Check and compile. Raises ConfigError for the first rule that cannot be used: which, where, why, what to do."""
    rules = tuple(rules)
    if len(rules) > RULES_MAX:
        raise ConfigError(f"{len(rules)} rules", f"are more than {RULES_MAX}", "join some with ||")
    seen: set[str] = set()
    compiled = []
    for place, rule in enumerate(rules, start=1):
        where = f"rule {place} ({rule.name[:NAME_MAX]!r})"
        if not rule.name.strip() or len(rule.name) > NAME_MAX or not rule.name.isprintable():
            raise ConfigError(where, "has no usable name", f"name it in one line of at most {NAME_MAX} characters")
        if len(rule.text) > TEXT_MAX or not rule.text.isprintable():
            raise ConfigError(where, "has no usable text", f"say it in one line of at most {TEXT_MAX} characters")
        if rule.action not in tuple(RuleAction):
            raise ConfigError(where, f"has the action {rule.action!r}", "use refuse_opens or halt_opens")
        if rule.name in seen:
            raise ConfigError(where, "has the name of another rule", "give each its own")
        seen.add(rule.name)
        if rule.extension:
            compiled.append(_installed(rule, where))
        else:
            compiled.append(_Compiled(rule, *compile_expression(rule.expression, where)))
    return Rulebook(tuple(compiled))


def _installed(rule: Rule, where: str) -> _Compiled:
    if rule.expression:
        raise ConfigError(where, "has an expression and an extension", "leave one out")
    try:
        check(rule.extension)
    except ConfigError as missing:
        raise ConfigError(f"{where}, {missing.what}", missing.why, missing.to_do) from None
    return _Compiled(rule, None)


@lru_cache(maxsize=16)
def rulebook(rules: tuple[Rule, ...]) -> Rulebook:
    """`compile_rules`, remembered by the texts: for a state that holds the rules and asks at every order."""
    return compile_rules(rules)


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    expression: str = ""
    action: Literal["refuse_opens", "halt_opens"] = "refuse_opens"
    text: str = ""
    extension: str = ""


def rules_from(configured: object) -> tuple[Rule, ...]:
    """Rules from a configuration's list of mappings, compiled once to check them. Raises ConfigError."""
    try:
        entries = msgspec.convert(configured, list[_Entry])
    except msgspec.ValidationError as bad:
        raise ConfigError("rules", str(bad), "see docs/rules.md for how a rule is written") from None
    if any(not e.expression and not e.extension for e in entries):
        raise ConfigError("rules", "one has no expression", "see docs/rules.md for how a rule is written")
    rules = tuple(Rule(e.name, e.expression, RuleAction[e.action.upper()], e.text, e.extension) for e in entries)
    compile_rules(rules)
    return rules


def _objected(rule: Rule, case: OrderCase | None) -> Fired | None:
    """What another package's check says; without a case it cannot be asked, which counts as fired too."""
    said, failed = objection(rule.extension, case) if case is not None else ("nothing is known of the order", True)
    if not said and not failed:
        return None
    text = f" ({rule.text})" if rule.text else ""
    how = "counts as fired, since it failed" if failed else "fired"
    return Fired(rule, f"rule {rule.name!r}{text} {how}: {rule.extension} says: {said}", failed)


def _fired(compiled: _Compiled, answer: object, data: dict[str, object]) -> Fired:
    rule = compiled.rule
    expression = " ".join(line.strip() for line in rule.expression.splitlines()).strip()
    said = f" ({rule.text})" if rule.text else ""
    with_values = ", ".join(f"{name} = {_shown(data.get(name))}" for name in compiled.mentions)
    if answer is True:
        return Fired(rule, f"rule {rule.name!r}{said} fired: {expression} with {with_values}")
    unknown = [name for name in compiled.mentions if name not in data]
    why = f"{' and '.join(unknown)} {'is' if len(unknown) == 1 else 'are'} not known" if unknown else failure(answer)
    explain = f"rule {rule.name!r}{said} counts as fired, since it failed ({why}): {expression} with {with_values}"
    return Fired(rule, explain, failed=True)


def _shown(value: object) -> str:
    return "unknown" if value is None else repr(value.item() if hasattr(value, "item") else value)
