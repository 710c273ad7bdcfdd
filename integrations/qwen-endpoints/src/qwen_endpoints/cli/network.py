"""Which proxy the environment sends calls through."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass


def proxy_for(url: str) -> str | None:
    """Return the proxy that calls to `url` go through, without its password; `None` where they go straight."""
    parts = urlsplit(url)
    proxies = getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    if not found or proxy_bypass(parts.hostname or ""):
        return None
    proxy = urlsplit(found if "://" in found else f"http://{found}")
    return f"{proxy.scheme}://{proxy.hostname}{f':{proxy.port}' if proxy.port else ''}"
