"""The wire format of Chat Completions, both ways and without I/O."""

from qwen_endpoints.chat_completions.encode import encode_request
from qwen_endpoints.chat_completions.stream import StreamDecoder

__all__ = ["StreamDecoder", "encode_request"]
