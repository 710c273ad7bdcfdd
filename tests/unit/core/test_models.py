from __future__ import annotations

from datetime import date
from typing import get_args

import pytest
from qwen_endpoints.models import (
    PROFILE_FIELDS,
    Catalogue,
    Modality,
    ModelProfile,
    catalogue,
    profile_from_row,
    unknown_model,
)

NAMES = sorted(catalogue().profiles)
PROFILES = sorted({profile.id: profile for profile in catalogue().profiles.values()}.items())

each_profile = pytest.mark.parametrize(
    "profile", [profile for _, profile in PROFILES], ids=[id_ for id_, _ in PROFILES]
)


def found(model: str) -> ModelProfile:
    profile = catalogue().find(model)
    assert profile is not None
    return profile


# Every row


def test_the_catalogue_is_read_once() -> None:
    assert catalogue() is catalogue()
    assert len(PROFILES) > 60


@pytest.mark.parametrize("name", NAMES)
def test_names_are_spelled_as_lookups_normalise_them(name: str) -> None:
    assert name == name.strip().lower()
    assert "/" not in name
    assert not any(character.isspace() for character in name)
    # The loader refuses a name given twice, so a name that reaches its own row is unique among ids and aliases.
    assert found(name) is catalogue().profiles[name]


def test_no_alias_repeats_what_stripping_a_suffix_already_finds() -> None:
    whole = catalogue()
    for name, profile in whole.profiles.items():
        if name == profile.id:
            continue
        others = {other: target for other, target in whole.profiles.items() if other != name}
        assert Catalogue(profiles=others, suffixes=whole.suffixes).find(name) is not profile, name


@each_profile
def test_every_row_says_where_and_when_it_was_read(profile: ModelProfile) -> None:
    assert profile.source
    assert type(profile.checked) is date
    assert profile.checked >= date(2026, 1, 1)


@each_profile
def test_sizes_are_positive_and_fit_the_window(profile: ModelProfile) -> None:
    for size in (profile.context_window, profile.max_output_tokens, profile.thinking_budget_max):
        assert size is None or size > 0
        assert type(size) is not bool
    if profile.context_window is not None:
        assert (profile.max_output_tokens or 0) <= profile.context_window
        assert (profile.thinking_budget_max or 0) <= profile.context_window


@each_profile
def test_inputs_are_known_kinds_and_hold_text(profile: ModelProfile) -> None:
    if profile.inputs is not None:
        assert "text" in profile.inputs
        assert profile.inputs <= set(get_args(Modality))


@each_profile
def test_literals_hold_a_permitted_value(profile: ModelProfile) -> None:
    assert profile.thinking in {None, "none", "hybrid", "always"}
    assert profile.think_opener in {"model", "template"}
    assert profile.price is None  # prices belong to hosts


@each_profile
def test_switches_are_booleans(profile: ModelProfile) -> None:
    for switch in (profile.thinking_default, profile.tools, profile.forced_tool_choice, profile.json_schema):
        assert switch is None or type(switch) is bool
    assert type(profile.thinking_streams_only) is bool
    assert type(profile.preserves_thinking) is bool


@each_profile
def test_thinking_facts_agree_with_the_mode(profile: ModelProfile) -> None:
    if profile.thinking != "hybrid":
        assert profile.thinking_default is None
    if profile.thinking == "none":
        assert not profile.may_think
        assert profile.thinking_budget_max is None
        assert not profile.thinking_streams_only
        assert not profile.preserves_thinking
        assert profile.think_opener == "model"
    else:
        assert profile.may_think


@each_profile
def test_the_name_agrees_with_the_mode(profile: ModelProfile) -> None:
    if "-instruct" in profile.id or "coder" in profile.id:
        assert profile.thinking == "none"
    # `qwen3-max-thinking` is a gateway's name for a model that can be switched.
    if "-thinking" in profile.id and profile.id != "qwen3-max-thinking":
        assert profile.thinking == "always"
        assert profile.think_opener == "template"
    if "-vl" in profile.id and profile.inputs is not None:
        assert "image" in profile.inputs


@each_profile
def test_families_share_their_habits(profile: ModelProfile) -> None:
    assert profile.preserves_thinking == profile.id.startswith(("qwen3.6-", "qwen3.7-", "qwen3.8-"))
    if profile.id.startswith(("qwen3.5-", "qwen3.6-")):
        assert profile.thinking == "hybrid"
        assert profile.think_opener == "template"
    if profile.thinking_streams_only:
        always = profile.id.startswith(("qwq-", "qvq-"))
        assert profile.thinking == ("always" if always else "hybrid")
        assert profile.thinking_default is (None if always else True)


