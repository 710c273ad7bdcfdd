"""How endpoints spell the parts of their protocol that vary between them: rows of facts, and nothing that acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from qwen_endpoints.words import Json

Exclusion = Literal["forced_tool_choice", "json_object", "json_schema", "unsigned_calls", "begun_answer"]
ToolChoices = Literal["full", "words", "ignored"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One endpoint's spelling. Pass your own, or `dataclasses.replace` a row: nothing needs subclassing."""

    thinking_on: Json = field(default_factory=lambda: dict[str, Any](enable_thinking=True))
    """What is merged into the body to make a hybrid model reason."""
    thinking_off: Json = field(default_factory=lambda: dict[str, Any](enable_thinking=False))
    """What is merged into the body to keep it from reasoning."""
    thinking_budget: tuple[str, ...] | None = ("thinking_budget",)
    """Where in the body the reasoning budget (tokens) goes; `None`: it cannot be said."""
    reasoning_effort: tuple[str, ...] | None = ("reasoning_effort",)
    """Where in the body the effort word goes; `None`: it cannot be said."""
    one_degree: bool = False
    """Takes a budget or an effort, not both."""
    effort_replaces_switch: bool = False
    """An effort or a budget says by itself that thinking is on, and `thinking_on` must not stand beside it."""
    preserve_thinking: tuple[str, ...] | None = ("preserve_thinking",)
    """Where in the body the wish to keep earlier reasoning goes; `None`: it cannot be said."""
    thinking_excludes: frozenset[Exclusion] = frozenset()
    """What a request that reasons may not also ask for; thinking is then off for that request only."""
    reasoning_field: str | None = "reasoning_content"
    """The key that replayed reasoning is sent under. `None`: unknown, so it is the one that the reasoning came by."""
    replays_details: bool = False
    """Takes `reasoning_details` back; otherwise they are left out of replayed messages."""
    signed_thinking: bool = False
    """Takes reasoning back only as the signed blocks it came in, and leaves out of them what it does not need."""
    max_tokens: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """The key that limits the answer's length."""
    content_parts: bool = True
    """Takes message content as a list of parts. `False`: text parts are joined, anything else is refused."""
    keeps_strict: bool = True
    """Keeps `strict` in a tool's definition."""
    inline_refs: bool = False
    """`$ref` in tool parameters is replaced by what it points to, because servers mis-handle it."""
    tool_choice: ToolChoices = "full"
    """Which tool choices are heeded: `full` the words and the object that names a tool, `words` the words alone,
    `ignored` none at all."""
    schema_beside_tools: bool | None = None
    """Whether a `response_format` of JSON leaves the model free to call tools. `False`: it decides the whole answer."""
    json_word: bool = True
    """JSON mode wants the word JSON somewhere in the prompt; it is added when missing."""
    refused_parts: frozenset[str] = frozenset()
    """Content part types the endpoint is known to reject."""
    media_sampling: bool = True
    """Hands on the keys beside a URL that say how densely media are sampled (`fps`, `max_pixels`, ...)."""
    audio_data_urls: bool = False
    """Takes sound as a data URL only; elsewhere it is bare base64."""
    cache_control: bool = True
    """Takes `cache_control` marks on content parts."""
    dropped: Mapping[str, str] = field(default_factory=dict[str, str])
    """Parameters the endpoint is known to drop or unable to express, by neutral name, each with the reason."""
    raw_think_tags: bool = False
    """Raw model output may come through unparsed, so that `</think>` may stand in the content without an opener."""


_NEW_API: Final = "the gateway re-encodes requests and drops this field (new-api, dto/openai_request.go, late 2025)"
_NO_BUDGET: Final = "the server has no documented field for a reasoning budget"

DASHSCOPE: Final = Dialect(
    # Forced choice: 400 "does not support being set to required or object in thinking mode" (cloudwego/eino#994).
    # JSON: 400 "Json mode response is not supported when enable_thinking is true" (presenton/presenton#184).
    thinking_excludes=frozenset({"forced_tool_choice", "json_object", "json_schema"}),
    # `type: file` parts are rejected (pydantic-ai, providers/alibaba.py, Aug 2026).
    refused_parts=frozenset({"file"}),
    audio_data_urls=True,  # `data:;base64,...` in Model Studio's own samples; bare data: AAswordman/Operit#601, 2026
    # Servers of the Qwen family resolve `$defs` badly (pydantic-ai, profiles/qwen.py, Aug 2026).
    inline_refs=True,
)
"""Alibaba Cloud Model Studio, compatible mode. Read 2026-07."""

