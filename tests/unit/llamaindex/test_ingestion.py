"""The model that describes documents while they are read in."""

# LlamaIndex types its dicts, events and decorators barely, and these tests look at little else.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import pytest
from llama_index.core.extractors import (
    DocumentContextExtractor,
    KeywordExtractor,
    PydanticProgramExtractor,
    QuestionsAnsweredExtractor,
    SummaryExtractor,
    TitleExtractor,
)
from llama_index.core.indices.property_graph import SchemaLLMPathExtractor
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import TokenTextSplitter
from llama_index.core.program import FunctionCallingProgram
from llama_index.core.schema import Document, NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.storage.docstore import SimpleDocumentStore
from pydantic import BaseModel

from tests.unit.llamaindex.ecosystem import NOTES, THOUGHT, notes, own_loop, said, sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from llama_index.llms.qwen import Qwen
    from qwen_sandbox import Sandbox

loop = pytest.fixture(own_loop)


class Note(BaseModel):
    """What a note is about."""

    subject: str
    year: int


def extractors(llm: Qwen) -> list[Any]:
    program = FunctionCallingProgram.from_defaults(
        output_cls=Note, prompt_template_str="Extract from this: {input}", llm=llm
    )
    return [
        TitleExtractor(llm=llm, show_progress=False),
        SummaryExtractor(llm=llm, show_progress=False),
        KeywordExtractor(llm=llm, show_progress=False),
        QuestionsAnsweredExtractor(llm=llm, questions=2, show_progress=False),
        PydanticProgramExtractor(program=program, show_progress=False),
    ]


KEYS = {
    "document_title",
    "section_summary",
    "excerpt_keywords",
    "questions_this_excerpt_can_answer",
    "subject",
    "year",
}


async def test_documents_are_described(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    llm = make_llm(enable_thinking=True)
    pipeline = IngestionPipeline(transformations=[TokenTextSplitter(chunk_size=64), *extractors(llm)])
    nodes = await pipeline.arun(documents=[Document(text=text) for text in NOTES])
    assert len(nodes) == 3
    for node in nodes:
        assert set(node.metadata) == KEYS
        assert THOUGHT not in str(node.metadata)
    assert nodes[0].metadata["year"] == 1887
    assert len(qwen_sandbox.requests) == 3 * 6  # a title takes two


@pytest.mark.usefixtures("loop")
def test_documents_are_described_sync(make_llm: Callable[..., Qwen]) -> None:
    pipeline = IngestionPipeline(transformations=extractors(make_llm(enable_thinking=True)))
    nodes = pipeline.run(nodes=notes()[:1])
    assert set(nodes[0].metadata) == KEYS


async def test_passages_are_placed_in_their_document(make_llm: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    # With thinking on, the framework would take the first block, which is the reasoning, and leave the node as it is.
    store = SimpleDocumentStore()
    store.add_documents([Document(text=" ".join(NOTES), id_="orla")])
    source: Any = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id="orla")}
    extractor = DocumentContextExtractor(
        docstore=store,
        llm=make_llm(enable_thinking=False),
        max_context_length=1000,
        max_output_tokens=50,
        show_progress=False,
    )
    (found,) = await extractor.aextract([TextNode(text=NOTES[0], relationships=source)])
    assert found["context"]
    body = qwen_sandbox.last_request.json
    assert body["max_completion_tokens"] == 50
    assert " ".join(NOTES) in str(body["messages"])


async def test_a_graph_is_drawn_from_a_text(scripted: Callable[..., Qwen], qwen_sandbox: Sandbox) -> None:
    triplet = {
        "subject": {"type": "BUILDING", "name": "lighthouse"},
        "relation": {"type": "STANDS_ON"},
        "object": {"type": "PLACE", "name": "Orla"},
    }
    arguments = json.dumps({"triplets": [triplet]})
    call = {"id": "c1", "type": "function", "function": {"name": "KGSchema", "arguments": arguments}}
    buildings: Any = Literal["PLACE", "BUILDING"]
    standing: Any = Literal["STANDS_ON"]
    extractor = SchemaLLMPathExtractor(
        llm=scripted(said(None, "tool_calls", tool_calls=[call])),
        possible_entities=buildings,
        possible_relations=standing,
        kg_validation_schema=[("BUILDING", "STANDS_ON", "PLACE")],
    )
    (node,) = await extractor.acall([TextNode(text=NOTES[0])], show_progress=False)
    assert [entity.name for entity in node.metadata["nodes"]] == ["lighthouse", "Orla"]
    assert [relation.label for relation in node.metadata["relations"]] == ["STANDS_ON"]
    assert NOTES[0] in sent(qwen_sandbox)[0]["content"]
