"""What compatible servers and gateways send, read over HTTP by the real clients."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from checkers.outlines import figures, outline
from fixtures.clients import REQUEST, Config, anthropic, bedrock, cohere, google, openai, responses
from fixtures.server_samples import Sample, all_server_samples
from servers.loopback import Exchange, Loopback

from rayconteur.providers.registry import open_client
from rayconteur.providers.schema.client import Client
from rayconteur.providers.schema.draft import Draft
from rayconteur.providers.schema.errors import ProviderError

CONFIGS: dict[str, Config] = {
    "anthropic": anthropic,
    "bedrock": bedrock,
    "chat": openai,
    "cohere": cohere,
    "google": google,
    "responses": responses,
}
RULES = {
    "format": ("stream", "whole"),
    "problem": ("stream", "whole"),
    "end": ("stream", "whole"),
    "last_event": ("stream",),
    "placement": ("stream",),
    "types": ("stream", "whole"),
    "fragments": ("stream",),
    "finish_reason": ("stream", "whole"),
    "overflow": ("stream", "whole"),
    "error_shape": ("stream", "whole"),
    "usage": ("stream", "whole"),
    "keep_alive": ("stream", "whole"),
    "recorded": ("stream", "whole"),
}
"""The kinds of deviation, and the requests for which each one occurs."""
WHOLE = 1 << 20


def each(samples: Iterable[Sample]) -> pytest.MarkDecorator:
    """A test for each of *samples*."""
    return pytest.mark.parametrize(
        "sample", [pytest.param(sample, id=f"{sample.api}: {sample.name}") for sample in samples]
    )


EACH_SAMPLE = each(all_server_samples())
EACH_EVENT_STREAM = each(sample for sample in all_server_samples() if sample.is_event_stream)


@dataclass
class SampleServer:
    """Answers each request with *sample*, in *pieces*; *clients* are the real ones, by their API."""

    clients: dict[str, Client]
    runner: asyncio.Runner
    sample: Sample | None = None
    pieces: list[bytes] = field(default_factory=list[bytes])

    async def respond(self, exchange: Exchange) -> None:
        """Send the response, in the pieces that it was split into."""
        assert self.sample
        await exchange.send_head(self.sample.status, **self.sample.all_headers)
        for piece in self.pieces:
            await exchange.send_chunk(piece)
            await asyncio.sleep(0)  # lets the client read it
        await exchange.end_body()

    def read(self, sample: Sample, data: bytes, piece_bytes: int) -> tuple[Draft, ProviderError | None]:
        """What the client of the API reads in *data*, the body of *sample*, and the error that it raises."""
        self.sample = sample
        self.pieces = [data[start : start + piece_bytes] for start in range(0, len(data), piece_bytes)]
        return self.runner.run(_read(self.clients[sample.api], sample))


async def _read(client: Client, sample: Sample) -> tuple[Draft, ProviderError | None]:
    draft = Draft(client.provider)
    try:
        if sample.request == "stream":
            await client.stream(REQUEST, draft.add)
        else:
            draft.add(await client.complete(REQUEST))
    except ProviderError as error:
        return draft, error
    return draft, None


@asynccontextmanager
async def _served(served: SampleServer) -> AsyncGenerator[None, None]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(Loopback(served.respond))
        for api, config in CONFIGS.items():
            served.clients[api] = client = open_client(config(server.url))
            stack.push_async_callback(client.aclose)
        yield


@pytest.fixture(scope="module")
def served() -> Iterator[SampleServer]:
    """The server and the clients of all samples."""
    with asyncio.Runner() as runner:
        server = SampleServer({}, runner)
        context = _served(server)
        runner.run(context.__aenter__())
        yield server
        runner.run(context.__aexit__(None, None, None))


def reading_of(draft: Draft, sample: Sample) -> dict[str, Any]:
    """What *draft* has of what *sample* states."""
    assert sample.reading
    answer = draft.finish()
    return {
        "content": outline(answer.content, sample.reading.content),
        "stop": answer.stop_reason.value,
        "usage": figures(answer.usage),
    }


def failure_of(draft: Draft, error: ProviderError, sample: Sample) -> dict[str, Any]:
    """What *error*, and *draft* before it, have of what *sample* states."""
    assert sample.error
    return {
        "kind": type(error).__name__,
        "says": sample.error.says if sample.error.says in error.message else error.message,
        "retryable": error.retryable,
        "text": None if sample.error.text is None else draft.partial().text,
        "retry_after_s": error.retry_after_s,
    }


def assert_read_as_stated(served: SampleServer, sample: Sample, data: bytes, piece_bytes: int) -> None:
    draft, error = served.read(sample, data, piece_bytes)

    if sample.error:
        assert error, f"no error but {draft.partial()}"
        assert failure_of(draft, error, sample) == msgspec.to_builtins(sample.error)
    else:
        assert error is None, repr(error)
        assert reading_of(draft, sample) == msgspec.to_builtins(sample.reading)


@pytest.mark.parametrize("piece_bytes", [WHOLE, 61, 17], ids=["in one piece", "in pieces of 61", "in pieces of 17"])
@EACH_SAMPLE
def test_each_response_is_read_as_its_sample_states(served: SampleServer, sample: Sample, piece_bytes: int) -> None:
    assert_read_as_stated(served, sample, sample.data, piece_bytes)


@EACH_EVENT_STREAM
def test_comments_between_events_change_no_reading(served: SampleServer, sample: Sample) -> None:
    commented = b": ping\n\n" + sample.data.replace(b"\n\n", b"\n\n: ping\n\n")

    assert_read_as_stated(served, sample, commented, 61)


@EACH_EVENT_STREAM
def test_the_ends_of_lines_change_no_reading(served: SampleServer, sample: Sample) -> None:
    assert_read_as_stated(served, sample, sample.data.replace(b"\r", b"").replace(b"\n", b"\r\n"), 61)


@EACH_SAMPLE
def test_what_was_requested_decides_no_reading(served: SampleServer, sample: Sample) -> None:
    """A stream is read where a whole answer was requested, and the reverse; only text before an error may differ."""
    other = msgspec.structs.replace(sample, request="whole" if sample.request == "stream" else "stream")
    if other.error:
        other.error = msgspec.structs.replace(other.error, text=None)

    assert_read_as_stated(served, other, other.data, WHOLE)


def test_each_sample_names_its_source_and_states_either_a_reading_or_an_error() -> None:
    samples = all_server_samples()

    assert [sample.name for sample in samples if not sample.source or sample.rule not in RULES] == []
    assert [sample.name for sample in samples if (sample.reading is None) == (sample.error is None)] == []
    assert [sample.name for sample in samples if sample.body and sample.frames] == []


def test_the_names_of_the_samples_of_an_api_are_unique() -> None:
    names = Counter((sample.api, sample.name) for sample in all_server_samples())

    assert [name for name, count in names.items() if count > 1] == []


def test_each_kind_of_deviation_has_samples_for_both_kinds_of_requests() -> None:
    covered = {(sample.rule, sample.request) for sample in all_server_samples()}
    required = [(rule, request) for rule, requests in RULES.items() for request in requests]

    assert [pair for pair in required if pair not in covered] == []
