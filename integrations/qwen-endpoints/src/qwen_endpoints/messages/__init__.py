"""The wire format of Anthropic's Messages, both ways and without I/O."""

from qwen_endpoints.messages.decode import MessagesDecoder
from qwen_endpoints.messages.encode import encode_request

__all__ = ["MessagesDecoder", "encode_request"]
