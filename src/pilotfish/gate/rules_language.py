"""The part of CEL that rules are written in, and its compiler (cel-cpp) in words a rule's author understands.

What is left out, and why: macros, so that nothing loops and a rule costs no more than its length; times and time
zones, since they would read the machine; regular expressions, which can be wrong at run time only; `dyn`, which evades
the type check; maps and messages, which no variable needs; and division of doubles, because 0.0 / 0.0 is neither above
nor below any limit, so no rule would fire. What is left is defined to the bit by int64 and IEEE 754.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from typing import Any

from cel_expr_python import cel

from pilotfish.domain.errors import ConfigError
from pilotfish.gate.rules_variables import VARIABLES

EXPRESSION_MAX = 1_000  # characters
_OPERATORS = ("_&&_", "_||_", "!_", "_?_:_", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "-_", "@in")
_PARTIAL = {  # operators and functions of which only some overloads are safe
    "_+_": ("add_int64", "add_double"),
    "_-_": ("subtract_int64", "subtract_double"),
    "_*_": ("multiply_int64", "multiply_double"),
    "_/_": ("divide_int64",),
    "_%_": ("modulo_int64",),
    "double": ("int64_to_double",),
    "int": ("double_to_int64",),
}
_ON_TEXTS = ("startsWith", "endsWith", "contains")
FUNCTIONS = (*_ON_TEXTS, "double", "int")

_ERROR = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '(.+?)' ")
_OVERLOAD = re.compile(r"found no matching overload for '(.+?)' applied to '(.*)'")
_SYNTAX = re.compile(r"Syntax error: (?:token recognition error at: |mismatched input |extraneous input )?(.*)")
_PAGE = "docs/rules.md lists every variable, operator and function"
_SIGNS = "write && for and, || for or, ! for not, == for equal, and texts in quotes"


@cache
def environment(without: str = "") -> Any:
    """The compiler's environment with every variable declared, or all but one."""
    quoted = [f'    - name: "{name}"' for name in (*_OPERATORS, *_ON_TEXTS)]
    for name, overloads in _PARTIAL.items():
        quoted.append(f'    - name: "{name}"\n      overloads:')
        quoted += [f'        - id: "{overload}"' for overload in overloads]
    config = "\n".join(("stdlib:", "  disable_macros: true", "  include_functions:", *quoted))
    types = {"int": cel.Type.INT, "double": cel.Type.DOUBLE, "string": cel.Type.STRING}
    declared = {name: types[variable.type] for name, variable in VARIABLES.items() if name != without}
    return cel.NewEnv(config=cel.NewEnvConfigFromYaml(config), variables=declared)


def compile_expression(expression: str, where: str) -> tuple[Any, tuple[str, ...]]:
    """The compiled expression, whose value is a bool, and the variables it mentions.

    Raises ConfigError that names `where`, the position, the reason and a remedy.
    """
    if len(expression) > EXPRESSION_MAX:
        raise ConfigError(where, f"is longer than {EXPRESSION_MAX} characters", "split it into several rules")
    if not all(c.isprintable() or c in "\n\r\t" for c in expression):  # a lone surrogate is not printable either
        raise ConfigError(where, "contains a character that cannot be printed", "type it again")
    if "{" in expression:
        raise ConfigError(where, "contains a brace", "leave it out: rules have lists, as in [1, 2], but no maps")
    try:
        program = environment().compile(expression)
    except RuntimeError as refused:
        raise _explained(str(refused), expression, where) from None
    if program.return_type() != cel.Type.BOOL:
        kind = program.return_type().name().lower()
        raise ConfigError(where, f"gives {_kind(kind)}, not true or false", "compare it, as in order.lots > 100")
    mentions = tuple(sorted((n for n in VARIABLES if _mentions(expression, n)), key=expression.find))
    if not mentions:
        raise ConfigError(where, "mentions no variable, so it can never change", _PAGE)
    return program, mentions


def _mentions(expression: str, name: str) -> bool:
    """Whether the compiler misses `name` when it is not declared: only it can tell a name from a text or a comment."""
    if not all(part in expression for part in name.split(".")):
        return False
    try:
        environment(without=name).compile(expression)
    except RuntimeError:
        return True
    return False


def _explained(message: str, expression: str, where: str) -> ConfigError:
    """The compiler's first complaint, with its position and a remedy."""
    found = _ERROR.search(message)
    line, column, what = (int(found[1]), int(found[2]), found[3]) if found else (0, 0, message)
    if line < 1:
        deep = "recursion" in message
        why = "is nested too deeply" if deep else f"was not understood: {_bare(what)}"
        return ConfigError(where, why, "split it into several rules" if deep else _PAGE)
    if undeclared := _UNDECLARED.match(what):
        name = undeclared[1]
        start = expression.splitlines()[line - 1].rfind(name, 0, column - 1 + len(name))
        column = start + 1 if start >= 0 else column  # the compiler points at the last dot
        why, to_do = f"there is no {name!r} in the language of rules", _SIGNS if name == "not" else _nearest(name)
    elif overload := _OVERLOAD.match(what):
        why, to_do = _misfit(overload[1], overload[2].strip("()").split(", "))
    elif syntax := _SYNTAX.match(what):
        unread = _bare(syntax[1]).partition(" expecting ")[0]
        why, to_do = "it ends too early" if "<EOF>" in unread else f"{unread} does not belong here", _SIGNS
    else:
        why, to_do = _bare(what), _PAGE
    return ConfigError(f"{where}, line {line}, column {column}", why, to_do)


def _nearest(name: str) -> str:
    near = get_close_matches(name, (*VARIABLES, *FUNCTIONS), n=1, cutoff=0.5)
    return f"did you mean {near[0]}? {_PAGE}" if near else _PAGE


def _misfit(function: str, kinds: list[str]) -> tuple[str, str]:
    """Why `function` does not take arguments of these types, and what to write instead."""
    operator = function.strip("_@")
    if function == "_/_" and kinds == ["double", "double"]:
        return "doubles are not divided, since 0.0 / 0.0 would fire nothing", "multiply: a > 0.5 * b, not a / b > 0.5"
    why = f"{operator} does not go with {' and '.join(map(_kind, kinds))}"
    if set(kinds) == {"int", "double"}:
        return why, "write 40.0 for 40 beside a double, or convert with double(…) or int(…)"
    return why, f"compare like with like; {_PAGE}"


def _kind(name: str) -> str:
    return f"an {name}" if name[:1] in "aeiou" else f"a {name}"


def _bare(message: str) -> str:
    """A message without the library's status codes."""
    return re.sub(r"^[A-Z_]+: | \[[A-Z_]+\]$", "", message.strip())


def failure(value: object) -> str:
    """What the library says of an evaluation that gave no bool."""
    return _bare(str(value)).partition("\n")[0]
