"""Writes `docs/endpoints.md` from the tables, so that the page cannot say anything else than the code does.

`python scripts/endpoints_page.py` writes it; `--check` exits with 1 if it is not up to date.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, cast

from qwen_endpoints import PROVIDERS, ModelOffer, Parameter, Price, Provider

PAGE = Path(__file__).parent.parent / "docs" / "endpoints.md"
_HEAD = """# Endpoints in detail

Made from the tables in `qwen_endpoints` by `scripts/endpoints_page.py`. A parameter that is not listed is sent as you
give it, unchecked. Prices are per million tokens.
"""


_PROTOCOLS: Final = {"chat_completions": "OpenAI's Chat Completions", "messages": "Anthropic's Messages"}


def page() -> str:
    """Return the page's text."""
    return "\n".join([_HEAD, *(line for row in PROVIDERS.values() for line in _provider(row))]).rstrip() + "\n"


def _provider(row: Provider) -> Iterator[str]:
    dialect = row.dialect
    keys = " or ".join(f"`{name}`" for name in row.key_variables) or "none needed"
    replayed = f"`{dialect.reasoning_field}`" if dialect.reasoning_field else "under the name it came by"
    if row.protocol == "messages":
        replayed = "the signed blocks, as they came" if dialect.signed_thinking else "as thinking blocks"
    yield f"## `{row.name}`\n"
    yield f"- Base URL: {f'`{row.base_url}`' if row.base_url else 'yours, with `base_url=...`'}"
    yield f"- Protocol: {_PROTOCOLS[row.protocol]}"
    yield f"- Key: {keys}"
    yield f"- Thinking on: `{json.dumps(dialect.thinking_on)}`, off: `{json.dumps(dialect.thinking_off)}`"
    budget = f"`{'.'.join(dialect.thinking_budget)}`" if dialect.thinking_budget else "cannot be said"
    yield f"- Thinking budget: {budget}; replayed reasoning: {replayed}"
    yield f"- Answer length: `{dialect.max_tokens}`"
    if dialect.thinking_excludes:
        yield f"- Not combined with thinking: {', '.join(sorted(dialect.thinking_excludes)).replace('_', ' ')}"
    if dialect.tool_choice != "full":
        heeded = (
            "words only; for a named tool, that tool alone is sent" if dialect.tool_choice == "words" else "ignored"
        )
        yield f"- Tool choice: {heeded}"
    if dialect.schema_beside_tools is False:
        yield "- JSON as `response_format` decides the whole answer: no tool is called beside it"
    for reason in dict.fromkeys(dialect.dropped.values()):
        names = ", ".join(f"`{name}`" for name, given in dialect.dropped.items() if given == reason)
        yield f"- Refused: {names} ({reason})"
    yield f"- Source: {row.source}, read {row.checked}\n"
    if row.parameters:
        yield from _parameters("Parameter", row.parameters)
    if row.while_thinking:
        yield from _parameters("Parameter while thinking", row.while_thinking)
    for model, offer in row.models.items():
        if model != "*":
            yield from _offer(model, offer)


def _offer(model: str, offer: ModelOffer) -> Iterator[str]:
    yield f"### `{model}`\n"
    for name, value in offer.profile.items():
        yield f"- {name.replace('_', ' ')}: {_shown(value)}"
    yield ""
    if offer.parameters:
        yield from _parameters("Parameter of this model", offer.parameters)


def _shown(value: object) -> str:
    if isinstance(value, Price):
        return f"{value.input:g} in, {value.output:g} out, {value.currency}"
    if value is None:
        return "not stated"
    if isinstance(value, frozenset):
        return ", ".join(sorted(map(str, cast("frozenset[object]", value))))
    return str(value)


def _parameters(title: str, parameters: Mapping[str, Parameter | None]) -> Iterator[str]:
    yield f"| {title} | accepted | default |"
    yield "|---|---|---|"
    for name, parameter in parameters.items():
        if parameter is None:
            yield f"| `{name}` | none | |"
            continue
        default = "" if parameter.default is None else f"`{json.dumps(parameter.default)}`"
        yield f"| `{name}` | {parameter.range_text} | {default} |"
    yield ""


def main() -> int:
    """Write the page, or check it."""
    if "--check" in sys.argv:
        return 0 if PAGE.read_text(encoding="utf-8") == page() else 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
