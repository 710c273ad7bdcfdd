"""A pytest plugin that keeps what each test of the suite found."""

from __future__ import annotations

import inspect
from collections.abc import Generator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import llama_index_llm_tests
import pytest
from llama_index_llm_tests import LLMSuite

from tests.compare.verdicts import Verdict, words_for
from tests.compare_llamaindex.cells import Case

_SUITE: Final = Path(llama_index_llm_tests.__file__).resolve().parent
_WRONG: Final = (AssertionError, pytest.fail.Exception)


@dataclass(frozen=True)
class Row:
    """A test: its group, the first line of its docstring and its cases."""

    group: str
    title: str
    cases: list[Case] = field(default_factory=list[Case])


class Findings:
    """Collects rows while pytest runs."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._worst: dict[str, Case] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Function, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Judge a case by its phases: the first that does not pass decides."""
        report = yield
        before = self._worst.get(item.nodeid)
        if before is None or before.verdict.word == "yes":
            self._worst[item.nodeid] = Case(*_mode_and_variant(item), _verdict(report, call))
        if call.when == "teardown":
            self._rows.setdefault(item.originalname, _row_of(item)).cases.append(self._worst.pop(item.nodeid))
        return report

    def rows(self) -> dict[str, Any]:
        """The rows by the names of the tests, in the order of the groups and of the tests in each."""
        order = [group.__name__ for group in LLMSuite.__mro__]
        named = sorted(self._rows.items(), key=lambda row: order.index(row[1].group))
        return {name: {**asdict(row), "group": _heading(row.group)} for name, row in named}


def read_rows(told: Any) -> dict[str, Row]:
    """Read rows back from JSON."""
    return {
        name: Row(
            row["group"],
            row["title"],
            [Case(case["mode"], case["variant"], Verdict(**case["verdict"])) for case in row["cases"]],
        )
        for name, row in told.items()
    }


def _row_of(item: pytest.Function) -> Row:
    test: Any = item.obj
    return Row(test.__qualname__.partition(".")[0], (inspect.getdoc(test) or "").partition("\n")[0])


def _heading(owner: str) -> str:
    """What the module of a group says it is about, without `Group X: `."""
    (group,) = [group for group in LLMSuite.__mro__ if group.__name__ == owner]
    told = (inspect.getdoc(inspect.getmodule(group)) or owner).partition("\n")[0]
    heading = (told.partition(": ")[2] or told).partition(". ")[0].rstrip(".")
    return heading[0].upper() + heading[1:]


def _mode_and_variant(item: pytest.Function) -> tuple[str, str]:
    if not hasattr(item, "callspec"):
        return "", ""
    mode, told = str(item.callspec.params.get("mode", "")), item.callspec.id
    if not mode or told == mode:
        return mode, "" if mode else told
    return mode, told.removeprefix(f"{mode}-").removesuffix(f"-{mode}")


def _verdict(report: pytest.TestReport, call: pytest.CallInfo[None]) -> Verdict:
    if report.passed:
        return Verdict("yes")
    if report.skipped:
        return Verdict("n/a", str(cast("tuple[str, int, str]", report.longrepr)[2]).removeprefix("Skipped: "))
    assert call.excinfo is not None
    return Verdict("no", _note(call.excinfo))


def _note(raised: pytest.ExceptionInfo[BaseException]) -> str:
    """Say how it failed where more than the answer was wrong."""
    if isinstance(raised.value, pytest.fail.Exception) and str(raised.value).startswith("Timeout"):
        return "not done in time"
    last = Path(str(raised.traceback[-1].path)).resolve()
    # A test that looks into an answer which is not there raises itself, as an assertion would.
    if isinstance(raised.value, _WRONG) or last.parent == _SUITE:
        return ""
    return words_for(raised.value)
