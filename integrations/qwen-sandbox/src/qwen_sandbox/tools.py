"""Which tools a turn calls, and with what arguments."""

from __future__ import annotations

import json
import re
import secrets

from qwen_sandbox.answer import Call
from qwen_sandbox.json_types import JsonObject, as_list, as_object
from qwen_sandbox.schema import fill
from qwen_sandbox.turn import Tool, Turn, text_of
from qwen_sandbox.values import enumerated_names, numbers_in
from qwen_sandbox.words import contains_word, meaningful, name_words, stem

# Words every tool description has; they tell nothing about which tool is meant.
_COMMON = frozenset(
    stem(word)
    for word in (
        "get set use tool function call return value user string name input output run execute find list new"
    ).split()
)
_CHINESE = {
    "天气": "weather", "气温": "temperature", "温度": "temperature", "时间": "time", "几点": "time",
    "计算": "calculate",
    "搜索": "search", "查找": "search", "价格": "price", "股票": "stock", "翻译": "translate", "邮件": "email",
    "相加": "add", "相乘": "multiply", "日期": "date", "新闻": "news", "航班": "flight", "酒店": "hotel",
    "预订": "book",
}  # fmt: skip
_OPERATORS = (
    (r"\d\s*\+\s*\d|\bplus\b|\bsum\b|加", {"add", "adder", "sum", "plus", "addition"}),
    (r"\d\s*[*×x]\s*\d|\btimes\b|\bmultipl|\bproduct\b|乘", {"multiply", "product", "times", "multiplication", "mul"}),
    (r"\d\s+-\s+\d|\bminus\b|\bsubtract|减", {"subtract", "minus", "difference", "sub"}),
    (r"\d\s*[/÷]\s*\d|\bdivide|除", {"divide", "division", "quotient", "div"}),
)


def wanted_calls(turn: Turn, prompt: str) -> list[Call]:
    """Return the calls this turn makes; none when it should answer in words."""
    tools = _wanted_tools(turn, prompt)
    text = prompt
    if turn.tool_results:
        # A forced call after results may need what they say.
        text = "\n".join([prompt, *map(text_of, turn.tool_results)])
    calls = [_call(tool, arguments) for tool in tools for arguments in _argument_sets(tool, text)]
    return calls[:1] if turn.body.get("parallel_tool_calls") is False else calls


def _wanted_tools(turn: Turn, prompt: str) -> list[Tool]:
    if turn.tool_choice == "none" or not turn.tools:
        return []
    if turn.named_tool is not None:
        return [tool for tool in turn.tools if tool.name == turn.named_tool][:1]
    if turn.tool_choice == "required":
        used = _already_called(turn)
        fresh = [tool for tool in turn.tools if tool.name not in used] or turn.tools
        return _matching_tools(fresh, prompt) or fresh[:1]
    return _matching_tools(turn.tools, prompt) if turn.last.get("role") == "user" else []


def _already_called(turn: Turn) -> set[str]:
    """Return the names of the tools called since the last user message."""
    used: set[str] = set()
    for message in reversed(turn.messages):
        if message.get("role") == "user":
            break
        used |= {
            str(as_object(as_object(call).get("function")).get("name")) for call in as_list(message.get("tool_calls"))
        }
    return used


def _matching_tools(tools: list[Tool], prompt: str) -> list[Tool]:
    """Return the tools the prompt plausibly wants: those it names, those with a word of their name in it, the best."""
    named = [tool for tool in tools if contains_word(prompt, tool.name)]
    if named:
        return named
    wanted = _wanted_words(prompt)
    hits = {tool.name: (set(map(stem, name_words(tool.name))) - _COMMON) & wanted for tool in tools}
    by_name = [tool for tool in tools if hits[tool.name]]
    best = [tool for tool in by_name if not any(hits[tool.name] < hits[other.name] for other in by_name)]
    if best:
        return best
    scores = {tool.name: _score(tool, wanted) for tool in tools}
    top = max(scores.values())
    return [tool for tool in tools if scores[tool.name] == top][:1] if top > 0 else []


def _wanted_words(prompt: str) -> set[str]:
    words = meaningful(prompt) - _COMMON
    words |= {stem(english) for chinese, english in _CHINESE.items() if chinese in prompt}
    if len(numbers_in(prompt)) > 1:
        for pattern, names in _OPERATORS:
            words |= set(map(stem, names)) if re.search(pattern, prompt, re.IGNORECASE) else set()
    return words


def _score(tool: Tool, wanted: set[str]) -> int:
    properties = as_object(tool.parameters.get("properties"))
    words = meaningful(tool.description)
    for name, schema in properties.items():
        # One-letter parameters (a, b) say nothing.
        words |= {stem(word) for word in name_words(name) if len(word) > 1}
        words |= {stem(str(member).lower()) for member in as_list(as_object(schema).get("enum"))}
    return len((words - _COMMON) & wanted)


def _argument_sets(tool: Tool, text: str) -> list[JsonObject]:
    """Return the arguments of each call: one for every listed name when the tool takes just one text, else one."""
    text = re.sub(rf"(?<!\w){re.escape(tool.name)}(?!\w)", " ", text)
    texts = _text_parameters(tool)
    names = enumerated_names(text) if len(texts) == 1 else []
    if not names:
        return [as_object(fill(tool.parameters, text)) if tool.parameters else {}]
    whole = as_object(fill(tool.parameters, text))
    return [whole | {texts[0]: name} for name in names]


def _text_parameters(tool: Tool) -> list[str]:
    properties = as_object(tool.parameters.get("properties"))
    required = as_list(tool.parameters.get("required")) or list(properties)[:1]
    schemas = {str(name): as_object(properties.get(str(name))) for name in required}
    return [name for name, schema in schemas.items() if schema.get("type") == "string" and "enum" not in schema]


def _call(tool: Tool, arguments: JsonObject) -> Call:
    return Call(f"call_{secrets.token_hex(12)}", tool.name, json.dumps(arguments, ensure_ascii=False))


def words_about_results(turn: Turn) -> str:
    """Return the second turn's text, which repeats what the tools said."""
    names = {
        str(call.get("id")): str(as_object(call.get("function")).get("name"))
        for message in turn.messages
        for call in map(as_object, as_list(message.get("tool_calls")))
    }
    return "\n".join(
        _result_sentence(names[str(result.get("tool_call_id"))], text_of(result), chinese=turn.chinese)
        for result in turn.tool_results
    )


def _result_sentence(tool: str, result: str, *, chinese: bool) -> str:
    failed = re.match(r"\s*(?:error|exception|traceback|失败|错误)", result, re.IGNORECASE) is not None
    if chinese:
        return f"工具 {tool} 报告了错误：{result}" if failed else f"根据 {tool} 的结果：{result}"
    return f"The tool {tool} reported an error: {result}" if failed else f"According to {tool}: {result}"