ANYFAST: Final = Dialect(
    max_tokens="max_completion_tokens",
    thinking_budget=None,
    preserve_thinking=None,
    thinking_excludes=DASHSCOPE.thinking_excludes,
    keeps_strict=False,  # tools[].function keeps only name, description and parameters
    inline_refs=True,
    refused_parts=frozenset({"video"}),  # the page's parts are text, image_url and video_url
    media_sampling=False,  # video_url keeps only `url`
    cache_control=False,
    dropped=dict(
        thinking_budget=_NEW_API,
        preserve_thinking=_NEW_API,
        min_p=_NEW_API,
        top_a=_NEW_API,
        repetition_penalty=_NEW_API,
        logit_bias=_NEW_API,
        chat_template_kwargs=_NEW_API,
    ),
)
"""Anyfast, whose replies and errors are those of a new-api gateway. The page names `max_completion_tokens`. Read
2026-11-21."""

ANYFAST_CN: Final = Dialect(
    max_tokens="max_tokens",
    content_parts=False,  # the page takes `content` as a string only
    thinking_budget=None,
    preserve_thinking=None,
    thinking_excludes=DASHSCOPE.thinking_excludes,
    keeps_strict=False,
    inline_refs=True,
    cache_control=False,
    dropped=ANYFAST.dropped,
)
"""Anyfast's mainland site. Read 2026-11-21."""

WCODE: Final = Dialect(
    # The page documents `reasoning.effort` alone; `medium` is the middle of its scale (about 50 % of max_tokens).
    thinking_on=dict(reasoning=dict(effort="medium")),
    thinking_off=dict(reasoning=dict(effort="none")),
    thinking_budget=None,
    reasoning_effort=("reasoning", "effort"),
    effort_replaces_switch=True,
    preserve_thinking=None,
    reasoning_field="reasoning",
    replays_details=True,
    refused_parts=frozenset({"video"}),  # the page's parts are text, image_url and video_url
    dropped=dict(
        thinking_budget="the page offers reasoning.effort only: set reasoning_effort instead",
        preserve_thinking="the page has no such field",
    ),
)
"""wcode.net over Chat Completions, with OpenRouter's field names. Read 2026-11-21."""

OPENROUTER: Final = Dialect(
    thinking_on=dict(reasoning=dict(enabled=True)),
    thinking_off=dict(reasoning=dict(effort="none")),
    thinking_budget=("reasoning", "max_tokens"),
    reasoning_effort=("reasoning", "effort"),
    one_degree=True,
    effort_replaces_switch=True,
    preserve_thinking=None,
    reasoning_field="reasoning",
    replays_details=True,
    inline_refs=True,  # most upstreams are vLLM or DashScope
    dropped=dict(preserve_thinking="OpenRouter replays reasoning by `reasoning_details`, which are always sent back"),
)
"""openrouter.ai. Read 2026-08."""

VLLM: Final = Dialect(
    thinking_on=dict(chat_template_kwargs=dict(enable_thinking=True)),
    thinking_off=dict(chat_template_kwargs=dict(enable_thinking=False)),
    thinking_budget=("thinking_token_budget",),  # needs a server started with --reasoning-config
    preserve_thinking=("chat_template_kwargs", "preserve_thinking"),
    reasoning_field="reasoning",  # since 0.11; docs.vllm.ai v0.26
    inline_refs=True,
    schema_beside_tools=False,  # vllm-project/vllm#39929, 2026-04
    dropped=dict(top_a="no such sampler", verbosity="no such parameter"),
    raw_think_tags=True,
)
"""vLLM's own server. Read 2026-08."""

SGLANG: Final = Dialect(
    thinking_on=VLLM.thinking_on,
    thinking_off=VLLM.thinking_off,
    thinking_budget=("chat_template_kwargs", "thinking_budget"),  # docs.sglang.io, thinking budget
    preserve_thinking=VLLM.preserve_thinking,
    reasoning_field="reasoning_content",
    inline_refs=True,
    schema_beside_tools=False,  # sgl-project/sglang#25777, 2026-05
    dropped=VLLM.dropped,
    raw_think_tags=True,
)
"""SGLang's own server. Read 2026-08."""

