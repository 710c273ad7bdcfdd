"""An HTTP request as it leaves: address, headers, credentials, body."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, SupportsIndex, cast

from typing_extensions import override

from qwen_endpoints._version import __version__
from qwen_endpoints.errors import ConfigurationError
from qwen_endpoints.protocols import PROTOCOLS

if TYPE_CHECKING:
    from qwen_endpoints.calls import Call
    from qwen_endpoints.words import Json

_KEY_HEADERS: Final = {"authorization": "Authorization", "x-api-key": "X-Api-Key"}
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""Of a header (RFC 9110, 5.6.2)."""
_VALUE: Final = re.compile(r"([!-~]+([ \t]+[!-~]+)*)?")
"""Of a header, without what httpx2 cannot write: characters beyond ASCII."""


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
        ConfigurationError: The body cannot be written as JSON, or a header or the query cannot be written at all.
    """
    protocol = PROTOCOLS[call.endpoint.provider.protocol]
    headers = {**_headers(call), "Content-Type": "application/json", **protocol.headers}
    return Outgoing(
        method="POST",
        url=call.endpoint.base_url + protocol.path,
        headers=_with_given(headers, call),
        query=_query(call),
        content=_written(call, body),
    )


def outgoing_listing(call: Call) -> Outgoing:
    """Return the request for the endpoint's list of models. Raises as `outgoing`."""
    protocol = PROTOCOLS[call.endpoint.provider.protocol]
    return Outgoing(
        method="GET",
        url=call.endpoint.base_url + protocol.models_path,
        headers=_with_given({**_headers(call), **protocol.headers}, call),
        query=_query(call),
    )


def _headers(call: Call) -> dict[str, str]:
    headers = {"Accept": "application/json", "User-Agent": f"qwen-endpoints/{__version__}"}
    if call.endpoint.api_key:
        own, key = call.endpoint.provider.key_header, call.endpoint.api_key.get_secret_value()
        headers[_KEY_HEADERS[own]] = _Unshown(key if own == "x-api-key" else f"Bearer {key}")
    return headers


def _with_given(headers: Mapping[str, str], call: Call) -> dict[str, str]:
    """Join our headers with the caller's, which take the place of ours in whatever case they are written."""
    given = call.transport.headers
    for name, value in given.items():
        if not _NAME.fullmatch(name):
            raise call.endpoint.scope.error(ConfigurationError, f"{name!r} is no name of a header.")
        if not _VALUE.fullmatch(value):
            what = "a line break, a character beyond ASCII, or white space at an end"
            raise call.endpoint.scope.error(ConfigurationError, f"The header {name} has {what}: it cannot be sent.")
    named = {name.lower() for name in given}
    ours = {name: value for name, value in headers.items() if name.lower() not in named}
    return {**ours, **{name: _Unshown(value) for name, value in given.items()}}


def _query(call: Call) -> dict[str, Any]:
    return {name: _queried(call, name, value) for name, value in call.transport.query.items()}


def _queried(call: Call, name: str, value: Any) -> Any:
    """Return a parameter, or the several of that name; httpx2 would write anything else as its repr."""
    several = list(cast("Sequence[Any]", value)) if isinstance(value, (list, tuple)) else [value]
    for item in several:
        if item is not None and not isinstance(item, (str, int, float)):
            text = (
                f"default_query[{name!r}] holds a {type(item).__name__}; a query has texts, numbers and lists of them."
            )
            raise call.endpoint.scope.error(ConfigurationError, text)
    return [_Unshown(item) if isinstance(item, str) else item for item in several]


def _written(call: Call, body: Json) -> bytes:
    try:
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise call.endpoint.scope.error(ConfigurationError, f"The request cannot be written: {error}.") from error
