"""The reader of recorded requests of each API."""

from collections.abc import Iterator, Mapping

from servers.recordings import exchanges

from recorded_requests import anthropic, chat, cohere, converse, google, responses
from recorded_requests.expression import Reader, Recorded

READERS: Mapping[tuple[str, str], Reader] = {
    ("anthropic", "messages"): anthropic.read,
    ("openai_chat", "chat_completions"): chat.read_openai,
    ("openai_responses", "responses"): responses.read_openai,
    ("azure", "chat_completions"): chat.read_azure,
    ("azure", "responses"): responses.read_azure,
    ("bedrock", "converse"): converse.read,
    ("gemini", "generate_content"): google.read_gemini,
    ("vertex", "generate_content"): google.read_vertex,
    ("cohere", "chat_v2"): cohere.read,
}
"""The reader for each file and API. Cohere's v1 chat and Bedrock's InvokeModel are other APIs, without a client."""


def recorded_requests(file: str, api: str) -> Iterator[Recorded]:
    """The requests of *api* in *file*."""
    for exchange in exchanges(file, api):
        record = exchange.record
        yield Recorded(exchange.id, file, api, record["path"], record["request"], record["status"])