def test_packaging_suffixes_are_lower_case_unique_and_longest_first() -> None:
    suffixes = catalogue().suffixes
    assert len(set(suffixes)) == len(suffixes)
    assert [len(suffix) for suffix in suffixes] == sorted((len(suffix) for suffix in suffixes), reverse=True)
    for suffix in suffixes:
        assert suffix == suffix.lower()
        assert suffix[0] in "-:."
    # On OpenRouter this is another mode of the model, not a packaging of it.
    assert ":thinking" not in suffixes


# Lookups


@pytest.mark.parametrize(
    ("spelling", "model_id"),
    [
        # The organisation, case and stray space do not matter.
        ("qwen3-32b", "qwen3-32b"),
        ("Qwen/Qwen3-32B", "qwen3-32b"),
        ("qwen/qwen3-32b", "qwen3-32b"),
        (" qwen3-32b\n", "qwen3-32b"),
        ("QWEN3.6-FLASH", "qwen3.6-flash"),
        ("qwen/qwen3-235b-a22b", "qwen3-235b-a22b"),
        ("qwen/qwen3-vl-32b-instruct", "qwen3-vl-32b-instruct"),
        ("openrouter/qwen/qwen3-vl-8b-thinking", "qwen3-vl-8b-thinking"),
        # Quantised and converted weights.
        ("Qwen/Qwen3-32B-AWQ", "qwen3-32b"),
        ("Qwen/Qwen3-32B-MLX-4bit", "qwen3-32b"),
        ("mlx-community/Qwen3-8B-4bit", "qwen3-8b"),
        ("unsloth/Qwen3-14B-bnb-4bit", "qwen3-14b"),
        ("Qwen/Qwen3-235B-A22B-GPTQ-Int4", "qwen3-235b-a22b"),
        ("Qwen/Qwen3-235B-A22B-Thinking-2507-FP8", "qwen3-235b-a22b-thinking-2507"),
        ("hf.co/unsloth/Qwen3-30B-A3B-Instruct-2507-GGUF:Q4_K_M", "qwen3-30b-a3b-instruct-2507"),
        ("models/Qwen3-32B-Q4_K_M.gguf", "qwen3-32b"),
        # Ollama tags.
        ("qwen3:32b", "qwen3-32b"),
        ("qwen3:8b-q8_0", "qwen3-8b"),
        ("qwen3:0.6b", "qwen3-0.6b"),
        ("qwen3:30b-a3b-instruct-2507-q4_K_M", "qwen3-30b-a3b-instruct-2507"),
        ("qwen3-coder:30b", "qwen3-coder-30b-a3b-instruct"),
        ("qwen3-coder:480b-cloud", "qwen3-coder-480b-a35b-instruct"),
        # One size, three models: the plain tag reasons always, the quantised tags without a variant are the hybrid.
        ("qwen3:4b", "qwen3-4b-thinking-2507"),
        ("qwen3:4b-q4_K_M", "qwen3-4b"),
        ("qwen3:4b-thinking-2507-q4_K_M", "qwen3-4b-thinking-2507"),
        ("qwen3:4b-instruct", "qwen3-4b-instruct-2507"),
        # OpenRouter slugs.
        ("qwen/qwen3-coder", "qwen3-coder-480b-a35b-instruct"),
        ("qwen3-coder:free", "qwen3-coder-480b-a35b-instruct"),
        ("qwen/qwen3-coder:exacto", "qwen3-coder-480b-a35b-instruct"),
        ("qwen/qwen3-235b-a22b-2507", "qwen3-235b-a22b-instruct-2507"),
        ("qwen/qwen3-235b-a22b-07-25:free", "qwen3-235b-a22b-instruct-2507"),
        ("qwen/qwen3.5-plus-02-15", "qwen3.5-plus"),
        ("qwen/qwen-2.5-72b-instruct", "qwen2.5-72b-instruct"),
        # DashScope's moving and dated names.
        ("qwen-plus-latest", "qwen-plus"),
        ("qwen-plus-2025-09-11", "qwen-plus"),
        ("qwen3-vl-flash-2026-01-22", "qwen3-vl-flash"),
        ("qwen2-5-7b-instruct", "qwen2.5-7b-instruct"),
    ],
)
def test_a_spelling_finds_its_model(spelling: str, model_id: str) -> None:
    assert found(spelling).id == model_id