LLAMACPP: Final = Dialect(
    thinking_on=VLLM.thinking_on,
    thinking_off=VLLM.thinking_off,
    thinking_budget=None,
    preserve_thinking=VLLM.preserve_thinking,
    reasoning_field="reasoning_content",
    refused_parts=frozenset({"video_url", "video"}),  # "unsupported content[].type", recorded 2026
    tool_choice="words",  # the object is read as `auto`: ggml-org/llama.cpp#26535, 2026-08; seen 2026-11-22
    schema_beside_tools=False,  # seen 2026-11-22
    dropped=dict(thinking_budget=_NO_BUDGET, top_a="no such sampler", verbosity="no such parameter"),
    raw_think_tags=True,
)
"""llama.cpp's server with `--jinja`. Read 2026-08."""

OLLAMA: Final = Dialect(
    # The OpenAI-compatible route takes effort words where the native one has `think`.
    thinking_on=dict(reasoning_effort="medium"),
    thinking_off=dict(reasoning_effort="none"),
    thinking_budget=None,
    effort_replaces_switch=True,
    preserve_thinking=None,
    reasoning_field="reasoning",
    refused_parts=frozenset({"video_url", "video", "file"}),
    tool_choice="ignored",  # ollama/ollama#17921, 2026-08
    schema_beside_tools=False,  # ollama/ollama#8095, 2024-12
    dropped=dict(thinking_budget=_NO_BUDGET, preserve_thinking="no such parameter", verbosity="no such parameter"),
    raw_think_tags=True,
)
"""Ollama's `/v1`."""

GENERIC: Final = Dialect(
    # Nothing is known of the server, so thinking is switched in both spellings that Qwen servers use; each kind of
    # server ignores the other's.
    thinking_on=dict(enable_thinking=True, chat_template_kwargs=dict(enable_thinking=True)),
    thinking_off=dict(enable_thinking=False, chat_template_kwargs=dict(enable_thinking=False)),
    # vLLM reads `reasoning` alone and drops the other unseen (vllm-project/vllm#38488), others the reverse.
    reasoning_field=None,
    inline_refs=True,
    raw_think_tags=True,
)
"""Any other server that speaks Chat Completions."""

_NO_PLACE: Final = "the Messages protocol has no such parameter"

MESSAGES: Final = Dialect(
    # docs.anthropic.com, Messages and extended thinking, 2026.
    thinking_on=dict(thinking=dict(type="enabled")),
    thinking_off=dict(thinking=dict(type="disabled")),
    thinking_budget=("thinking", "budget_tokens"),
    reasoning_effort=("thinking", "budget_tokens"),  # said as a budget, see `messages.encode`
    one_degree=True,
    preserve_thinking=None,
    # "tool_choice any and tool are not supported with thinking"; a turn that calls must start with its thinking; "you
    # cannot pre-fill responses when thinking is enabled".
    thinking_excludes=frozenset({"forced_tool_choice", "unsigned_calls", "begun_answer"}),
    replays_details=True,
    signed_thinking=True,
    keeps_strict=False,
    inline_refs=True,
    json_word=False,
    refused_parts=frozenset({"video_url", "video", "input_audio", "audio_url", "file"}),
    media_sampling=False,
    dropped=dict.fromkeys(
        (
            "frequency_penalty",
            "logit_bias",
            "logprobs",
            "min_p",
            "n",
            "presence_penalty",
            "preserve_thinking",
            "repetition_penalty",
            "seed",
            "top_a",
            "top_logprobs",
            "verbosity",
        ),
        _NO_PLACE,
    ),
)
"""Anthropic's Messages as its own page has it."""

MESSAGES_LLAMACPP: Final = replace(
    MESSAGES,
    # `thinking.type` is ignored; its budget and the template's own switch are not (seen 2026-11-22).
    thinking_on=dict(thinking=dict(type="enabled"), chat_template_kwargs=dict(enable_thinking=True)),
    thinking_off=dict(thinking=dict(type="disabled"), chat_template_kwargs=dict(enable_thinking=False)),
    thinking_excludes=frozenset(),
    signed_thinking=False,
    tool_choice=LLAMACPP.tool_choice,
)
"""llama.cpp's `/v1/messages`, whose thinking is not signed."""

MESSAGES_VLLM: Final = replace(MESSAGES_LLAMACPP, tool_choice="full")
"""vLLM's `/v1/messages`. Read 2026-08."""
