"""Media blocks -> content parts of Chat Completions. URLs are passed on, never fetched, and no data is decoded."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, cast

from langchain_qwen._errors import ConfigurationError

Block = Mapping[str, Any]
Part = dict[str, Any]
MediaKind = Literal["image", "video", "audio", "application"]

_DATA_KEYS: Final = ("base64", "data", "file_data", "result")
_URL_KEYS: Final = ("url", "file_uri", "file_url", "image_url")
_OPTIONS: Final = ("fps", "max_frames", "min_pixels", "max_pixels", "total_pixels")
"""Model Studio's keys beside the URL of an image or a video: how densely it is sampled (samples of `qwen-vl-ocr` and
of video input, 2026)."""
_NOTES: Final = frozenset({"index", "id", "extras", "annotations", "metadata", "mime_type", "source_type"})
"""Keys by which LangChain keeps track of a block; endpoints know none of them."""
_AUDIO_FORMATS: Final = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "x-m4a": "m4a", "mp4": "m4a", "x-flac": "flac"}
"""Formats whose name differs from their media type's."""
_AUDIO_SUFFIXES: Final = frozenset({"mp3", "wav", "m4a", "flac", "ogg", "opus", "aac", "amr"})
_DEFAULTS: Final[Mapping[MediaKind, str]] = {
    "image": "image/png",
    "video": "video/mp4",
    "audio": "audio/wav",
    "application": "application/pdf",
}
_MAGIC: Final = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (8, b"WAVE", "audio/wav"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"%PDF", "application/pdf"),
)
"""Offset, bytes and media type of the formats that blocks without a media type are recognised by."""
_HEAD: Final = 32
"""Characters of base64 that hold the bytes above."""
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
"""How a URL begins. One letter is a Windows drive."""


def encode_media(block: Block) -> Part | None:
    """Turn a media block of any of LangChain's generations, or of a peer's, into a part.

    Known are the standard blocks (`image`, `video`, `audio`, `file` with `url`, `base64` or `file_id`), their v0
    forms (`source_type`), Anthropic's `source`, OpenAI Responses' `input_image` and `input_file`, Google's `media`,
    Qwen's own `{"type": "image", "image": ...}`, and Chat Completions' parts, which pass as they are but for
    LangChain's notes.

    Returns:
        The part, or `None` for a block without data.

    Raises:
        ConfigurationError: The data cannot be sent from here: a file's id, a path, bytes.
    """
    kind = block.get("type")
    payload = _PAYLOADS.get(cast("str", kind))
    if payload is not None and (kind not in _ENCODERS or isinstance(block.get(payload), list | Mapping)):
        return _own_part(block, payload)
    flat = flattened(block)
    return _ENCODERS[cast("str", kind)](flat)


def flattened(block: Block) -> dict[str, Any]:
    """Return one shape for all generations: `url`, `base64`, `file_id`, `mime_type` and options at the top."""
    kind = block.get("type")
    flat = {**_mapping(block.get("extras")), **block}
    source = _mapping(block.get("source"))
    flat.update({name: value for name, value in source.items() if name != "type"})
    if source.get("media_type"):
        flat["mime_type"] = source["media_type"]
    if block.get("source_type") == "id":
        flat.setdefault("file_id", block.get("id"))
    flat["base64"] = _first(flat, _DATA_KEYS)
    flat["url"] = _first(flat, (*_URL_KEYS, kind) if isinstance(kind, str) else _URL_KEYS)
    if not flat.get("filename"):
        flat["filename"] = _mapping(flat.get("metadata")).get("filename")
    return flat


def cached(part: Part, block: Block) -> Part:
    """Return the part with the block's cache mark, which LangChain may have moved among its `extras`."""
    mark = block.get("cache_control") or _mapping(block.get("extras")).get("cache_control")
    return {**part, "cache_control": mark} if mark else part


def empty_error(block: Block) -> Exception:
    """Return the error for a block that holds no data."""
    wanted = "`text`" if "text" in str(block.get("type")) else "`url`"
    return ConfigurationError(
        f"A content block of type {block.get('type')!r} holds neither {wanted} nor `base64` data: "
        f"it has {', '.join(sorted(str(key) for key, value in block.items() if value is not None))}."
    )


def data_of(flat: Block) -> str | None:
    """Return a flattened block's base64 text."""
    data = flat.get("base64")
    if data is None or data == "":
        return None
    if not isinstance(data, str):
        raise ConfigurationError(
            f"The data of a content block of type {flat.get('type')!r} is of type {type(data).__name__}: give text, "
            "base64.b64encode(data).decode()."
        )
    return data


def _image(flat: Block) -> Part | None:
    url = _address(flat, "image")
    if url is None:
        return None
    image = {"url": url, **({"detail": flat["detail"]} if flat.get("detail") else {})}
    return cached({"type": "image_url", "image_url": image, **_options(flat)}, flat)


