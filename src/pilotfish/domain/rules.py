"""A risk rule as its author wrote it. The text is what configuration and journal hold; `gate.rules` compiles it."""

from __future__ import annotations

from enum import IntEnum

import msgspec


class RuleAction(IntEnum):
    """What a rule does when it fires. Exits always pass."""

    REFUSE_OPENS = 0  # no open leaves while the rule is true
    HALT_OPENS = 1  # true once, and opens are halted until the operator resumes


class Rule(msgspec.Struct, frozen=True, array_like=True):
    """A CEL expression over `gate.rules_variables.VARIABLES` that is true when something is wrong."""

    name: str
    expression: str = ""
    action: RuleAction = RuleAction.REFUSE_OPENS
    text: str = ""  # the author's own sentence, shown when the rule fires
    extension: str = ""  # instead of an expression: a check that another package brings
