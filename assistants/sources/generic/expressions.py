"""JMESPath as rules use it: compiled once, with functions of our own, and an error that says what it is about.

JMESPath always ends: it has no loops and no recursion. What it could still do is grow: each list that an expression
builds can hold its input several times. So what an expression can multiply is bounded when it is compiled, and texts
are bounded when they are put together.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import jmespath
from jmespath.exceptions import JMESPathError, JMESPathTypeError, ParseError
from jmespath.visitor import TreeInterpreter

from assistants.sources.generic.conversions import ExpressionFailed
from assistants.sources.generic.functions import RuleFunctions, compile_pattern

MAX_CHARACTERS = 1_000
# An expression may build a list of its input, such as [a, b], but not lists of lists of lists without end.
MAX_GROWTH = 1_000
REMEMBERED = 4_096
_COLUMN = re.compile(r"column (\d+)")


class BadExpression(Exception):
    """An expression that is no JMESPath, or not one that may run here; the message says what is wrong."""


class Expression:
    """A compiled expression. Most are nothing but names with dots between: those need no interpreter."""

    def __init__(self, tree: dict[str, Any]) -> None:
        self._tree = tree
        self._names = _names_in(tree)

    def find(self, value: Any) -> Any:
        """Return what the expression finds in a JSON value, None for nothing. Raises ExpressionFailed."""
        if self._names is not None:
            for name in self._names:
                value = value.get(name) if isinstance(value, dict) else None
            return value
        try:
            return _interpreter.visit(self._tree, value)
        except JMESPathTypeError as error:
            raise ExpressionFailed(_type_message(error)) from None
        except JMESPathError as error:
            raise ExpressionFailed(f"{error}.") from None
        except RecursionError:
            raise ExpressionFailed("The value is nested too deeply.") from None
        except (ArithmeticError, TypeError, ValueError) as error:
            # JMESPath leaves some comparisons and conversions to Python, such as sorting texts among numbers.
            raise ExpressionFailed(f"{str(error) or type(error).__name__}.") from None


@lru_cache(maxsize=REMEMBERED)
def compile_expression(text: str) -> Expression:
    """Compile an expression. Raises BadExpression, also for functions and patterns that cannot work."""
    if len(text) > MAX_CHARACTERS:
        raise BadExpression(f"is longer than {MAX_CHARACTERS:,} characters.")
    try:
        tree = cast("dict[str, Any]", jmespath.compile(text).parsed)
        growth = _look_through(tree)
    except ParseError as error:
        raise BadExpression(_parse_message(error, text)) from None
    except JMESPathError as error:
        raise BadExpression(f"cannot be read: {error}.") from None
    except RecursionError:
        raise BadExpression("is nested too deeply.") from None
    if growth > MAX_GROWTH:
        raise BadExpression("builds lists of lists that could grow beyond bounds.")
    return Expression(tree)


class _Interpreter(TreeInterpreter):
    """JMESPath's interpreter, made once and not for each search: it remembers nothing of what it looked through."""

    def __init__(self) -> None:
        super().__init__(jmespath.Options(custom_functions=_FUNCTIONS))
        self._visits: dict[str, Callable[[Any, Any], Any]] = {
            name.removeprefix("visit_"): getattr(self, name) for name in dir(self) if name.startswith("visit_")
        }

    def visit(self, node: Any, value: Any) -> Any:
        return self._visits[node["type"]](node, value)


_FUNCTIONS = RuleFunctions()
_interpreter = _Interpreter()


def _names_in(node: dict[str, Any]) -> tuple[str, ...] | None:
    """Return the names that an expression follows, if it does nothing else."""
    if node["type"] == "field":
        return (node["value"],)
    if node["type"] != "subexpression":
        return None
    parts = [_names_in(child) for child in node["children"]]
    return tuple(name for part in parts for name in part or ()) if all(parts) else None


def _look_through(node: dict[str, Any]) -> int:
    """Return by how much a node and those below could multiply their input; raise BadExpression at a wrong call."""
    children = node["children"]
    growth = max(1, len(children)) if node["type"] in ("multi_select_list", "multi_select_dict") else 1
    if node["type"] == "function_expression":
        _check_call(node["value"], children)
    for child in children:
        growth *= _look_through(child)
    return growth


def _check_call(name: str, arguments: list[dict[str, Any]]) -> None:
    known = _FUNCTIONS.FUNCTION_TABLE
    if name not in known:
        raise BadExpression(f"calls {name}(), which does not exist; there are {', '.join(sorted(known))}.")
    wanted = known[name]["signature"]
    is_variadic = bool(wanted) and wanted[-1].get("variadic", False)
    if len(arguments) < len(wanted) or (len(arguments) > len(wanted) and not is_variadic):
        raise BadExpression(
            f"gives {name}() {len(arguments)} values; it takes {len(wanted)}{' or more' * is_variadic}."
        )
    if name == "regex_find" and arguments[1]["type"] == "literal" and isinstance(arguments[1]["value"], str):
        try:
            compile_pattern(arguments[1]["value"])
        except ExpressionFailed as error:
            raise BadExpression(f"calls regex_find(): {error}") from None


def _type_message(error: JMESPathTypeError) -> str:
    wanted = " or ".join(error.expected_types)
    return f"{error.function_name}() got {error.actual_type}; it takes {wanted}."


def _parse_message(error: ParseError, text: str) -> str:
    """Say where an expression stops making sense."""
    first = str(error).splitlines()[0]
    if "Incomplete" in first:
        return "is not complete."
    column = _COLUMN.search(first)
    position = int(column[1]) if column else error.lex_position
    if "Unclosed" in first:
        return f"has a quotation mark at character {position + 1} that is not closed."
    rest = text[position : position + 20]
    return f"makes no sense from character {position + 1} on: {rest}" if rest.strip() else "makes no sense at its end."
