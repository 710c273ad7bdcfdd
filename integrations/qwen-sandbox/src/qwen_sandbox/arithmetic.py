"""Sums as people write them: "2+2", "What is 12 times 7?", "3 加 4 等于多少"."""

from __future__ import annotations

import ast
import operator
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_WORDS = (
    (r"\s*\b(?:multiplied by|times)\b\s*|\s*[×x]\s*(?=\d)|乘以?", "*"),
    (r"\s*\b(?:divided by|over)\b\s*|÷|除以", "/"),
    (r"\s*\bplus\b\s*|加上?", "+"),
    (r"\s*\bminus\b\s*|减去?", "-"),
)
_EXPRESSION = re.compile(r"[(\s-]*\d[\d.]*(?:[\s()]*[-+*/][\s()-]*\d[\d.]*)+[)\s]*")
_ASKED = re.compile(r"what|calculate|compute|how much|equals?|solve|sum|result|=|等于|多少|计算|算", re.IGNORECASE)


def _divide(left: float, right: float) -> float:
    return left / right


_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _divide,
}
_LONGEST = 100


def solve(prompt: str) -> str | None:
    """Return "expression = value" for the sum in `prompt`, or None when it asks for none."""
    text = prompt
    for pattern, symbol in _WORDS:
        text = re.sub(pattern, f" {symbol} ", text, flags=re.IGNORECASE)
    match = _EXPRESSION.search(text)
    if match is None or len(match[0]) > _LONGEST:
        return None
    if not _ASKED.search(prompt) and match[0].strip() != text.strip(" ?.!？。"):
        return None
    expression = " ".join(match[0].split())
    try:
        value = _value(ast.parse(expression, mode="eval").body)
    except ZeroDivisionError:
        return f"{expression} is undefined: division by zero"
    except (SyntaxError, ValueError, OverflowError):
        return None
    return f"{expression} = {int(value) if value == int(value) else round(value, 10)}"


def _value(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_value(node.left), _value(node.right))
    raise ValueError("not a sum")
