"""Striking secrets out of what failures tell: texts, bodies, and the requests and replies that exceptions hold.

A secret is the key, and every value of the caller's own headers and query, of which nobody can say which are
credentials. It is found as it was sent and as it stands in an address; not in other codes, such as base64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, cast
from urllib.parse import quote, quote_plus

_STRUCK: Final = "***"
_SHORTEST_KEY: Final = 4
"""What is shorter is a placeholder, for a server that takes any key."""
_SHORTEST_VALUE: Final = 8
"""What is shorter is a word or a number, and would tear holes into what an endpoint says."""
_CREDENTIALS: Final = frozenset({"authorization", "proxy-authorization", "x-api-key", "api-key", "cookie"})
_CODINGS: Final = frozenset({"content-encoding", "transfer-encoding", "content-length"})


def spellings(key: str | None, values: Iterable[str]) -> tuple[str, ...]:
    """Return every text to look for, the longest first, so that no part of one is left where another begins alike."""
    long_enough = [value for value in _with_tokens(values) if len(value) >= _SHORTEST_VALUE]
    if key and len(key) >= _SHORTEST_KEY:
        long_enough.append(key)
    found = {spelt for value in long_enough for spelt in (value, quote(value), quote(value, ""), quote_plus(value))}
    return tuple(sorted(found, key=len, reverse=True))


def texts_of(headers: Mapping[str, str] | None, query: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the values of headers and of a query, which may hold lists, as texts."""
    given: list[Any] = [*(headers or {}).values()]
    for value in (query or {}).values():
        given += cast("list[Any]", value) if isinstance(value, (list, tuple)) else [value]
    return tuple(str(value) for value in given if isinstance(value, (str, int, float)))


def strike(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without the secrets."""
    for secret in secrets:
        text = text.replace(secret, _STRUCK)
    return text


def strike_json(value: Any, secrets: tuple[str, ...]) -> Any:
    """Copy parsed JSON with the secrets struck out of every string, names included.

    Raises:
        RecursionError: It is nested too deeply.
    """
    if isinstance(value, str):
        return strike(value, secrets)
    if isinstance(value, Mapping):
        pairs = cast("Mapping[Any, Any]", value).items()
        return {strike_json(name, secrets): strike_json(item, secrets) for name, item in pairs}
    if isinstance(value, (list, tuple)):
        items = cast("Iterable[Any]", value)
        return type(cast("Any", value))(strike_json(item, secrets) for item in items)
    return value


def hide_in_chain(error: BaseException, secrets: tuple[str, ...], header_names: Iterable[str]) -> None:
    """Strike the secrets out of an exception and all that led to it, in place.

    The SDKs' exceptions and their transport's hold the request with its headers, and the reply; both show wherever a
    failure is pickled, stored or printed with its locals. Of the request, the values of `header_names`, of whatever
    else carries credentials, and of the query are taken out; of the reply, what it repeats of the secrets.
    """
    names = _CREDENTIALS.union(name.lower() for name in header_names)
    replies: dict[int, Any] = {}
    links = _chain(error)
    # An HTTP client of the caller's own adds what nobody told us.
    secrets = spellings(None, _sent_credentials(links)) + secrets
    for link in links:
        # Shallow copies of these were made by nobody else: the exceptions are this call's own.
        link.args = tuple(_shown(item, secrets) for item in link.args)
        state = vars(link)
        state.update({name: _shown(value, secrets) for name, value in state.items()})
        reply = _attribute(link, "response")
        for request in (_attribute(link, "request"), _attribute(reply, "request")):
            _hide_request(request, names)
        if reply is not None and link is not error:
            link.__traceback__ = None  # the transport's frame holds the address as a text of its own
        if reply is not None and "response" in state:
            state["response"] = replies.setdefault(id(reply), _shown_reply(reply, secrets))


def _with_tokens(values: Iterable[str]) -> Iterator[str]:
    """Give each value, and of `Bearer abc` also what follows the scheme."""
    for value in values:
        yield value
        scheme, _, rest = value.partition(" ")
        if rest and scheme.isalpha():
            yield rest.strip()


def _chain(error: BaseException) -> list[BaseException]:
    found: dict[int, BaseException] = {}
    left: list[BaseException | None] = [error]
    while left:
        link = left.pop()
        if link is not None and id(link) not in found:
            found[id(link)] = link
            left += (link.__cause__, link.__context__)
    return list(found.values())


def credentials_of(request: Any) -> tuple[str, ...]:
    """Return what a request carried in the headers for credentials, whoever put it there."""
    sent = () if request is None else (request.headers.get(name) for name in _CREDENTIALS)
    return tuple(value for value in sent if value)


def _sent_credentials(links: Iterable[BaseException]) -> list[str]:
    requests = [_attribute(holder, "request") for link in links for holder in (link, _attribute(link, "response"))]
    return [value for request in requests for value in credentials_of(request)]


def _shown(value: Any, secrets: tuple[str, ...]) -> Any:
    if not isinstance(value, (str, dict, list, tuple)):
        return value
    try:
        return strike_json(value, secrets)
    except (RecursionError, TypeError):  # nested too deeply, or a tuple with fields of its own
        return None


def _attribute(holder: object, name: str) -> Any:
    try:
        return getattr(holder, name, None)
    except RuntimeError:  # httpx: an exception without a request
        return None


def _hide_request(request: Any, names: Iterable[str]) -> None:
    if request is None:
        return
    for name in names:
        if name in request.headers:
            request.headers[name] = _STRUCK
    if request.url.query:
        asked = "&".join(f"{quote(name)}={_STRUCK}" for name in request.url.params)
        request.url = request.url.copy_with(query=asked.encode())


def _shown_reply(reply: Any, secrets: tuple[str, ...]) -> Any:
    """The reply, or where it repeats a secret another one that does not."""
    told = [(name, strike(value, secrets)) for name, value in reply.headers.multi_items()]
    try:
        body: bytes = reply.content
    except Exception:  # noqa: BLE001 - not read, and the libraries have no class of that name in common
        body = b""
    clean = _strike_bytes(body, secrets)
    if clean == body and told == reply.headers.multi_items():
        return reply
    make: Callable[..., Any] = type(reply)
    kept = [(name, value) for name, value in told if name.lower() not in _CODINGS]
    return make(status_code=reply.status_code, headers=kept, content=clean, request=_attribute(reply, "request"))


def _strike_bytes(body: bytes, secrets: tuple[str, ...]) -> bytes:
    # Headers and addresses are ASCII, so that any code which agrees with it in the lower half will do.
    return strike(body.decode("latin-1"), secrets).encode("latin-1")
