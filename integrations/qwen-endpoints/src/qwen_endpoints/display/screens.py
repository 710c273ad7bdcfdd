"""Where things are drawn: a notebook's output, a terminal, or whatever stdout leads to."""

from __future__ import annotations

import sys
from typing import Any, Protocol

from qwen_endpoints.display.shown import Frame


class Screen(Protocol):
    """A place for the frames of one answer, each of which replaces the one before."""

    def draw(self, frame: Frame) -> None:
        """Show a frame."""
        ...

    def end(self) -> None:
        """Leave the place, as nothing more comes."""
        ...


def screen() -> Screen:
    """Return the place where the caller looks."""
    # Both come with what they need, so neither is imported before it is known to be the one.
    if _in_notebook():
        from qwen_endpoints.display.notebook import Notebook  # noqa: PLC0415 - as said

        return Notebook()
    from qwen_endpoints.display.terminal import Terminal  # noqa: PLC0415 - as said

    return Terminal(sys.stdout)


def _in_notebook() -> bool:
    """Whether an IPython shell runs this that is no terminal's: Jupyter, JupyterLite, Colab, VS Code."""
    ipython: Any = sys.modules.get("IPython")
    shell: object = ipython.get_ipython() if ipython is not None else None
    kinds = {kind.__name__ for kind in type(shell).__mro__}
    return "InteractiveShell" in kinds and "TerminalInteractiveShell" not in kinds
