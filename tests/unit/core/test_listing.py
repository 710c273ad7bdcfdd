"""Asking an endpoint for its list of models."""

from __future__ import annotations

import json

import pytest
from qwen_endpoints import ConnectionFailedError, QwenClient, errors, plan_call
from qwen_endpoints.listing import Listing

from .support import KEY, Reply, Server, make, user

MODELS = {"object": "list", "data": [{"id": "a"}, {"id": "b"}, {"name": "no id"}, "junk"]}


async def listed(client: QwenClient, server: Server, provider: str) -> Listing:
    """Ask twice, sync and async; both see the same."""
    call = plan_call(make(server, provider, max_retries=0), [user()])
    found, again = client.list_models(call), await client.alist_models(call)
    assert (found.ids, type(found.refusal), found.skew is None) == (again.ids, type(again.refusal), again.skew is None)
    return found


@pytest.mark.parametrize("provider", ["llamacpp", "llamacpp-anthropic", "wcode"])
async def test_the_ids_in_their_order(client: QwenClient, server: Server, provider: str) -> None:
    server.script(Reply((json.dumps(MODELS).encode(),)))
    found = await listed(client, server, provider)
    assert (found.ids, found.refusal) == (("a", "b"), None)
    for seen in server.received:
        assert (seen.path, seen.body) == ("/v1/models", b"")
        assert KEY in (seen.header("authorization") or seen.header("x-api-key") or "")


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"data": {}}', b"null"])
async def test_what_is_no_list(client: QwenClient, server: Server, body: bytes) -> None:
    server.script(Reply((body,)))
    assert (await listed(client, server, "wcode")).ids is None


@pytest.mark.parametrize(("status", "kind"), [(401, "AuthenticationError"), (404, "ModelNotFoundError")])
async def test_a_refusal_is_told_and_still_tells_the_time(
    client: QwenClient, server: Server, status: int, kind: str
) -> None:
    server.script(Reply((b'{"error": {"message": "no"}}',), status=status))
    found = await listed(client, server, "wcode")
    assert isinstance(found.refusal, getattr(errors, kind))
    assert (found.ids, found.skew is None) == (None, False)


async def test_no_answer_at_all_is_raised(client: QwenClient, server: Server) -> None:
    call = plan_call(make(server, "wcode", base_url="http://127.0.0.1:9/v1", max_retries=0), [user()])
    with pytest.raises(ConnectionFailedError):
        client.list_models(call)
    with pytest.raises(ConnectionFailedError):
        await client.alist_models(call)


def test_the_clock_is_compared(client: QwenClient, server: Server) -> None:
    server.script(Reply((b"{}",)))
    skew = client.list_models(plan_call(make(server, "wcode"), [user()])).skew
    assert skew is not None
    assert abs(skew) < 60
