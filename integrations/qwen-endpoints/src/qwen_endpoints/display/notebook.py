"""A notebook's output: one block that is replaced while an answer grows."""

from __future__ import annotations

import sys
from typing import Any

from typing_extensions import override

from qwen_endpoints.display.html import page
from qwen_endpoints.display.shown import Frame
from qwen_endpoints.display.transcript import plain


class Block:
    """A frame in the forms that frontends choose from."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def _repr_html_(self) -> str:
        return page(self._frame)

    @override
    def __repr__(self) -> str:
        return plain(self._frame)


class Notebook:
    """The output of the cell that runs."""

    def __init__(self) -> None:
        self._handle: Any = None

    def draw(self, frame: Frame) -> None:
        """Show a frame in place of the last one."""
        if self._handle is None:
            ipython: Any = sys.modules["IPython"]  # it runs this cell
            self._handle = ipython.display.display(Block(frame), display_id=True)
        else:
            self._handle.update(Block(frame))

    def end(self) -> None:
        """Nothing is left to do: the block stays."""
