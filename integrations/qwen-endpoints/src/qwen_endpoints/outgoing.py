"""An HTTP request as it leaves: address, headers, credentials, body."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, SupportsIndex, cast

from typing_extensions import override

from qwen_endpoints._version import __version__
from qwen_endpoints.errors import ConfigurationError
from qwen_endpoints.protocols import PROTOCOLS

if TYPE_CHECKING:
    from qwen_endpoints.calls import Call
    from qwen_endpoints.types import Json

_KEY_HEADERS: Final = {"authorization": "Authorization", "x-api-key": "X-Api-Key"}


class _Unshown(str):
    """A value of a header or a query without a repr, for whoever prints local variables or logs requests."""

    __slots__ = ()

    @override
    def __repr__(self) -> str:
        return "'***'"

    @override
    def __getitem__(self, key: SupportsIndex | slice, /) -> str:
        return _Unshown(super().__getitem__(key))  # who prints long texts cuts them first


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One request. `content` is written once, however often it is sent."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    query: Mapping[str, Any] = field(repr=False)
    content: bytes | None = field(default=None, repr=False)

    def built(self, client: Any, timeouts: tuple[float, float, float, float]) -> Any:
        """Return it as a request of an HTTP client's own library, be it httpx2 or httpx."""
        # An empty mapping would take the query out of the address (seen on httpx 0.28 and httpx2 2.16).
        query = self.query or None
        return client.build_request(
            self.method, self.url, headers=self.headers, params=query, content=self.content, timeout=timeouts
        )

    def redirected(self, url: str) -> Outgoing:
        """Return it for another address, which is whole: it has the query that it needs."""
        return replace(self, url=url, query={})


def outgoing(call: Call, body: Json) -> Outgoing:
    """Return the request that makes a call.

    Raises:
        ConfigurationError: The body cannot be written as JSON.
    """
    protocol = PROTOCOLS[call.endpoint.provider.protocol]
    headers = {**_headers(call), "Content-Type": "application/json", **protocol.headers}
    return Outgoing(
        method="POST",
        url=call.endpoint.base_url + protocol.path,
        headers=_with_given(headers, call.transport.headers),
        query=_query(call),
        content=_written(call, body),
    )


def outgoing_listing(call: Call) -> Outgoing:
    """Return the request for the endpoint's list of models."""
    protocol = PROTOCOLS[call.endpoint.provider.protocol]
    return Outgoing(
        method="GET",
        url=call.endpoint.base_url + protocol.models_path,
        headers=_with_given({**_headers(call), **protocol.headers}, call.transport.headers),
        query=_query(call),
    )


def _headers(call: Call) -> dict[str, str]:
    headers = {"Accept": "application/json", "User-Agent": f"qwen-endpoints/{__version__}"}
    if call.endpoint.api_key:
        own, key = call.endpoint.provider.key_header, call.endpoint.api_key.get_secret_value()
        headers[_KEY_HEADERS[own]] = _Unshown(key if own == "x-api-key" else f"Bearer {key}")
    return headers


def _with_given(headers: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Join our headers with the caller's, which take the place of ours in whatever case they are written."""
    named = {name.lower() for name in given}
    ours = {name: value for name, value in headers.items() if name.lower() not in named}
    return {**ours, **{name: _Unshown(value) for name, value in given.items()}}


def _query(call: Call) -> dict[str, Any]:
    return {name: _unshown(value) for name, value in call.transport.query.items()}


def _unshown(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_unshown(item) for item in cast("Sequence[Any]", value)]
    return _Unshown(value) if isinstance(value, str) else value


def _written(call: Call, body: Json) -> bytes:
    try:
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise call.endpoint.scope.error(ConfigurationError, f"The request cannot be written: {error}.") from error
