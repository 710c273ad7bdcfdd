"""`Qwen` passes the conformance suite for LlamaIndex LLMs, all of it, in both protocols."""

from __future__ import annotations

from typing import ClassVar

from llama_index.llms.qwen import Qwen
from llama_index_llm_tests import LLMSuite
from llama_index_llm_tests.construction import ConstructionTests


class TestQwen(LLMSuite):
    llm_class = Qwen
    settings: ClassVar = {"model": "qwen3-32b", "provider": "generic", "max_retries": 0}
    address = "base_url"
    thinking_on: ClassVar = {"enable_thinking": True}
    thinking_off: ClassVar = {"enable_thinking": False}


class TestQwenWithAKeyVariable(ConstructionTests):
    llm_class = Qwen
    settings: ClassVar = {"model": "qwen3.6-flash", "provider": "anyfast", "max_retries": 0}
    address = "base_url"
    key_variable = "ANYFAST_API_KEY"


class TestQwenOverMessages(LLMSuite):
    llm_class = Qwen
    protocol = "messages"
    settings: ClassVar = {"model": "qwen/qwen3-235b-a22b", "provider": "wcode-anthropic", "max_retries": 0}
    address = "base_url"
    key_variable = "WCODE_API_KEY"
    thinking_on: ClassVar = {"enable_thinking": True}
    thinking_off: ClassVar = {"enable_thinking": False}
    media_settings: ClassVar = {"model": "qwen/qwen3-vl-32b-instruct"}
