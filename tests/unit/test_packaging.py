"""What is published: metadata, versions, and the check that looks into wheels."""

from __future__ import annotations

import re
import shutil
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import qwen_endpoints
import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
MEMBERS = sorted(path.parent for path in ROOT.glob("integrations/*/pyproject.toml"))
each_member = pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)


def script(name: str) -> Any:
    """A script as a module: they are no package."""
    spec = spec_from_file_location(f"packaging_{name}", ROOT / f"scripts/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


WHEELS, VERSION = script("wheels"), script("version")


def manifest(member: Path) -> dict[str, Any]:
    return tomllib.loads((member / "pyproject.toml").read_text(encoding="utf-8"))


# Metadata


@each_member
def test_what_a_package_index_shows(member: Path) -> None:
    project = manifest(member)["project"]
    assert 20 < len(project["description"]) < 130
    assert (member / project["readme"]).read_text(encoding="utf-8").startswith(f"# {project['name']}")
    assert (member / "LICENSE").read_text(encoding="utf-8") == (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert {"Homepage", "Documentation", "Changelog", "Issues"} == set(project["urls"])
    assert {"Typing :: Typed", "Programming Language :: Python :: 3.10"} <= set(project["classifiers"])
    # A licence expression rules the classifier out: uploads with both are refused.
    assert not [name for name in project["classifiers"] if name.startswith("License")]


def test_the_hub_finds_the_class() -> None:
    hub = manifest(ROOT / "integrations/llama-index-llms-qwen")["tool"]["llamahub"]
    assert hub["import_path"] == "llama_index.llms.qwen"
    assert list(hub["class_authors"]) == ["Qwen"]


# The version


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that hold versions, where they may be changed."""
    for member in MEMBERS:
        for file in (member / "pyproject.toml", *member.glob("src/**/_version.py")):
            target = tmp_path / file.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    return tmp_path


@pytest.mark.parametrize("version", ["0.2.0", "1.0.0rc1", "2.3.4.post1"])
def test_a_version_is_set_everywhere(copy: Path, version: str) -> None:
    VERSION.set_version(version, copy)
    files = VERSION.version_files(copy)
    assert [VERSION.stated(file) for file in files] == [version] * len(MEMBERS) == [version] * 5
    texts = [path.read_text(encoding="utf-8") for path in copy.glob("integrations/*/pyproject.toml")]
    required = re.findall(r'"(?:qwen-endpoints|qwen-sandbox)~=([^"]*)"', "".join(texts))
    assert required == [version] * 3
    assert "langchain-core>=1.5.4,<2" in "".join(texts)


@pytest.mark.parametrize("version", ["", "0.2", "v0.2.0", "0.2.0-beta", '0.2.0"'])
def test_what_is_no_version_changes_nothing(copy: Path, version: str) -> None:
    with pytest.raises(ValueError, match="no version"):
        VERSION.set_version(version, copy)
    assert {VERSION.stated(file) for file in VERSION.version_files(copy)} == {qwen_endpoints.__version__}


# What is in a wheel

ABOUT = "thing-0.1.0.dist-info/"
PROJECT: dict[str, Any] = {
    "name": "thing",
    "description": "A thing",
    "requires-python": ">=3.10",
    "license": "MIT",
    "scripts": {"thing": "thing.cli:main"},
}
METADATA = """Metadata-Version: 2.4
Name: thing
Summary: A thing
Project-URL: Homepage, https://example.com
License-Expression: MIT
Classifier: Typing :: Typed
Requires-Python: >=3.10
Description-Content-Type: text/markdown

# thing
"""
SOURCE = {"thing/__init__.py": b"", "thing/py.typed": b"", "thing/facts.toml": b"a = 1"}
WHEEL = {
    **SOURCE,
    f"{ABOUT}METADATA": METADATA.encode(),
    f"{ABOUT}licenses/LICENSE": b"MIT",
    f"{ABOUT}entry_points.txt": b"[console_scripts]\nthing = thing.cli:main\n",
}


def test_a_good_wheel() -> None:
    assert list(WHEELS.problems_in(WHEEL, SOURCE, PROJECT)) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"thing/facts.toml": None}, "thing/facts.toml is missing"),
        ({"thing/facts.toml": b"a = 2"}, "thing/facts.toml differs from the source"),
        ({"thing/py.typed": None}, "no py.typed"),
        ({"tests/test_thing.py": b""}, "tests/test_thing.py does not belong in it"),
        ({"thing/__pycache__/a.pyc": b""}, "thing/__pycache__/a.pyc does not belong in it"),
        ({"llama_index/__init__.py": b""}, "llama_index/__init__.py must not be in it: the folder is shared"),
        ({f"{ABOUT}licenses/LICENSE": None}, "no LICENSE"),
        ({f"{ABOUT}entry_points.txt": None}, "its console scripts are not the manifest's"),
        ({f"{ABOUT}METADATA": METADATA.replace("MIT", "Apache-2.0").encode()}, "License-Expression is 'Apache-2.0'"),
        ({f"{ABOUT}METADATA": METADATA.replace("Project-URL", "X-URL").encode()}, "no Project-URL"),
        ({f"{ABOUT}METADATA": METADATA.replace("# thing", "").encode().rstrip() + b"\n\n"}, "no README"),
        ({f"{ABOUT}direct_url.json": b"file:///home"}, "names a local path"),
    ],
)
def test_what_is_wrong_with_a_wheel_is_said(change: dict[str, bytes | None], problem: str) -> None:
    wheel = {name: content for name, content in {**WHEEL, **change}.items() if content is not None}
    assert any(problem in said for said in WHEELS.problems_in(wheel, SOURCE, PROJECT))


@each_member
def test_a_distribution_has_files_of_its_own_only(member: Path) -> None:
    source = WHEELS.source_of(member)
    assert any(name.endswith("/py.typed") for name in source)
    assert not [name for name in WHEELS.NAMESPACES if name in source]


# What GitHub is given


def test_the_workflow_runs_what_ci_runs() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert (ROOT / ".ci/run").stat().st_mode & 0o100
    assert workflow["permissions"] == {"contents": "read"}
    (setup,) = [step["with"] for step in job["steps"] if "setup-python" in step.get("uses", "")]
    pythons = set(setup["python-version"].split())
    assert {case.python for case in script("matrix").CASES if case.python} <= pythons
    classified = re.findall(r":: (3\.\d+)\"", (MEMBERS[0] / "pyproject.toml").read_text(encoding="utf-8"))
    assert pythons == set(classified)


@pytest.mark.parametrize("name", ["bug", "endpoint"])
def test_an_issue_form_is_one(name: str) -> None:
    form = yaml.safe_load((ROOT / f".github/ISSUE_TEMPLATE/{name}.yml").read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= form.keys()
    assert {field["type"] for field in form["body"]} <= {"input", "textarea"}
    assert len({field["id"] for field in form["body"]}) == len(form["body"])
    assert all(field["attributes"]["label"] for field in form["body"])
