"""Writes `docs/endpoints.md` from the tables, so that the page cannot say anything else than the code does.

`python scripts/endpoints_page.py` writes it; `--check` exits with 1 if it is not up to date.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from qwen_endpoints import PROVIDERS, Dialect, ModelProfile, Parameter, Price, Provider, QwenSettings, resolve

PAGE = Path(__file__).parent.parent / "docs" / "endpoints.md"
_HEAD: Final = """# Endpoints in detail

Made from the tables in `qwen_endpoints` by `scripts/endpoints_page.py`. Each section says where its facts were read and
when; a model's line adds what the catalogue knows of the model, with a source for each entry in `data/models.toml`. `?`
is unknown, which is not "no". A parameter that is not listed is sent as you give it, unchecked. Sizes are in tokens,
prices per million tokens.

## At a glance
"""
_PROTOCOLS: Final = {"chat_completions": "Chat Completions", "messages": "Messages"}
_EXCLUSIONS: Final = {
    "forced_tool_choice": "a tool choice that forces a call",
    "json_object": "JSON mode",
    "json_schema": "a JSON schema",
    "unsigned_calls": "a tool loop whose calls came without signed thinking",
    "begun_answer": "words begun for the assistant",
}
_PARTS: Final = {"video": " (a list of frames)"}
_TOOL_CHOICES: Final = {
    "words": "`auto`, `none` and `required` are heeded; for a named tool, that tool alone is sent",
    "ignored": "ignored by the server",
}
_QUIRKS: Final[tuple[tuple[str, Callable[[Dialect], bool]], ...]] = (
    ("message content is one string: text only, no images", lambda it: not it.content_parts),
    ("`strict` in a tool's definition is left out", lambda it: not it.keeps_strict),
    ("`$ref` in a tool's parameters is replaced by what it points to", lambda it: it.inline_refs),
    ("`cache_control` marks are left out", lambda it: not it.cache_control),
    (
        "how densely media are sampled (`fps`, `max_pixels`, ...) cannot be said",
        lambda it: it.content_parts and not it.media_sampling,
    ),
    ("sound goes as a data URL", lambda it: it.audio_data_urls),
    ("a thinking budget or an effort, not both", lambda it: it.one_degree),
    (
        "with a JSON format set, the format decides the whole answer: no tool is called beside it",
        lambda it: it.schema_beside_tools is False,
    ),
    ("unparsed `<think>` tags may come through, and are taken out of the text", lambda it: it.raw_think_tags),
)


def page() -> str:
    """Return the page's text."""
    rows = PROVIDERS.values()
    sections = (line for row in rows for line in _section(row))
    return "\n".join([_HEAD, *_glance(rows), *sections]).rstrip() + "\n"


def _glance(rows: Iterable[Provider]) -> Iterator[str]:
    yield from _table(
        ["provider", "base URL", "key variable", "thinking is switched by"],
        (
            [
                f"[`{row.name}`](#{row.name})",
                _base_url(row),
                _keys(row),
                ", ".join(f"`{name}`" for name in row.dialect.thinking_on),
            ]
            for row in rows
        ),
    )


def _section(row: Provider) -> Iterator[str]:
    yield f"## `{row.name}`\n"
    first, *others = _facts(row)
    yield from _table(first, others)
    yield from _models(row)
    quirks = [text for text, holds in _QUIRKS if holds(row.dialect)]
    if quirks:
        yield "What is done for it, or cannot be said to it:\n"
        yield from (f"- {text}" for text in quirks)
        yield ""
    if row.dialect.dropped:
        yield "Refused before anything is sent:\n"
        yield from _table(["parameter", "why"], _refusals(row.dialect.dropped))
    if row.parameters:
        yield from _parameters("parameter", row.parameters)
    if row.while_thinking:
        yield from _parameters("parameter while thinking", row.while_thinking)
    for model, offer in row.models.items():
        if offer.parameters:
            yield from _parameters(f"parameter of `{model}`", offer.parameters)


