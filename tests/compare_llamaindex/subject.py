"""The suite over one class, named by the environment variable `COMPARED`. `one_side.py` runs it."""

from __future__ import annotations

import os
from typing import Any, Final

from llama_index.core.llms.llm import LLM
from llama_index_llm_tests import LLMSuite
from llama_index_llm_tests.bench import KEY
from typing_extensions import override

from tests.compare_llamaindex.peers import BY_NAME

PEER: Final = BY_NAME[os.environ["COMPARED"]]
PEER.prepare()


class TestPeer(LLMSuite):
    llm_class = PEER.load()
    settings = PEER.settings
    address = PEER.address
    key_variable = PEER.key_variable
    thinking_on = PEER.thinking_on
    thinking_off = PEER.thinking_off
    not_applicable = PEER.not_applicable

    @override
    def make_llm(self, base_url: str, **settings: Any) -> LLM:
        given = {**self.settings, self.address: base_url, self.key: KEY, **settings}
        return self.llm_class(**PEER.spelled(given))
