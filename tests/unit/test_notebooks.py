"""What is stored in the notebooks. `make notebooks` runs them; this only reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import pytest

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "notebooks"
NOTEBOOKS: Final = sorted(FOLDER.glob("*.ipynb"))
README: Final = (FOLDER / "README.md").read_text(encoding="utf-8")

THIS_MACHINE: Final = {
    "a home folder": re.compile(r"/home/\w|/Users/\w|/root/|[A-Z]:\\\w"),
    "a temporary folder": re.compile(r"/tmp/\w|/var/folders/"),  # noqa: S108 - looked for, not used
    "an environment": re.compile(r"site-packages"),
    "a process": re.compile(r"ipykernel_\d"),
    "a key": re.compile(r"\bsk-(?!sandbox\b)[\w-]+|Bearer (?!sk-sandbox\b)[\w-]{8,}"),
    "a port that is new in each run": re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\]):(?!8000\b)\d+"),
    "an address in memory": re.compile(r"\bat 0x(?!0{4})[0-9a-f]{6,}"),
}
"""What a stored output must not show. The runner writes port 8000 for any."""

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", json.loads(path.read_text(encoding="utf-8"))["cells"])


def code_cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in cells(path) if cell["cell_type"] == "code"]


def outputs(path: Path) -> list[dict[str, Any]]:
    return [output for cell in code_cells(path) for output in cell["outputs"]]


def texts(value: Any, kind: str = "") -> Iterator[str]:
    """Every text in an output, save the data of pictures."""
    if isinstance(value, str):
        if not kind.startswith("image/") or kind == "image/svg+xml":
            yield value
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from texts(item, kind)
    elif isinstance(value, Mapping):
        for name, item in cast("Mapping[str, Any]", value).items():
            yield from texts(item, name)


def set_up(path: Path) -> str:
    return "".join(code_cells(path)[0]["source"])


def test_there_are_six() -> None:
    assert [path.name[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05", "06"]


@each_notebook
def test_it_is_a_valid_notebook(path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="the matrix's environments have no notebook libraries")
    nbformat.validate(json.loads(path.read_text(encoding="utf-8")))


@each_notebook
def test_all_its_cells_were_run_in_order(path: Path) -> None:
    counts = [cell["execution_count"] for cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1))
    assert outputs(path), "no outputs are stored: make notebooks ARGS=--update"


@each_notebook
def test_no_cell_failed_or_warned(path: Path) -> None:
    assert [output["ename"] for output in outputs(path) if output["output_type"] == "error"] == []
    loud = "\n".join(texts([output["text"] for output in outputs(path) if output.get("name") == "stderr"]))
    assert not re.search(r"warning|error|traceback", loud, re.IGNORECASE), loud
    assert [text for text in texts(outputs(path)) if re.search(r"\.py:\d+: \w*Warning", text)] == []


@each_notebook
@pytest.mark.parametrize("what", THIS_MACHINE)
def test_its_outputs_show_nothing_of_the_machine_that_ran_it(path: Path, what: str) -> None:
    found = [match[0] for text in texts(outputs(path)) if (match := THIS_MACHINE[what].search(text))]
    assert found == []


@each_notebook
def test_it_begins_with_the_set_up_that_all_share(path: Path) -> None:
    assert set_up(path) == set_up(NOTEBOOKS[0])
    assert f"```python\n{set_up(path)}\n```" in README
    assert "a local sandbox stands in" in "".join(texts(code_cells(path)[0]["outputs"]))


@each_notebook
def test_the_readme_links_it(path: Path) -> None:
    assert f"({path.name})" in README


@each_notebook
def test_its_links_lead_somewhere(path: Path) -> None:
    prose = "\n".join("".join(cell["source"]) for cell in cells(path) if cell["cell_type"] == "markdown")
    targets = [target.split("#")[0] for target in re.findall(r"\]\((?!https?:)([^)]+)\)", prose)]
    assert [target for target in targets if not (FOLDER / target).exists()] == []
