"""Rules about the source itself that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import qwen_endpoints
from qwen_endpoints import PROVIDERS, catalogue, display

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
CORE = ROOT / "integrations/qwen-endpoints/src/qwen_endpoints"
LANGCHAIN = ROOT / "integrations/langchain-qwen/src/langchain_qwen"
LLAMAINDEX = ROOT / "integrations/llama-index-llms-qwen/src/llama_index/llms/qwen"
SANDBOX = ROOT / "integrations/qwen-sandbox/src/qwen_sandbox"
SUITE = ROOT / "integrations/llama-index-llm-tests/src/llama_index_llm_tests"
PACKAGES = {
    "qwen_endpoints": CORE,
    "langchain_qwen": LANGCHAIN,
    "llama_index.llms.qwen": LLAMAINDEX,
    "qwen_sandbox": SANDBOX,
    "llama_index_llm_tests": SUITE,
}
SOURCES = sorted(path for package in PACKAGES.values() for path in package.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

SDKS = ("openai", "anthropic")
"""Clients for the protocols that are spoken here. Tests ask the sandbox with them; no package of ours needs one."""

each_source = pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "integrations")))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path, *, at_run_time: bool = False) -> Iterator[tuple[str, str | None]]:
    """Each module that a file imports, with the name taken from it."""
    tree = tree_of(path)
    skipped: set[ast.AST] = set()
    if at_run_time:
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                skipped.update(child for statement in node.body for child in ast.walk(statement))
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from ((str(node.module), alias.name) for alias in node.names)


def belongs(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("qwen_endpoints", ("langchain", "langchain_core", "llama_index", "langchain_qwen", "qwen_sandbox", *SDKS)),
        ("langchain_qwen", ("llama_index", "qwen_sandbox", "langchain_openai", "langchain_anthropic", *SDKS)),
        ("llama_index.llms.qwen", ("langchain", "langchain_core", "langchain_qwen", "qwen_sandbox", *SDKS)),
        ("qwen_sandbox", ("qwen_endpoints", "langchain", "langchain_core", "langchain_qwen", "llama_index", *SDKS)),
        ("llama_index_llm_tests", ("qwen_endpoints", "langchain_qwen", "llama_index.llms", *SDKS)),
    ],
)
def test_imports_point_one_way(package: str, forbidden: tuple[str, ...]) -> None:
    files = sorted(PACKAGES[package].rglob("*.py"))
    assert files
    wrong = [
        f"{path.name}: {module}"
        for path in files
        for module, _ in imports(path)
        if any(belongs(module, other) for other in forbidden)
    ]
    assert wrong == []


_PUBLIC = {"qwen_endpoints": {None, *qwen_endpoints.__all__}, "qwen_endpoints.display": set(display.__all__)}


@pytest.mark.parametrize("package", ["langchain_qwen", "llama_index.llms.qwen"])
def test_adapters_use_only_what_the_core_exports(package: str) -> None:
    wrong = [
        f"{path.name}: {module}.{name}"
        for path in sorted(PACKAGES[package].rglob("*.py"))
        for module, name in imports(path)
        if belongs(module, "qwen_endpoints") and name not in _PUBLIC.get(module, ())
    ]
    wrong += [
        f"{path.name}: qwen_endpoints.{node.attr}"
        for path in sorted(PACKAGES[package].rglob("*.py"))
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "qwen_endpoints"
        if node.attr not in qwen_endpoints.__all__
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("words", set[str]()), ("types", {"words", "pricing"}), ("pricing", {"types"}), ("errors", {"types"}),
        ("failures", {"errors", "hidden", "types"}), ("dialects", {"words"}), ("models", {"types", "pricing"}),
        ("merging", set[str]()), ("hidden", set[str]()),
    ],
)  # fmt: skip
def test_the_foundations_import_only_each_others_types(module: str, allowed: set[str]) -> None:
    ours = {name.partition(".")[2] for name, _ in imports(CORE / f"{module}.py") if belongs(name, "qwen_endpoints")}
    assert ours <= allowed


IMPORTING = {"import_module", "__import__", "importlib"}


def names_in(tree: ast.Module) -> set[str]:
    """Every name that a module uses or imports."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    used |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    statements = (node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)))
    return used | {alias.name for node in statements for alias in node.names}


TABLES = {"providers", "models", "endpoint", "settings", "client", "connections", "exchange", "calls"}


def test_the_codec_looks_nothing_up() -> None:
    wrong = [
        f"{path.parent.name}/{path.name}: {module}"
        for protocol in ("chat_completions", "messages")
        for path in sorted((CORE / protocol).glob("*.py"))
        for module, _ in imports(path, at_run_time=True)
        if module.partition(".")[2] in TABLES and belongs(module, "qwen_endpoints")
    ]
    assert wrong == []


def test_only_the_core_itself_imports_by_name() -> None:
    """What a module needs stands in an import statement, where the other tests here see it."""
    package = CORE / "__init__.py"
    assert [path for path in CORE.rglob("*.py") if IMPORTING & names_in(tree_of(path))] == [package]
    stated = set(imports(package)) - set(imports(package, at_run_time=True))
    later: dict[str, str] = vars(qwen_endpoints)["_LATER"]
    assert stated == {(f"qwen_endpoints.{module}", name) for name, module in later.items()}


def test_no_module_takes_the_place_of_a_public_name() -> None:
    """An imported module becomes an attribute of its package: of a name that comes later, it would be found instead."""
    assert {path.stem for path in CORE.iterdir()} & set(qwen_endpoints.__all__) == set()