@pytest.mark.parametrize(
    "spelling",
    [
        "",
        "qwen",
        "qwen3",
        "gpt-4o",
        "my-finetune-of-qwen3-32b",
        "qwen3-32b-my-finetune",
        # A suffix alone names nothing.
        "-awq",
        # A mode of the model, or a snapshot that differs from what its name means today.
        "qwen/qwen-plus-2025-07-28:thinking",
        "qwen-plus-2025-01-25",
        "qwen3-max-2025-09-23",
        # Tags that move between models, or between variants of one size.
        "qwen3:latest",
        "qwen3:30b",
        "qwen3-vl:8b",
        "qwen3-coder:latest",
    ],
)
def test_an_unknown_name_finds_nothing(spelling: str) -> None:
    assert catalogue().find(spelling) is None


def test_an_unknown_model_is_permissive() -> None:
    profile = unknown_model("someone/new-model")
    assert profile == ModelProfile(id="someone/new-model", source="not in the catalogue")
    assert profile.may_think
    assert not profile.thinking_streams_only


def test_an_exact_name_wins_over_a_stripped_suffix() -> None:
    plain, packed = ModelProfile(id="a"), ModelProfile(id="a-fp8")
    book = Catalogue(profiles={"a": plain, "a-fp8": packed}, suffixes=("-gguf", "-fp8"))
    assert book.find("a-fp8") is packed
    assert book.find("a-fp8-gguf") is packed
    assert book.find("a-gguf-fp8") is plain


def test_a_row_with_an_unknown_key_is_an_error() -> None:
    with pytest.raises(TypeError, match="contxt_window"):
        profile_from_row({"id": "a", "contxt_window": 1})


def test_a_row_keeps_its_aliases_out_of_the_profile() -> None:
    profile = profile_from_row({"id": "a", "aliases": ["b"], "inputs": ["text", "image"]})
    assert profile == ModelProfile(id="a", inputs=frozenset({"text", "image"}))
    assert "aliases" not in PROFILE_FIELDS
    assert {"id", "context_window", "source", "checked"} <= PROFILE_FIELDS


# The four documented models


def test_qwen3_32b() -> None:
    profile = found("qwen3-32b")
    assert profile.context_window == 131_072
    assert profile.max_output_tokens == 16_384
    assert profile.inputs == {"text"}
    assert profile.thinking == "hybrid"
    assert profile.thinking_default is True
    assert profile.thinking_budget_max == 38_912
    assert profile.thinking_streams_only
    assert profile.think_opener == "model"
    assert not profile.preserves_thinking
    assert profile.tools is True
    assert profile.forced_tool_choice is None
    assert profile.json_schema is None  # the sources disagree


def test_qwen3_6_flash() -> None:
    profile = found("qwen3.6-flash")
    assert profile.context_window == 1_000_000
    assert profile.max_output_tokens == 65_536
    assert profile.inputs == {"text", "image", "video"}
    assert profile.thinking == "hybrid"
    assert profile.thinking_default is None  # the origin does not say
    assert profile.thinking_budget_max == 131_072
    assert not profile.thinking_streams_only
    assert profile.think_opener == "template"
    assert profile.preserves_thinking
    assert profile.tools is True
    assert profile.forced_tool_choice is None
    assert profile.json_schema is True


def test_qwen3_235b_a22b() -> None:
    profile = found("qwen/qwen3-235b-a22b")
    assert profile.context_window == 131_072
    assert profile.max_output_tokens == 16_384
    assert profile.inputs == {"text"}
    assert profile.thinking == "hybrid"
    assert profile.thinking_default is True
    assert profile.thinking_budget_max == 38_912
    assert profile.thinking_streams_only
    assert profile.think_opener == "model"
    assert not profile.preserves_thinking
    assert profile.tools is True
    assert profile.forced_tool_choice is None
    assert profile.json_schema is False


def test_qwen3_vl_32b_instruct() -> None:
    profile = found("qwen/qwen3-vl-32b-instruct")
    assert profile.context_window == 131_072
    assert profile.max_output_tokens == 32_768
    assert profile.inputs == {"text", "image", "video"}
    assert profile.thinking == "none"
    assert profile.thinking_default is None
    assert profile.thinking_budget_max is None
    assert not profile.thinking_streams_only
    assert not profile.may_think
    assert profile.tools is True
    assert profile.forced_tool_choice is None
    assert profile.json_schema is True


@pytest.mark.parametrize("model", ["qwen3-coder-plus", "qwen3-coder-flash"])
def test_the_hosted_coders_take_no_forced_tool_choice(model: str) -> None:
    assert found(model).tools is True
    assert found(model).forced_tool_choice is False
