"""Images, videos and sound -> content parts of Chat Completions. URLs are passed on, never fetched."""

from __future__ import annotations

from base64 import b64decode, b64encode
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Literal, cast
from urllib.parse import unquote_to_bytes, urlsplit

from llama_index.core.base.llms.types import AudioBlock, DocumentBlock, ImageBlock, VideoBlock
from llama_index.core.utils import resolve_binary
from qwen_endpoints import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import IOBase

Part = dict[str, Any]
MediaKind = Literal["image", "video", "audio"]

_HEAD: Final = 8192
"""How many bytes tell what a file is."""
_DEFAULTS: Final[dict[MediaKind, str]] = {"image": "image/png", "video": "video/mp4"}
_DEFAULT_SOUND: Final = "wav"
_BASE64: Final = ";base64"
_SOUND_FORMATS: Final = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "x-m4a": "m4a", "mp4": "m4a", "x-flac": "flac"}
"""Formats whose name differs from their media type's."""
_SOUND_SUFFIXES: Final = frozenset({"mp3", "wav", "m4a", "flac", "ogg", "opus", "aac", "amr"})


def image_part(block: ImageBlock) -> Part:
    """Turn an image into a part; its bytes and files become a data URL."""
    image = {"url": _address("image", block.image, block.path, block.url, block.image_mimetype)}
    if block.detail:
        image["detail"] = block.detail
    return {"type": "image_url", "image_url": image}


def video_part(block: VideoBlock) -> Part:
    """Turn a video into a part.

    `VideoBlock.detail` is left out: it is a hint that no endpoint of a table's row has a field for.
    """
    url = _address("video", block.video, block.path, block.url, block.video_mimetype)
    part: Part = {"type": "video_url", "video_url": {"url": url}}
    return part if block.fps is None else {**part, "fps": block.fps}


def audio_part(block: AudioBlock) -> Part:
    """Turn sound into a part. The core spells its data as the endpoint takes them."""
    raw = bytes_of(block.audio, block.path)
    if raw:
        data = b64encode(raw).decode("ascii")
        sound = {"data": data, "format": block.format or AudioBlock(audio=raw[:_HEAD]).format or _DEFAULT_SOUND}
    elif block.url is not None:
        url = str(block.url)
        sound = {"data": url, "format": block.format or _format_in(url)}
    else:
        raise _empty("audio")
    return {"type": "input_audio", "input_audio": sound}


def media_in_document(block: DocumentBlock) -> Part | None:
    """Return the part for a document that is an image, a video or sound by its media type; `None` for any other."""
    media_type = block.document_mimetype or ""
    kind = media_type.partition("/")[0]
    if kind not in ("image", "video", "audio"):
        return None
    raw = bytes_of(block.data, block.path)
    address: dict[str, Any] = {"url": block.url} if block.url else {}
    if kind == "image":
        return image_part(ImageBlock(image=raw, image_mimetype=media_type, **address))
    if kind == "video":
        return video_part(VideoBlock(video=raw, video_mimetype=media_type, **address))
    return audio_part(AudioBlock(audio=raw, format=_format_of_type(media_type), **address))


def bytes_of(data: bytes | IOBase | None, path: Path | str | None) -> bytes | None:
    """Return what a block holds itself, or the content of its file; `None` where it has neither.

    An open file is read from its beginning and left at the place where it was.

    Raises:
        ConfigurationError: The file cannot be read.
    """
    try:
        if isinstance(data, bytes):
            return resolve_binary(raw_bytes=data).read()  # blocks keep their bytes as base64
        if data is not None:
            return _read(cast("IO[Any]", data))
        return None if path is None else Path(path).read_bytes()
    except (OSError, ValueError) as error:
        what = "an open file" if path is None else repr(str(path))
        raise ConfigurationError(f"A message holds {what}, which cannot be read: {error}.") from error


def data_of_url(url: str) -> tuple[str, bytes] | None:
    """Return media type and content of a data URL; `None` for any other URL.

    Raises:
        ConfigurationError: Its data are no base64.
    """
    scheme, _, rest = url.partition(":")
    if scheme.lower() != "data":
        return None
    head, _, content = rest.partition(",")
    raw = unquote_to_bytes(content)
    try:
        return head.removesuffix(_BASE64), b64decode(raw) if head.endswith(_BASE64) else raw
    except ValueError as error:
        raise ConfigurationError(f"A message holds a data URL that cannot be read: {error}.") from error


def _read(stream: IO[Any]) -> bytes:
    place = stream.tell()
    stream.seek(0)
    content: str | bytes = stream.read()
    stream.seek(place)
    return content.encode() if isinstance(content, str) else content


def _address(kind: MediaKind, data: bytes | IOBase | None, path: Path | None, url: object, stated: str | None) -> str:
    """Return a data URL for what the block holds itself, else its URL untouched."""
    raw = bytes_of(data, path)
    if raw:
        return f"data:{_media_type(kind, stated, raw[:_HEAD])};base64,{b64encode(raw).decode('ascii')}"
    if url is None:
        raise _empty(kind)
    return str(url)


def _media_type(kind: MediaKind, stated: str | None, head: bytes) -> str:
    """Return what the data are: as stated, as their first bytes say, else the likeliest type of that kind.

    Servers go by the bytes; the label has to say the kind.
    """
    names = (stated or "", _SNIFFERS[kind](head) or "")
    return next((name for name in names if name.startswith(f"{kind}/")), _DEFAULTS[kind])


_SNIFFERS: Final[dict[MediaKind, Callable[[bytes], str | None]]] = {
    "image": lambda head: ImageBlock(image=head).image_mimetype,
    "video": lambda head: VideoBlock(video=head).video_mimetype,
}
"""The framework's own ways to tell what bytes are."""


def _format_in(url: str) -> str:
    """Return the format of sound that only a URL is known of."""
    if url.startswith("data:"):
        return _format_of_type(url.partition(":")[2].partition(",")[0].removesuffix(_BASE64)) or _DEFAULT_SOUND
    suffix = urlsplit(url).path.rpartition(".")[2].lower()
    return suffix if suffix in _SOUND_SUFFIXES else _DEFAULT_SOUND


def _format_of_type(media_type: str) -> str | None:
    subtype = media_type.rpartition("/")[2].partition(";")[0]
    return _SOUND_FORMATS.get(subtype, subtype) or None


def _empty(kind: MediaKind) -> ConfigurationError:
    article = "A" if kind == "video" else "An"
    return ConfigurationError(f"{article} {kind.capitalize()}Block of a message holds no data, path or URL.")
