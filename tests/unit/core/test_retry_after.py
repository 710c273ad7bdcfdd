"""What an error says about when to try again."""

from __future__ import annotations

import pickle
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import httpx
import pytest
from qwen_endpoints import QwenClient, QwenError, QwenSettings, RateLimitError, plan_call
from qwen_endpoints.failures import ErrorScope
from qwen_endpoints.retry_after import seconds_to_wait
from qwen_sandbox import Reply, Sandbox

from .support import user


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "7", "retry-after-ms": "250"}, 0.25),
        ({"Retry-After": "7", "retry-after-ms": "soon"}, 7.0),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 20150000000000000000 07:28:00 GMT"}, None),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 +00000000000000000001"}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 +99999999999999999999"}, None),
    ],
)
def test_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert seconds_to_wait(httpx.Headers(headers)) == seconds


def test_a_date_is_counted_from_now() -> None:
    later = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=60), usegmt=True)
    told = seconds_to_wait(httpx.Headers({"Retry-After": later}))
    assert told is not None
    assert 50 < told <= 60


def test_an_error_tells_it_and_keeps_it(qwen_sandbox: Sandbox) -> None:
    busy = Reply(b'{"error": {"message": "busy"}}', status=429, headers={"Retry-After": "12"})
    url = qwen_sandbox.script_sequence("busy", [busy])
    settings = QwenSettings(model="qwen3-32b", provider="generic", base_url=url, max_retries=0)
    with pytest.raises(RateLimitError) as caught:
        QwenClient().complete(plan_call(settings, [user()]))
    assert caught.value.retry_after == 12.0
    assert pickle.loads(pickle.dumps(caught.value)).retry_after == 12.0  # noqa: S301 - our own


def test_without_headers_nothing_is_said() -> None:
    error: QwenError = ErrorScope(provider="x", model="y").from_body({"error": {"message": "busy"}}, status=429)
    assert error.retry_after is None
