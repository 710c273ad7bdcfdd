"""LangChain's media blocks -> content parts of Chat Completions. URLs are passed on, never fetched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from qwen_endpoints import Json

from langchain_qwen._errors import ConfigurationError

_AUDIO_FORMATS: Final = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "x-m4a": "m4a", "mp4": "m4a", "x-flac": "flac"}
"""Formats whose name differs from their media type's."""


def encode_media(block: Mapping[str, Any]) -> Json | None:
    """Turn a media block of any of LangChain's generations into a part; `None` if it is no media block.

    Known are the standard blocks (`image`, `video`, `audio`, `file` with `url`, `base64` or `file_id`), their v0
    forms (`source_type`), Anthropic's `source`, and Chat Completions' own parts, which pass as they are.

    Raises:
        ConfigurationError: The block holds no data.
    """
    kind = block.get("type")
    if kind in ("image_url", "video_url") and isinstance(block.get(kind), str):
        return {**block, kind: {"url": block[kind]}}  # LangChain has long taken the bare address
    if kind in ("image_url", "video_url", "input_audio") or (kind == "video" and "video" in block):
        return dict(block)
    if kind == "file" and "file" in block:
        return dict(block)
    encode = _ENCODERS.get(cast("str", kind))
    return encode(_flattened(block)) if encode is not None else None


def _flattened(block: Mapping[str, Any]) -> dict[str, Any]:
    """One shape for all generations: url, base64, file_id, mime_type and options at the top."""
    flat = {**cast("Mapping[str, Any]", block.get("extras") or {}), **block}
    source = block.get("source")
    if isinstance(source, Mapping):
        given = cast("Mapping[str, Any]", source)
        flat.update(url=given.get("url"), base64=given.get("data"), mime_type=given.get("media_type"))
    if flat.get("base64") is None:
        flat["base64"] = block.get("data")
    if flat.get("file_id") is None and block.get("source_type") == "id":
        flat["file_id"] = block.get("id")
    return flat


def _address(block: Mapping[str, Any], default_type: str) -> str:
    """The URL of a block, or its data as a data URL."""
    if block.get("url"):
        return str(block["url"])
    if block.get("base64"):
        return f"data:{block.get('mime_type') or default_type};base64,{block['base64']}"
    raise ConfigurationError(
        f"A content block of type {block.get('type')!r} holds neither `url` nor `base64` data: "
        f"it has {', '.join(sorted(key for key, value in block.items() if value is not None))}."
    )


def _image(block: Mapping[str, Any]) -> Json:
    image: dict[str, Any] = {"url": _address(block, "image/png")}
    if block.get("detail"):
        image["detail"] = block["detail"]
    return _with_cache({"type": "image_url", "image_url": image}, block)


def _video(block: Mapping[str, Any]) -> Json:
    part: dict[str, Any] = {"type": "video_url", "video_url": {"url": _address(block, "video/mp4")}}
    if block.get("fps") is not None:
        part["fps"] = block["fps"]
    return _with_cache(part, block)


def _audio(block: Mapping[str, Any]) -> Json:
    subtype = str(block.get("mime_type") or "audio/wav").rpartition("/")[2].partition(";")[0]
    form = block.get("format") or _AUDIO_FORMATS.get(subtype, subtype)
    return {"type": "input_audio", "input_audio": {"data": block.get("base64") or _address(block, ""), "format": form}}


def _file(block: Mapping[str, Any]) -> Json:
    if block.get("file_id"):
        return {"type": "file", "file": {"file_id": block["file_id"]}}
    file = {"file_data": _address(block, "application/pdf"), "filename": block.get("filename") or "document"}
    return {"type": "file", "file": file}


def _with_cache(part: dict[str, Any], block: Mapping[str, Any]) -> dict[str, Any]:
    if "cache_control" in block:
        part["cache_control"] = block["cache_control"]
    return part


_ENCODERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Json]]] = {
    "image": _image,
    "video": _video,
    "audio": _audio,
    "file": _file,
}
