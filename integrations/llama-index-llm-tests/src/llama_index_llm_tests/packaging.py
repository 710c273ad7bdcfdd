"""Group O: the distribution that the class comes in. Nothing here talks to a server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distributions, version
from pathlib import Path
from typing import Final

import pytest

from llama_index_llm_tests.bench import UnderTest

_NAMESPACE: Final = "llama_index.llms"
_OFFLINE: Final = """
import socket, sys
def refuse(*args, **kwargs):
    raise OSError("an import needs no network")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refuse
from importlib import import_module
print(getattr(import_module(sys.argv[1]), sys.argv[2]).class_name())
"""


class PackagingTests(UnderTest):
    """The distribution shares its namespace with others and can be relied upon by tools."""

    def test_namespace_packages_are_left_alone(self) -> None:
        """There is no `__init__.py` for `llama_index` or `llama_index.llms`, which are shared."""
        inner = self._package().parent
        if not self.llm_class.__module__.startswith(f"{_NAMESPACE}."):
            pytest.skip(f"the class is not in {_NAMESPACE}, the namespace that it could spoil")
        names = self.llm_class.__module__.split(".")
        while inner.name != names[1]:
            inner = inner.parent
        assert (inner.name, inner.parent.name) == ("llms", "llama_index")
        assert not (inner / "__init__.py").exists()
        assert not (inner.parent / "__init__.py").exists()

    def test_the_record_lists_no_namespace_package(self) -> None:
        """The installed distribution lists no `__init__.py` of a shared namespace."""
        listed = self._listed()
        assert not {"llama_index/__init__.py", "llama_index/llms/__init__.py"} & set(listed)

    def test_nothing_else_is_installed(self) -> None:
        """The distribution puts nothing beside its package, such as a folder of tests."""
        top = self.llm_class.__module__.split(".")[0]
        strays = [
            name
            for name in self._listed()
            if not name.startswith((f"{top}/", "..")) and not name.split("/")[0].endswith((".dist-info", ".pth"))
        ]
        assert not strays

    def test_the_package_is_typed(self) -> None:
        """The package says, by a file `py.typed`, that type checkers may read its annotations."""
        assert (self._package() / "py.typed").is_file()

    def test_the_import_needs_no_network(self) -> None:
        """The module can be imported in a fresh process without network and without keys."""
        self._package()
        kept = {name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_API_BASE"))}
        finished = subprocess.run(  # noqa: S603 - this Python, and a script of our own
            [sys.executable, "-c", _OFFLINE, self.llm_class.__module__, self.llm_class.__name__],
            capture_output=True,
            check=False,
            env=kept,
            text=True,
            timeout=300,
        )
        assert finished.returncode == 0, finished.stderr
        assert finished.stdout.strip() == self.llm_class.class_name()

    def test_requirements_are_met(self) -> None:
        """What the distribution requires is installed in a version that it takes."""
        requirements = pytest.importorskip("packaging.requirements", reason="reads versions with `packaging`")
        unmet: list[str] = []
        for line in self._distribution().requires or []:
            requirement = requirements.Requirement(line)
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
                continue
            if not requirement.specifier.contains(_version(requirement.name), prereleases=True):
                unmet.append(f"{line} (installed: {_version(requirement.name)})")
        assert not unmet

    def _package(self) -> Path:
        """The folder of the package that holds the class's module."""
        name = self.llm_class.__module__
        module = sys.modules[name]
        folder = Path(module.__file__ or "").parent
        if "." not in name or not (folder / "__init__.py").exists():
            pytest.skip("the class is not in a package")
        return folder

    def _distribution(self) -> Distribution:
        """The distribution that the class's module belongs to."""
        folder = self._package()
        for distribution in distributions():
            if any(path == folder / "__init__.py" for path in _files(distribution, folder.name)):
                return distribution
        guess = self.llm_class.__module__.removesuffix(".base").replace("_", "-").replace(".", "-")
        for distribution in distributions():
            if (distribution.metadata["Name"] or "").lower().replace("_", "-") == guess:
                return distribution
        pytest.skip("no installed distribution lists the class's module")

    def _listed(self) -> list[str]:
        """The files that the distribution lists; skips where it does not list its modules (editable installs)."""
        listed = [str(path).replace("\\", "/") for path in self._distribution().files or []]
        if not any(name.endswith(".py") and "dist-info" not in name for name in listed):
            pytest.skip("the distribution does not list its modules: an editable install")
        return listed


def _files(distribution: Distribution, folder: str) -> Iterator[Path]:
    """Where the `__init__.py` files of packages of that name are."""
    for file in distribution.files or []:
        if file.name == "__init__.py" and file.parent.name == folder:
            yield Path(str(file.locate()))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
