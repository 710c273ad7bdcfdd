"""`check`: whether an endpoint works, one line for each thing that may be wrong, with what to do about it."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer
from rich.text import Text

from qwen_endpoints.cli.checks import CHECKS, Finding, Probe
from qwen_endpoints.cli.failures import FAILED, plainly
from qwen_endpoints.cli.options import AsJson, BaseUrl, KeyVariable, ModelName, ProviderName, settings_for
from qwen_endpoints.cli.terminal import console, show_json
from qwen_endpoints.display.terminal import harmless
from qwen_endpoints.endpoint import resolve

_STYLES: Final = {"ok": "green", "warn": "yellow", "FAIL": "bold red", "skip": "dim"}


@plainly
def check(
    *,
    provider: ProviderName = None,
    model: ModelName = None,
    base_url: BaseUrl = None,
    key_variable: KeyVariable = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for each answer.")] = 60,
    as_json: AsJson = False,
) -> None:
    """See whether an endpoint works.

    Looks at key, proxy, address, clock and list of models, makes three small calls (an answer, thinking, a tool), and
    says what to fix. Exit code 1 if something fails.
    """
    settings = settings_for(model, provider, base_url, key_variable, timeout=timeout, max_retries=0)
    endpoint = resolve(settings, need_key=False)
    probe = Probe(settings=settings, endpoint=endpoint, key_variable=key_variable)
    findings: list[Finding] = []
    if not as_json:
        console(sys.stdout).print(Text(harmless(f"{endpoint.provider.name} · {endpoint.model} · {endpoint.base_url}")))
    for name, look in CHECKS.items():
        finding = look(probe)
        findings.append(finding)
        if not as_json:
            _show(name, finding)
    if as_json:
        named = zip(CHECKS, findings, strict=True)
        show_json([{"check": name, "state": it.state.lower(), "seen": it.seen, "fix": it.fix} for name, it in named])
    if any(finding.state == "FAIL" for finding in findings):
        raise typer.Exit(FAILED)


def _show(name: str, finding: Finding) -> None:
    line = Text()
    line.append(f"{finding.state:<5}", style=_STYLES[finding.state])
    line.append(f"{name:<10}{harmless(finding.seen)}")
    if finding.fix:
        line.append(f"\n{'':15}→ {harmless(finding.fix)}")
    console(sys.stdout).print(line, soft_wrap=True)
