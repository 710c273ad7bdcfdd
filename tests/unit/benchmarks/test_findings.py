"""What comes of figures: ratios, guards, the page and its charts."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks import runs
from benchmarks.__main__ import beyond, wanted
from benchmarks.charts import CHARTS, drawn
from benchmarks.measuring import Figures
from benchmarks.of_starts import DEPTHS, below
from benchmarks.promises import PROMISES, Promise, judge
from benchmarks.report import page, printed, raw
from benchmarks.runs import Results, measured, run
from benchmarks.sides import BY_NAME, PARTS, SIDES, Side
from benchmarks.tables import TABLES, number, ratio

MACHINE = {"day": "2026-11-22", "processor": "A processor", "cores": "2", "system": "Linux 6 on x86_64"}
FIGURE = "streams.text.sync"
PROMISE = Promise(
    title="a / b",
    group="A streamed chunk",
    column="text, sync",
    side="ChatQwen",
    figure=FIGURE,
    by=(("null LangChain model", FIGURE), ("mapping transport", FIGURE)),
    limit=1.5,
    guard=3.0,
)


def found(*rounds: tuple[float, float, float]) -> Results:
    """Figures of ChatQwen, of the null model and of the transport."""
    names = ("ChatQwen", "null LangChain model", "mapping transport")
    results = Results(versions={name: {"langchain-core": "1.7.2"} for name in names})
    for values in rounds:
        results.rounds.append({name: {FIGURE: value} for name, value in zip(names, values, strict=True)})
    return results


def test_a_ratio_is_that_of_the_least_figures() -> None:
    verdict = judge(PROMISE, found((40, 20, 10), (36, 24, 6)))
    assert verdict.ratio == 36 / 26
    assert verdict.range == (36 / 30, 40 / 30)
    assert verdict.met
    assert ratio(verdict) == "1.38 (1.20 to 1.33)"


def test_what_is_beyond_is_said() -> None:
    verdict = judge(PROMISE, found((60, 20, 10)))
    assert not verdict.met
    assert ratio(verdict) == "**2.00, not met**"
    assert ratio(judge(PROMISE, found((45.03, 20, 10)))) == "**1.501, not met**"


def test_without_all_figures_there_is_no_ratio() -> None:
    results = found((60, 20, 10))
    results.rounds[0]["mapping transport"] = {}
    assert judge(PROMISE, results).ratio is None
    assert not judge(PROMISE, results).met


def test_a_figure_alone_is_its_own_ratio() -> None:
    assert judge(replace(PROMISE, by=()), found((1.25, 1, 1))).ratio == 1.25


def test_the_short_run_stops_at_guards_only() -> None:
    assert list(beyond(PROMISE, found((60, 20, 10)), PARTS)) == []
    assert list(beyond(replace(PROMISE, guard=None), found((120, 20, 10)), PARTS)) == []
    assert list(beyond(PROMISE, found((120, 20, 10)), PARTS)) == ["guard: a / b text, sync is 4.00, more than 3"]


def test_the_short_run_stops_where_a_side_failed() -> None:
    results = found((60, 20, 10))
    results.rounds[0]["ChatQwen"] = {}
    results.reasons["ChatQwen"] = {"streams": "it broke"}
    assert list(beyond(PROMISE, results, PARTS)) == [f"guard: a / b text, sync: ChatQwen has no {FIGURE}: it broke"]
    assert list(beyond(PROMISE, results, ["calls"])) == []  # it was not asked for


def test_promises_and_tables_name_what_there_is() -> None:
    shown = {figure for table in TABLES for _, figure in table.columns}
    for promise in PROMISES:
        for side, figure in promise.places:
            assert side in BY_NAME
            assert figure in shown
            assert Figures(BY_NAME[side].unable).can(figure), f"{promise.title} needs what {side} cannot do"


def test_no_guard_is_tighter_than_its_promise() -> None:
    assert [promise for promise in PROMISES if promise.guard is not None and promise.guard < promise.limit] == []


def test_no_guard_is_a_time() -> None:
    assert {promise.figure for promise in PROMISES if promise.guard is not None and not promise.by} == {
        "start.second_contexts"
    }


def test_reasons_are_kept_for_what_a_side_cannot_do() -> None:
    figures = Figures({"streams.call": "it calls nothing"})
    assert figures.can("streams.text.sync")
    assert figures.can("streams.calls.sync")
    assert not figures.can("streams.call.sync")
    assert figures.reasons == {"streams.call.sync": "it calls nothing"}


def test_a_failure_is_a_finding() -> None:
    figures = Figures({})
    with figures.trying("calls.sync"):
        raise KeyError("x" * 1000)
    assert figures.reasons["calls.sync"].startswith("KeyError: 'xxx")
    assert len(figures.reasons["calls.sync"]) < 200


def test_a_side_that_is_not_installed_says_so() -> None:
    told = measured(replace(BY_NAME["Qwen"], environment="nowhere"), "http://127.0.0.1:9", ["calls"], 1, 0)
    assert told["figures"] == {}
    assert told["reasons"] == {"calls": ".venv-nowhere is not installed"}


def test_slow_sides_take_part_in_few_rounds() -> None:
    slow = replace(BY_NAME["Qwen"], environment="nowhere", turns=1)
    quick = replace(BY_NAME["ChatQwen"], environment="nowhere", once=("growth",))
    said: list[str] = []
    results = run([slow, quick], ["calls", "growth"], 2, 1, said.append)
    assert [set(found) for found in results.rounds] == [{"Qwen", "ChatQwen"}, {"ChatQwen"}]
    assert said == ["round 1 of 2: Qwen", "round 1 of 2: ChatQwen", "round 2 of 2: ChatQwen"]
    assert results.reason("ChatQwen", "growth.1000") == ".venv-nowhere is not installed"


@pytest.mark.parametrize("arguments", [[], ["--short"]], ids=["whole", "short"])
def test_imports_that_are_compared_begin_at_the_same_depths(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: dict[str, set[int]] = {}

    def noted(side: Side, _address: str, parts: Sequence[str], _size: float, turn: int) -> dict[str, Any]:
        if "start" in parts:
            begun.setdefault(side.name, set()).add(DEPTHS[turn % len(DEPTHS)])
        return {"figures": {}, "reasons": {}, "versions": {}}

    monkeypatch.setattr(runs, "measured", noted)
    asked = wanted(arguments)
    run(asked.sides, asked.parts, asked.rounds, 1, str)
    compared = {name for promise in PROMISES for name, figure in promise.places if figure in _OF_IMPORTS}
    assert len(compared) == 6
    depths = [begun[side.name] for side in asked.sides if side.name in compared]
    assert all(found == depths[0] for found in depths)
    assert len(depths[0]) >= 6


_OF_IMPORTS = ("start.import", "start.first_chunk")


def test_a_measurement_begins_at_its_depth() -> None:
    found: list[int] = []
    for depth in (0, 24):
        below(depth, lambda: found.append(len(inspect.stack(0))))
    assert found[1] - found[0] == 24


def test_the_page() -> None:
    results = found((60, 20, 10), (66, 22, 11))
    results.rounds[1]["ChatQwen"] = {FIGURE: 66, f"{FIGURE}.carried": 0.5, "calls.sync": 1234.5}
    results.reasons["null LangChain model"] = {"calls": "It asks nobody."}
    text = page(results, MACHINE)
    assert "Measured on 2026-11-22: A processor, 2 cores, Linux 6 on x86_64.\n2 rounds, between which" in text
    assert "the middle figure differed by 10%." in text
    assert "| ChatQwen | langchain-core 1.7.2 | `.venv-bench` |" in text
    assert "| **ChatQwen** | 60.0[^1] |" in text
    assert "[^1]: Only 50% of the characters sent came out.\n" in text
    assert "| *null LangChain model* | -[^2] |" in text
    assert "[^2]: It asks nobody.\n" in text
    assert "| **ChatQwen** | 1,234 |" in text
    assert "**2.00, not met**" in text
    assert "![CPU of a whole answer, sync, µs](images/bench-call.svg)" in text
    assert "Histories" not in text, "a table without a figure"
    assert "![" not in printed(results)


def test_raw_figures_are_json() -> None:
    told = json.loads(raw(found((60, 20, 10.00049)), MACHINE))
    assert told["machine"] == MACHINE
    assert told["rounds"][0]["mapping transport"] == {FIGURE: 10.0}


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.file)
def test_charts(chart: object) -> None:
    results = Results()
    results.rounds.append(
        {side.name: {shown.figure: 10.0 + place for shown in CHARTS} for place, side in enumerate(SIDES)}
    )
    for shown in CHARTS:
        if shown is chart:
            svg = ET.fromstring(drawn(shown, results))  # noqa: S314 - it is our own
            bars = [bar for bar in svg.iter("{http://www.w3.org/2000/svg}rect") if bar.get("class") != "ground"]
            assert len(bars) == len(SIDES)
            lengths = [float(bar.attrib["width"]) for bar in bars]
            assert lengths == sorted(lengths)
            assert {bar.get("class") for bar in bars} == {"floor", "ours", "peer"}


def test_a_bar_far_beyond_the_others_is_cut() -> None:
    results = Results()
    figure = CHARTS[0].figure
    results.rounds.append({"Qwen": {figure: 10}, "ChatQwen": {figure: 20}, "ChatLiteLLM": {figure: 1000}})
    svg = ET.fromstring(drawn(CHARTS[0], results))  # noqa: S314 - it is our own
    widths = [float(bar.attrib["width"]) for bar in svg.iter("{http://www.w3.org/2000/svg}rect")][1:]
    assert widths[0] == pytest.approx(widths[2] * 10 / 15, rel=0.01)
    assert widths[1] == widths[2]
    assert [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")][2::2] == ["10", "→ 20", "→ 1,000"]


@pytest.mark.parametrize(("value", "said"), [(0.0, "0"), (0.123, "0.12"), (12.34, "12.3"), (12345.6, "12,346")])
def test_numbers(value: float, said: str) -> None:
    assert number(value) == said


def test_the_command_line() -> None:
    everything = wanted([])
    assert everything.whole
    assert everything.sides == list(SIDES)
    assert not wanted(["--only", "calls"]).whole
    assert not wanted(["--sides", "Qwen"]).whole
    short = wanted(["--short", "--rounds", "1"])
    assert short.short
    assert not short.whole
    assert short.rounds == 1
    assert {side.environment for side in short.sides} == {"bench"}
