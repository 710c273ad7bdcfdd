# /// script
# requires-python = ">=3.10"
# dependencies = ["tomli; python_version < '3.11'", "twine>=6.1"]
# ///
"""Build what is published and look into it: `uv run --script scripts/wheels.py dist`. `UV` names the uv to use."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from email.parser import Parser
from pathlib import Path
from typing import Any, Final

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT: Final = Path(__file__).resolve().parent.parent
UV: Final = os.environ.get("UV", "uv")
NAMESPACES: Final = ("llama_index/__init__.py", "llama_index/llms/__init__.py")
"""Files that belong to nobody: the folders are shared by many distributions."""
_LEFTOVERS: Final = ("__pycache__", ".pyc", ".ipynb_checkpoints", "conftest.py", "/tests/")

Files = Mapping[str, bytes]


def build(member: Path, folder: Path) -> Iterator[str]:
    """Build a distribution's sdist and, from that, its wheel into `folder`; say what is wrong with them."""
    _run(UV, "build", "--quiet", "--out-dir", str(folder), str(member))
    stem = member.name.replace("-", "_")
    (wheel,), (sdist,) = list(folder.glob(f"{stem}-*.whl")), list(folder.glob(f"{stem}-*.tar.gz"))
    with tempfile.TemporaryDirectory() as other:
        _run(UV, "build", "--quiet", "--wheel", "--out-dir", other, str(member))
        (direct,) = Path(other).glob("*.whl")
        if files_in(direct) != files_in(wheel):
            yield f"{sdist.name}: a wheel built from it is another than the one built from the tree"
    for problem in problems_in(files_in(wheel), source_of(member), manifest_of(member)):
        yield f"{wheel.name}: {problem}"
    for name in sorted({"pyproject.toml", "README.md", "LICENSE", "PKG-INFO"} - files_in(sdist).keys()):
        yield f"{sdist.name}: no {name}"


def files_in(archive: Path) -> Files:
    """Return what an archive holds by path; an sdist's without its outermost folder."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist()}
    with tarfile.open(archive) as sdist:
        members = [member for member in sdist.getmembers() if member.isfile()]
        read = {member.name.partition("/")[2]: sdist.extractfile(member) for member in members}
        return {name: stream.read() for name, stream in read.items() if stream is not None}


def source_of(member: Path) -> Files:
    """Return a distribution's own files by the path that they are installed under."""
    source = member / "src"
    files = (path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(source).as_posix(): path.read_bytes() for path in files}


def manifest_of(member: Path) -> Mapping[str, Any]:
    """Return the `[project]` table of a distribution."""
    return tomllib.loads((member / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def problems_in(wheel: Files, source: Files, project: Mapping[str, Any]) -> Iterator[str]:
    """Say what a wheel lacks or has too much: files, scripts, metadata."""
    about = {name.partition(".dist-info/")[2]: text for name, text in wheel.items() if ".dist-info/" in name}
    packed = {name: content for name, content in wheel.items() if ".dist-info/" not in name}
    yield from (f"{name} is missing" for name in sorted(source.keys() - packed.keys()))
    yield from (f"{name} does not belong in it" for name in sorted(packed.keys() - source.keys()))
    yield from (
        f"{name} differs from the source" for name in source.keys() & packed.keys() if source[name] != packed[name]
    )
    yield from (f"{name} must not be in it: the folder is shared" for name in NAMESPACES if name in packed)
    yield from (f"{name} does not belong in it" for name in sorted(packed) if any(part in name for part in _LEFTOVERS))
    if not any(name.endswith("/py.typed") for name in packed):
        yield "no py.typed"
    if "licenses/LICENSE" not in about:
        yield "no LICENSE"
    yield from _problems_in_metadata(about.get("METADATA", b"").decode(), project)
    if _scripts(about.get("entry_points.txt", b"").decode()) != dict(project.get("scripts", {})):
        yield "its console scripts are not the manifest's"
    for name, content in about.items():
        if any(place in content for place in (b"file:", str(ROOT).encode(), str(Path.home()).encode() + b"/")):
            yield f"{name} names a local path"


def _problems_in_metadata(text: str, project: Mapping[str, Any]) -> Iterator[str]:
    metadata = Parser().parsestr(text)
    expected = {
        "Name": project["name"],
        "Summary": project["description"],
        "Requires-Python": project["requires-python"],
        "License-Expression": project["license"],
        "Description-Content-Type": "text/markdown",
    }
    for name, value in expected.items():
        if metadata[name] != value:
            yield f"{name} is {metadata[name]!r}, not {value!r}"
    for name in ("Classifier", "Project-URL"):
        if not metadata.get_all(name):
            yield f"no {name}"
    if not metadata.get_payload():
        yield "no README"


def _scripts(entry_points: str) -> dict[str, str]:
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.read_string(entry_points)
    return dict(parser["console_scripts"]) if parser.has_section("console_scripts") else {}


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}")


def main(arguments: Sequence[str]) -> int:
    """Build every distribution into the folder named; nothing may be wrong with any."""
    folder = Path(arguments[0] if arguments else "dist").resolve()
    members = sorted(path.parent for path in ROOT.glob("integrations/*/pyproject.toml"))
    problems = [problem for member in members for problem in build(member, folder)]
    _run(sys.executable, "-m", "twine", "check", "--strict", *map(str, sorted(folder.glob("*-*"))))
    print("\n".join(problems) or f"{len(members)} wheels and sdists in {folder.name}/, each as it should be")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