@pytest.mark.parametrize(("package", "users"), [("httpx2", {"own_clients"}), ("anyio", {"alarm"})])
def test_one_module_knows_the_transport(package: str, users: set[str]) -> None:
    assert {
        path.stem for path in CORE.rglob("*.py") for module, _ in imports(path) if belongs(module, package)
    } == users


@pytest.mark.parametrize(
    ("guarded", "allowed"),
    [
        (("qwen_endpoints.cli", "typer"), {"cli", "__main__.py"}),
        (("rich",), {"cli", "display/terminal.py"}),
        (("markdown_it",), {"display/markdown.py"}),
        (("qwen_endpoints.display",), {"cli", "display"}),
    ],
    ids=["command line", "rich", "markdown-it", "display"],
)
def test_what_is_for_terminals_and_notebooks_stays_there(guarded: tuple[str, ...], allowed: set[str]) -> None:
    wrong = [
        f"{path.name}: {module}"
        for path in sorted(CORE.rglob("*.py"))
        for module, _ in imports(path)
        if any(belongs(module, other) for other in guarded)
        if not {str(path.relative_to(CORE)), path.relative_to(CORE).parts[0]} & allowed
    ]
    assert wrong == []


def test_the_display_loads_nothing_heavy_until_it_draws() -> None:
    script = "import sys, qwen_endpoints.display; print(sorted({'rich', 'markdown_it', 'IPython'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, capture_output=True, text=True)  # noqa: S603
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("package", ["qwen_endpoints", "langchain_qwen", "llama_index.llms.qwen", "qwen_sandbox"])
def test_importing_a_package_does_not_import_an_sdk_or_the_transport(package: str) -> None:
    # langchain-core imports httpx2 itself, since the LangSmith client does.
    unwanted = {*SDKS, "qwen_sandbox", *(("httpx2", "anyio") if package != "langchain_qwen" else ())} - {package}
    script = f"import sys, {package}; print(sorted({unwanted!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, capture_output=True, text=True)  # noqa: S603
    assert done.stdout.strip() == "[]"


def test_a_running_sandbox_has_imported_no_sdk() -> None:
    script = (
        f"import sys\nfrom qwen_sandbox import Sandbox\nwith Sandbox(): print(sorted({set(SDKS)!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, capture_output=True, text=True)  # noqa: S603
    assert done.stdout.strip() == "[]"


# Names in conditions

NAMES = (
    set(PROVIDERS) - {"generic"}
    | set(catalogue().profiles)
    | {host for row in PROVIDERS.values() for host in row.hosts}
)
PATTERN_CALLS = {"startswith", "endswith", "match", "search", "fullmatch", "removeprefix"}


def constants(node: ast.AST) -> Iterator[str]:
    for child in ast.walk(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child.value


def conditions(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every text that a comparison, a `match` case or a pattern looks for."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Compare, ast.match_case)):
            looked_at = node if isinstance(node, ast.Compare) else node.pattern
            yield from ((getattr(looked_at, "lineno", 0), text) for text in constants(looked_at))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in PATTERN_CALLS:
            yield from ((node.lineno, text) for argument in node.args for text in constants(argument))


@each_source
def test_no_provider_or_model_name_stands_in_a_condition(path: Path) -> None:
    if path.is_relative_to(SANDBOX) or path.stem in ("providers", "dialects", "models"):
        return
    wrong = [
        f"line {line}: {text!r}"
        for line, text in conditions(tree_of(path))
        if text.lower() in NAMES or "qwen3" in text.lower()
    ]
    assert wrong == []


# Files


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_short(path: Path) -> None:
    limit = 400 if path in SOURCES else 500  # a table of cases may be long
    assert len(path.read_text(encoding="utf-8").splitlines()) < limit


@each_source
def test_module_names_say_what_is_inside(path: Path) -> None:
    assert path.stem.lstrip("_") not in {
        "utils",
        "util",
        "helpers",
        "helper",
        "manager",
        "common",
        "misc",
        "base_utils",
        "tools_utils",
    }


def test_the_namespace_packages_stay_namespaces() -> None:
    top = LLAMAINDEX.parents[1]
    assert top.name == "llama_index"
    assert not (top / "__init__.py").exists()
    assert not (top / "llms/__init__.py").exists()


@pytest.mark.parametrize("package", PACKAGES.values(), ids=PACKAGES)
def test_packages_are_typed(package: Path) -> None:
    assert (package / "py.typed").exists()


# Manifests

MANIFESTS = {
    path.parent.name: tomllib.loads(path.read_text("utf-8"))["project"]
    for path in ROOT.glob("integrations/*/pyproject.toml")
}


OURS = {
    "qwen-endpoints": set[str](),
    "langchain-qwen": {"qwen-endpoints"},
    "llama-index-llms-qwen": {"qwen-endpoints"},
    "qwen-sandbox": set[str](),
    "llama-index-llm-tests": {"qwen-sandbox"},
}
"""The distributions, each with what of ours it needs."""


def test_the_distributions_have_one_version() -> None:
    assert sorted(MANIFESTS) == sorted(OURS)
    assert {tuple(project["dynamic"]) for project in MANIFESTS.values()} == {("version",)}
    stated = {(package / "_version.py").read_text(encoding="utf-8").splitlines()[-1] for package in PACKAGES.values()}
    assert stated == {f'__version__ = "{qwen_endpoints.__version__}"'}


def test_the_distributions_agree_about_python_license_and_each_other() -> None:
    assert len({project["requires-python"] for project in MANIFESTS.values()}) == 1
    assert {project["license"] for project in MANIFESTS.values()} == {"MIT"}
    for name, project in MANIFESTS.items():
        ours = {need for need in project["dependencies"] if re.match("|".join(OURS), need)}
        assert ours == {f"{need}~={qwen_endpoints.__version__}" for need in OURS[name]}