def _video(flat: Block) -> Part | None:
    url = _address(flat, "video")
    return None if url is None else cached({"type": "video_url", "video_url": {"url": url}, **_options(flat)}, flat)


def _audio(flat: Block) -> Part | None:
    data = data_of(flat) or _url(flat)
    if data is None:
        return None
    return cached({"type": "input_audio", "input_audio": {"data": data, "format": _audio_format(flat)}}, flat)


def _audio_format(flat: Block) -> str:
    if flat.get("format"):
        return str(flat["format"])
    suffix = str(flat.get("url") or "").partition("?")[0].rpartition(".")[2].lower()
    if not flat.get("mime_type") and suffix in _AUDIO_SUFFIXES:
        return suffix
    subtype = _media_type(flat, "audio").rpartition("/")[2].partition(";")[0]
    return _AUDIO_FORMATS.get(subtype, subtype)


def _file(flat: Block) -> Part | None:
    if flat.get("file_id"):
        return cached({"type": "file", "file": {"file_id": flat["file_id"]}}, flat)
    address = _address(flat, "application")
    if address is None:
        return None
    name = flat.get("filename") or flat.get("title") or "document"
    return cached({"type": "file", "file": {"file_data": address, "filename": name}}, flat)


def _by_media_type(flat: Block) -> Part | None:
    """A file, or what its media type says it is: endpoints that refuse files take pictures."""
    main = str(flat.get("mime_type") or "").partition("/")[0]
    if flat.get("file_id") or main not in ("image", "video", "audio"):
        return _file(flat)
    return _ENCODERS[main](flat)


def _own_part(block: Block, payload: str) -> Part | None:
    """Return a part that is in Chat Completions' form already, without LangChain's notes."""
    given = block.get(payload)
    if isinstance(given, str) and given and payload.endswith("_url"):
        given = {"url": given}  # LangChain has long taken the bare address
    if not given or (not isinstance(given, list) and _first(_mapping(given), _CARRIERS) is None):
        return None
    part: Part = {**{key: value for key, value in block.items() if key not in _NOTES}, payload: given}
    if payload == "image_url" and "detail" in part:
        part[payload] = {**part[payload], "detail": part.pop("detail")}
    return cached(part, block)


def _address(flat: Block, kind: MediaKind) -> str | None:
    """Return the URL of a block, or its data as a data URL."""
    url = _url(flat)
    if url is not None:
        return url
    data = data_of(flat)
    if data is not None:
        return data if data.startswith("data:") else f"data:{_media_type(flat, kind)};base64,{data}"
    if flat.get("file_id"):
        raise empty_error(flat)
    return None


def _url(flat: Block) -> str | None:
    url = flat.get("url")
    if url is None or url == "":
        return None
    if not isinstance(url, str):
        raise ConfigurationError(
            f"The `url` of a content block of type {flat.get('type')!r} is of type {type(url).__name__}: give text."
        )
    if not _SCHEME.match(url):
        raise ConfigurationError(
            f"The `url` of a content block of type {flat.get('type')!r} is no URL: {url[:80]!r}. Files are not read "
            "here: give their bytes as `base64`."
        )
    return url


def _media_type(flat: Block, kind: MediaKind) -> str:
    """Return what the data are: as stated, as their first bytes say, else the likeliest type of that kind.

    Servers go by the bytes; the label has to say the kind.
    """
    stated = str(flat.get("mime_type") or "")
    if stated and kind == "application":
        return stated
    return next((name for name in (stated, _sniffed(flat)) if name.startswith(f"{kind}/")), _DEFAULTS[kind])


def _sniffed(flat: Block) -> str:
    try:
        head = base64.b64decode((data_of(flat) or "")[:_HEAD])
    except (binascii.Error, ValueError):
        return ""
    return next((name for place, magic, name in _MAGIC if head[place : place + len(magic)] == magic), "")


def _options(flat: Block) -> Part:
    return {name: flat[name] for name in _OPTIONS if flat.get(name) is not None}


def _mapping(value: object) -> dict[str, Any]:
    return dict(cast("Block", value)) if isinstance(value, Mapping) else {}


def _first(flat: Block, keys: tuple[str, ...]) -> Any:
    return next((flat[key] for key in keys if flat.get(key)), None)


_PAYLOADS: Final[Mapping[str, str]] = {
    "image_url": "image_url",
    "video_url": "video_url",
    "audio_url": "audio_url",
    "input_audio": "input_audio",
    "file": "file",
    "video": "video",
}
"""Chat Completions' own parts, and the key that holds their data. `video` holds a list of frames (Model Studio)."""
_CARRIERS: Final = ("url", "data", "file_id", "file_data", "file_url")
_ENCODERS: Final[Mapping[str, Callable[[Block], Part | None]]] = {
    "image": _image,
    "input_image": _image,
    "image_generation_call": _image,
    "video": _video,
    "audio": _audio,
    "file": _by_media_type,
    "input_file": _by_media_type,
    "media": _by_media_type,
    "file_data": _by_media_type,
}
