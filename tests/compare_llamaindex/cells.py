"""A cell of the table: what the cases of one test found, in a word and a note."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.compare.verdicts import Verdict

# Each names some of a test's modes, whichever of the eight it has.
_SOME: Final[Mapping[str, Callable[[str], bool]]] = {
    "whole": lambda mode: "stream" not in mode,
    "streamed": lambda mode: "stream" in mode,
    "sync": lambda mode: not mode.startswith("a"),
    "async": lambda mode: mode.startswith("a"),
}


@dataclass(frozen=True)
class Case:
    """One run of a test. `mode` is a method's name and `variant` its other parameters; either may be empty."""

    mode: str
    variant: str
    verdict: Verdict


def cell(cases: Sequence[Case]) -> Verdict:
    """Sum a test up. Cases that were skipped count only if all were."""
    asked = [case for case in cases if case.verdict.word != "n/a"]
    good = [case for case in asked if case.verdict.word == "yes"]
    bad = [case for case in asked if case.verdict.word != "yes"]
    if not asked:
        return cases[0].verdict
    if not bad:
        return Verdict("yes")
    if not good:
        return Verdict("no", "".join(_reasons(bad)))
    told = min(f"only {_named(good, asked)}", f"not {_named(bad, asked)}", key=len)
    return Verdict("partly", ". ".join([told, *map(_sentence, _reasons(bad))]))


def _reasons(bad: Sequence[Case]) -> list[str]:
    """The notes. A single one says which cases it is about, unless that is all of them."""
    notes = dict.fromkeys(case.verdict.note for case in bad if case.verdict.note)
    if len(notes) != 1:
        return [", ".join(notes)] if notes else []
    (note,) = notes
    those = [case for case in bad if case.verdict.note]
    return [note if len(those) == len(bad) else f"{_named(those, bad)}: {note}"]


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _named(some: Sequence[Case], among: Sequence[Case]) -> str:
    """Name some of the cases: by mode if that is what they differ in, else by variant, with the modes of each."""
    modes = {variant: _modes(_of(variant, some), _of(variant, among)) for variant in _variants(some)}
    if len(set(modes.values())) == 1 and len(modes) == len(_variants(among)):
        return next(iter(modes.values()))
    alike = dict.fromkeys(modes.values())
    return "; ".join(_group([variant for variant in modes if modes[variant] == which], which) for which in alike)


def _group(variants: Sequence[str], modes: str) -> str:
    return ", ".join(variants) + (f" ({modes})" if modes else "")


def _modes(some: Sequence[str], among: Sequence[str]) -> str:
    """Name some of a variant's modes; nothing if they are all of them."""
    if list(some) == list(among):
        return ""
    for name, is_one in _SOME.items():
        if list(some) == [mode for mode in among if is_one(mode)]:
            return name
    missing = [mode for mode in among if mode not in some]
    return f"all but {missing[0]}" if len(missing) == 1 else ", ".join(some)


def _of(variant: str, cases: Iterable[Case]) -> list[str]:
    return [case.mode for case in cases if case.variant == variant]


def _variants(cases: Iterable[Case]) -> list[str]:
    return list(dict.fromkeys(case.variant for case in cases))
