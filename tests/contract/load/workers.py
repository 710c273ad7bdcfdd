"""What runs in worker processes. A module of its own, because they import what they are sent by its name."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Sequence
from typing import Any

from tests.contract.drivers import Ask, LangChain, LlamaIndex


def ask_in_worker(driver: LangChain | LlamaIndex, prompt: str) -> dict[str, Any]:
    """Ask twice on each way, sync and async; return what was said, where, and what nobody could catch."""
    unraisable: list[str] = []
    sys.unraisablehook = lambda told: unraisable.append(repr(told))
    said = [ask(driver, prompt), ask(driver, prompt), asyncio.run(_twice(driver, prompt))]
    gc.collect()
    return {"pid": os.getpid(), "said": said, "unraisable": unraisable}


def ask(driver: LangChain | LlamaIndex, prompt: str) -> str:
    """Stream an answer, and join it."""
    return "".join(texts(driver, driver.stream(Ask(prompt=prompt))))


def texts(driver: LangChain | LlamaIndex, pieces: Any) -> Sequence[str]:
    """The words of pieces of a stream."""
    return [text_of(driver, piece) for piece in pieces]


def text_of(driver: LangChain | LlamaIndex, piece: Any) -> str:
    """The words of one piece."""
    return piece.text if isinstance(driver, LangChain) else piece.delta or ""


async def _twice(driver: LangChain | LlamaIndex, prompt: str) -> str:
    first, second = await _aask(driver, prompt), await _aask(driver, prompt)
    assert first == second
    return first


async def _aask(driver: LangChain | LlamaIndex, prompt: str) -> str:
    return "".join([text_of(driver, piece) async for piece in await driver.astream(Ask(prompt=prompt))])
