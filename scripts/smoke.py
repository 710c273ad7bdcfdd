"""Call a local sandbox through what is installed: whole, streamed and async. The matrix runs it in each environment.

`python smoke.py langchain llamaindex` names the frameworks that must be there; one not named must be absent.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr
from qwen_sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL: Final = "qwen3.6-flash"
PROVIDER: Final = "anyfast"
QUESTION: Final = "Say hello."


def use_langchain(base_url: str, api_key: SecretStr) -> None:
    """Ask through `ChatQwen`."""
    import langchain_qwen  # noqa: PLC0415 - the environment may not have it

    _expect_installed(langchain_qwen.__file__)
    model = langchain_qwen.ChatQwen(model=MODEL, provider=PROVIDER, base_url=base_url, api_key=api_key)
    whole = model.invoke(QUESTION).text
    streamed = "".join(chunk.text for chunk in model.stream(QUESTION))
    awaited = asyncio.run(model.ainvoke(QUESTION)).text
    _expect_equal(whole, streamed, awaited)


def use_llamaindex(base_url: str, api_key: SecretStr) -> None:
    """Ask through LlamaIndex's `Qwen`."""
    from llama_index.llms import qwen  # noqa: PLC0415 - as above

    _expect_installed(qwen.__file__)
    model = qwen.Qwen(model=MODEL, provider=PROVIDER, base_url=base_url, api_key=api_key)
    whole = model.complete(QUESTION).text
    streamed = "".join(piece.delta or "" for piece in model.stream_complete(QUESTION))
    awaited = asyncio.run(model.acomplete(QUESTION)).text
    _expect_equal(whole, streamed, awaited)


FRAMEWORKS: Final[dict[str, tuple[str, Callable[[str, SecretStr], None]]]] = {
    "langchain": ("langchain_core", use_langchain),
    "llamaindex": ("llama_index", use_llamaindex),
}
SHOWN: Final = ("httpx2", "openai", "pydantic", "langchain-core", "llama-index-core", "starlette")


def _expect_installed(file: str | None) -> None:
    if file is None or not Path(file).is_relative_to(sys.prefix):
        raise SystemExit(f"{file} is not the installed package")


def _expect_equal(*answers: str) -> None:
    if not answers[0] or len(set(answers)) != 1:
        raise SystemExit(f"the answers differ or are empty: {answers}")


def _versions() -> str:
    installed = {found.name: found.version for found in distributions()}
    return ", ".join(f"{name} {installed[name]}" for name in SHOWN if name in installed)


def main(expected: list[str]) -> None:
    """Use the expected frameworks and make sure that the others are not installed."""
    with Sandbox() as sandbox:
        for name, (package, use) in FRAMEWORKS.items():
            if name in expected:
                use(sandbox.base_url(PROVIDER), SecretStr(sandbox.api_key))
            elif importlib.util.find_spec(package):
                raise SystemExit(f"{package} is installed without need")
    print(_versions())


if __name__ == "__main__":
    main(sys.argv[1:])
