"""A local gateway that speaks documented Qwen endpoints strictly, with scripted answers and no model inside."""

from qwen_sandbox.canned import Reply
from qwen_sandbox.recording import RecordedRequest
from qwen_sandbox.server import Sandbox

__all__ = ["RecordedRequest", "Reply", "Sandbox"]
