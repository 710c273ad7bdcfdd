"""The words of docs/benchmarks.md around its tables."""

from __future__ import annotations

from typing import Final

HEAD: Final = """\
<!-- Written by `make bench`; do not edit. -->

# Benchmarks

What is between you and the endpoint should cost little beside the network and the model. Here is what it costs: the CPU
of a streamed chunk, of a call, of an import, beside the bare SDKs and the other classes for the same work.

A static HTTP server in a process of its own gives answers that were encoded ahead of time. Each side is used in a
process of its own, one after the other, and again in the next round, so that what the machine does beside it meets all
of them. What is counted is CPU time, in the process and in the kernel on its behalf (`getrusage`), not the time on the
clock: waiting for a model costs nothing. Each figure is the least that any round found. Microseconds depend on the
machine; compare only what one run printed. What an import takes also depends, by luck and by up to a fifth, on how deep
in Python's stack it begins, so that the sides whose imports are compared begin at the same ten depths.

*Floors* are what the framework and the transport take without any work of an adapter. A null model is a class of the
framework that asks nobody and makes only the framework's own chunk of each piece; the mapping transport takes bytes
from httpx2, cuts them into events and reads each with `json.loads`. `Qwen` can be below its floor, because it writes
the message of a frame out when somebody looks at it. Streams are read by what is new in each piece; a table of its own
shows what it takes to look at all messages.

**Ours** are bold. All sides run with their default settings and get the same bytes, in their protocol: DashScope speaks
Alibaba's own, anthropic's SDK and the sides called so speak Messages.
"""
PROMISED: Final = """\
## What is promised, and what came of it

One figure divided by another of the same run; in brackets, the least and the largest ratio within one round. What is
larger than promised says so. `make bench-short`, which runs for every change, stops at ratios well above these.

Two things are out of our hands ([decision 0016](decisions/0016-what-a-chunk-costs.md)). LangChain keeps all chunks of
a stream, and Python's garbage collector looks through them: a null model's chunk grows as `ChatQwen`'s does. And
LangChain reads each piece of a tool call: a null model's piece alone takes more than half of what the bare SDK takes.
"""
TESTS: Final = """\
## What tests hold

| | test |
|---|---|
| a frame of `Qwen` does not cost more the longer the answer is \
| [test_frames](../tests/unit/llamaindex/test_frames.py) |
| an event that comes in many pieces is read in linear time | [test_sse](../tests/unit/core/test_sse.py) |
| making a model takes less than 10 ms of CPU | [test_instance](../tests/unit/langchain/test_instance.py), \
[test_hygiene](../tests/unit/llamaindex/test_hygiene.py) |
| neither importing nor making a model imports the HTTP client | [test_client](../tests/unit/core/test_client.py), \
[test_instance](../tests/unit/langchain/test_instance.py) |

## Correctness beside others

[In LangChain](comparison.md) and [in LlamaIndex](comparison-llamaindex.md), the same replies go through these classes
and their peers. Each cell is a probe that ran; the pages say how.
"""
FOOT: Final = """\
## Run it yourself

`make bench` installs the versions below into environments of their own, prints these tables and writes this page, its
charts and [the raw figures of every round](benchmarks.json). It needs Linux, Python 3.11 or newer and two cores with
nothing else to do. `make bench ARGS="--only streams --sides ChatQwen ChatOpenAI"` prints a part and writes nothing;
`make bench-short` takes a minute. How each side does each workload is in `benchmarks/`, a module for each.
"""
