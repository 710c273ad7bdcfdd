"""The table of faults."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from qwen_sandbox.hostile.bodies import BODIES
from qwen_sandbox.hostile.breaks import BREAKS
from qwen_sandbox.hostile.places import PLACES
from qwen_sandbox.hostile.statuses import STATUSES
from qwen_sandbox.hostile.steps import Fault

WIRE_FAULTS: Final[Mapping[str, Fault]] = MappingProxyType(
    {fault.name: fault for fault in (*PLACES, *BREAKS, *BODIES, *STATUSES)}
)
"""By name, in the order of a call: reaching the server, its answer's travel, its body, its refusals."""