def _facts(row: Provider) -> Iterator[list[str]]:
    dialect = row.dialect
    yield ["Base URL", _base_url(row)]
    yield ["Protocol", _PROTOCOLS[row.protocol]]
    key = _keys(row) + (", sent as `x-api-key`" if row.key_header == "x-api-key" else "")
    yield ["Key", f"{key}; from <{row.key_page}>" if row.key_page else key]
    if row.key_hint:
        yield ["", row.key_hint.replace("'", "`")]
    yield ["Thinking on, off", f"`{json.dumps(dialect.thinking_on)}`, `{json.dumps(dialect.thinking_off)}`"]
    if dialect.thinking_budget != dialect.reasoning_effort:
        yield ["Thinking budget", _path(dialect.thinking_budget)]
        yield ["Reasoning effort", _path(dialect.reasoning_effort)]
    else:
        yield ["Thinking budget, reasoning effort", _path(dialect.thinking_budget)]
    yield ["Earlier reasoning goes back as", _replayed(row)]
    yield ["Answer length", f"`{dialect.max_tokens}`"]
    if dialect.thinking_excludes:
        excluded = [text for name, text in _EXCLUSIONS.items() if name in dialect.thinking_excludes]
        yield ["Thinking is off for a request with", "; ".join(excluded)]
    if dialect.tool_choice in _TOOL_CHOICES:
        yield ["Tool choice", _TOOL_CHOICES[dialect.tool_choice]]
    if dialect.refused_parts:
        parts = ", ".join(f"`{part}`{_PARTS.get(part, '')}" for part in sorted(dialect.refused_parts))
        yield ["Content parts that are refused", parts]
    source = re.sub(r"https://[^\s;]+", lambda url: f"<{url[0]}>", row.source)
    yield ["Source", f"{source}, read {row.checked}" if source != row.source else source]


def _replayed(row: Provider) -> str:
    if row.protocol == "messages":
        return "the signed blocks, as they came" if row.dialect.signed_thinking else "thinking blocks"
    named = f"`{row.dialect.reasoning_field}`" if row.dialect.reasoning_field else "the name it came by"
    return f"{named}; `reasoning_details` as they came" if row.dialect.replays_details else named


def _refusals(dropped: Mapping[str, str]) -> Iterator[list[str]]:
    for reason in dict.fromkeys(dropped.values()):
        yield [", ".join(f"`{name}`" for name, given in dropped.items() if given == reason), reason]


def _parameters(title: str, parameters: Mapping[str, Parameter | None]) -> Iterator[str]:
    yield from _table(
        [title, "accepted", "default"],
        (
            [f"`{name}`", "must not be sent", ""]
            if parameter is None
            else [f"`{name}`", _range(parameter), _default(parameter)]
            for name, parameter in parameters.items()
        ),
    )


def _range(parameter: Parameter) -> str:
    return parameter.range_text + (f", with `{parameter.needs}`" if parameter.needs else "")


def _default(parameter: Parameter) -> str:
    return "?" if parameter.default is None else f"`{json.dumps(parameter.default)}`"


def _models(row: Provider) -> Iterator[str]:
    named = [model for model in row.models if model != "*"]
    if named:
        titles = ["model", "context", "output", "takes", "thinking", "tools", "JSON schema", "price, in / out"]
        yield from _table(titles, (_model(row, model) for model in named))
    if row.id_prefix is not None:
        ids = f"with `{row.id_prefix}` before its id" if row.id_prefix else "under its own id"
        yield f"It has every model of the catalogue, {ids}: `qwen-endpoints models --provider {row.name}` lists them.\n"


def _model(row: Provider, model: str) -> list[str]:
    profile = resolve(QwenSettings(model=model, provider=row), need_key=False).profile
    return [
        f"`{model}`",
        _size(profile.context_window),
        _size(profile.max_output_tokens),
        ", ".join(sorted(profile.inputs, key="text image video audio file".find)) if profile.inputs else "?",
        _thinking(profile),
        _yes(profile.tools),
        _yes(profile.json_schema),
        _price(profile.price),
    ]


def _thinking(profile: ModelProfile) -> str:
    if profile.thinking != "hybrid":
        return {"none": "no", "always": "always"}.get(profile.thinking or "", "?")
    default = {True: "on by default", False: "off by default", None: "default unknown"}[profile.thinking_default]
    streams = "; in streams, which whole calls become" if profile.thinking_streams_only else ""
    return f"yes, {default}{streams}"


def _size(tokens: int | None) -> str:
    return "?" if tokens is None else f"{tokens:,}"


def _yes(known: bool | None) -> str:
    return {True: "yes", False: "no", None: "?"}[known]


def _price(price: Price | None) -> str:
    return "?" if price is None else f"{price.input:g} / {price.output:g} {price.currency}"


def _base_url(row: Provider) -> str:
    return f"`{row.base_url}`" if row.base_url else "yours, as `base_url`"


def _keys(row: Provider) -> str:
    return " or ".join(f"`{name}`" for name in row.key_variables) or "none needed"


def _path(keys: tuple[str, ...] | None) -> str:
    return f"`{'.'.join(keys)}`" if keys else "cannot be said"


def _table(titles: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    for cells in (titles, ["---"] * len(titles), *rows):
        yield f"| {' | '.join(cells)} |"
    yield ""


def main() -> int:
    """Write the page, or check it."""
    if "--check" in sys.argv:
        return 0 if PAGE.read_text(encoding="utf-8") == page() else 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
