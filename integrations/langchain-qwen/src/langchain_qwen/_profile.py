"""The catalogue's profile in LangChain's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import qwen_endpoints

if TYPE_CHECKING:
    from langchain_core.language_models import ModelProfile
    from qwen_endpoints import Endpoint


def langchain_profile(endpoint: Endpoint) -> ModelProfile:
    """Return what is known of a model at its endpoint; what is unknown is left out.

    `structured_output` makes LangChain's agents ask for their final answer by JSON schema beside their tools, so it is
    said only where this package would choose that way itself, and where tools are still called.
    """
    profile = endpoint.profile
    inputs = profile.inputs
    takes_schema = profile.json_schema
    if takes_schema:
        takes_schema = (
            qwen_endpoints.structured_method(endpoint) == "json_schema"
            and endpoint.dialect.schema_beside_tools is not False
        )
    found: dict[str, Any] = {
        "name": profile.id,
        "max_input_tokens": profile.context_window,
        "max_output_tokens": profile.max_output_tokens,
        "text_inputs": None if inputs is None else "text" in inputs,
        "image_inputs": None if inputs is None else "image" in inputs,
        "image_url_inputs": None if inputs is None else "image" in inputs,
        "video_inputs": None if inputs is None else "video" in inputs,
        "audio_inputs": None if inputs is None else "audio" in inputs,
        "reasoning_output": None if profile.thinking is None else profile.may_think,
        "text_outputs": True,
        "tool_calling": profile.tools,
        "tool_choice": profile.forced_tool_choice,
        "structured_output": takes_schema,
    }
    return cast("ModelProfile", {name: value for name, value in found.items() if value is not None})
