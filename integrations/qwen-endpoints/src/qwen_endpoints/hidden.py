"""Striking secrets out of what failures tell: texts, bodies, and the requests that exceptions hold.

A secret is the key, and every value of the caller's own headers and query, of which nobody can say which are
credentials. It is found as it was sent and as it stands in an address; not in other codes, such as base64.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast
from urllib.parse import quote, quote_plus

_STRUCK: Final = "***"
_SHORTEST_KEY: Final = 4
"""What is shorter is a placeholder, for a server that takes any key."""
_SHORTEST_VALUE: Final = 8
"""What is shorter is a word or a number, and would tear holes into what an endpoint says."""
_CREDENTIALS: Final = frozenset({"authorization", "proxy-authorization", "x-api-key", "api-key", "cookie"})
_CREDENTIAL_BYTES: Final = frozenset(name.encode() for name in _CREDENTIALS)


def spellings(key: str | None, values: Iterable[str]) -> tuple[str, ...]:
    """Return every text to look for, the longest first, so that no part of one is left where another begins alike."""
    long_enough = [value for value in _with_tokens(values) if len(value) >= _SHORTEST_VALUE]
    if key and len(key) >= _SHORTEST_KEY:
        long_enough.append(key)
    found = {spelt for value in long_enough for spelt in (value, *_quoted(value))}
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


def hide_in_chain(
    error: BaseException, secrets: tuple[str, ...], header_names: Iterable[str], *, handled: BaseException | None
) -> None:
    """Strike the secrets out of an exception and all that led to it, in place.

    Whoever calls while handling an exception of their own (`handled`) finds that one in the chain as well. It is not
    touched.

    The transport's exceptions hold the request, which shows wherever a failure is pickled, stored or printed with its
    locals. Of it, the values of `header_names`, of whatever else carries credentials, and of the query are taken out.
    """
    names = _CREDENTIALS.union(name.lower() for name in header_names)
    for link in _chain(error, handled):
        link.args = tuple(_shown(item, secrets) for item in link.args)
        state = vars(link)
        state.update({name: _shown(value, secrets) for name, value in state.items()})
        _hide_request(request_of(link), names)


def _with_tokens(values: Iterable[str]) -> Iterator[str]:
    """Give each value, and of `Bearer abc` also what follows the scheme."""
    for value in values:
        yield value
        scheme, _, rest = value.partition(" ")
        if rest and scheme.isalpha():
            yield rest.strip()


def _quoted(value: str) -> tuple[str, str, str]:
    """As it stands in an address; half a character, which cannot stand there, is no error here."""
    spelt = value.encode("utf-8", "replace")
    return quote(spelt), quote(spelt, ""), quote_plus(spelt)


def _chain(error: BaseException, end: BaseException | None) -> list[BaseException]:
    found: dict[int, BaseException] = {}
    left: list[BaseException | None] = [error]
    while left:
        link = left.pop()
        if link is not None and link is not end and id(link) not in found:
            found[id(link)] = link
            left += (link.__cause__, link.__context__)
    return list(found.values())


def credentials_of(request: Any) -> set[str]:
    """Return what a request carried in the headers for credentials, whoever put it there."""
    return {value.decode("latin-1") for name, value in request.headers.raw if name.lower() in _CREDENTIAL_BYTES}


def _shown(value: Any, secrets: tuple[str, ...]) -> Any:
    if not isinstance(value, (str, dict, list, tuple)):
        return value
    try:
        return strike_json(value, secrets)
    except (RecursionError, TypeError):  # nested too deeply, or a tuple with fields of its own
        return None


def request_of(error: BaseException) -> Any:
    """Return the request that an exception of the transport holds, or `None`."""
    try:
        return getattr(error, "request", None)
    except RuntimeError:  # httpx2: an exception without one
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
