"""Set the version of the five distributions, and what they require of each other: `python scripts/version.py 0.2.0`.

Without a version it says which one is set. Each distribution states its version once, in `_version.py`, where its
build backend reads it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
_PEP_440: Final = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?")
_STATED: Final = re.compile(r'^__version__ = "(.*)"$', re.MULTILINE)


def version_files(root: Path) -> list[Path]:
    """Return the files that state a version, one of each distribution."""
    return sorted(root.glob("integrations/*/src/**/_version.py"))


def stated(file: Path) -> str:
    """Return the version that a file states."""
    found = _STATED.search(file.read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{file} states no version")
    return found[1]


def set_version(version: str, root: Path) -> None:
    """Write a version everywhere it is stated or required.

    Raises:
        ValueError: It is not of the form X.Y.Z, with a, b, rc, .post or .dev and a number behind it. Nothing is
            written.
    """
    if not _PEP_440.fullmatch(version):
        raise ValueError(f"{version!r} is no version: 0.2.0 or 0.2.0rc1 is one")
    for file in version_files(root):
        _rewrite(file, _STATED, f'__version__ = "{version}"')
    ours = "|".join(path.parent.name for path in root.glob("integrations/*/pyproject.toml"))
    for manifest in root.glob("integrations/*/pyproject.toml"):
        _rewrite(manifest, re.compile(rf'"({ours})~=[^"]*"'), rf'"\1~={version}"')


def _rewrite(file: Path, pattern: re.Pattern[str], replacement: str) -> None:
    file.write_text(pattern.sub(replacement, file.read_text(encoding="utf-8")), encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Set the version named, or say which one is set."""
    if not arguments:
        print(", ".join(sorted({stated(file) for file in version_files(ROOT)})))
        return 0
    try:
        set_version(arguments[0], ROOT)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{arguments[0]} in {len(version_files(ROOT))} distributions; now give it its date in CHANGELOG.md")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
