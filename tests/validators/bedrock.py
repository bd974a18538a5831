"""Amazon Bedrock's rules for the body of a request to Converse.

The form of everything (members, lengths, sets of words, patterns) is that of botocore's service model, which is made
from the service itself. What the model does not say comes from the API's reference (Message, DocumentBlock,
ToolConfiguration), from its guide to prompt caching, and from the errors that it gives.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, cast

from botocore.model import ListShape, OperationModel, Shape, StringShape, StructureShape
from botocore.session import Session
from botocore.validate import ParamValidator

Json = Mapping[str, Any]

_MARKS = 4
_IMAGES, _DOCUMENTS = 20, 5
_DOCUMENT_NAME = re.compile(r"(?!.*\s\s)[A-Za-z0-9\s()\[\]-]{1,200}")


def violations(body: Json) -> list[str]:
    """What Bedrock would refuse in *body*; nothing, if the request is good."""
    shape = _operation().input_shape
    assert isinstance(shape, StructureShape)
    form = ParamValidator().validate({"modelId": "any", **body}, shape)
    if form.has_errors():
        return [str(form.generate_report())]
    messages: list[Json] = list(body.get("messages", ()))
    return [
        *_words(body, shape, "body"),
        *_roles(messages),
        *_contents(messages),
        *_tool_pairs(messages),
        *_documents(messages),
        *_tools(body, messages),
        *_marks(body, messages),
    ]


@cache
def _operation() -> OperationModel:
    return Session().get_service_model("bedrock-runtime").operation_model("Converse")


def _words(value: object, shape: Shape, place: str) -> Iterator[str]:
    """Strings that are too long or of no form that *shape* has."""
    if isinstance(shape, StructureShape) and not shape.is_document_type:
        given = cast(Json, value)
        for name, member in given.items():
            yield from _words(member, shape.members[name], f"{place}.{name}")
    elif isinstance(shape, ListShape):
        items = cast("Sequence[object]", value)
        if len(items) > shape.metadata.get("max", len(items)):
            yield f"{place}: at most {shape.metadata['max']}"
        for at, item in enumerate(items):
            yield from _words(item, shape.member, f"{place}[{at}]")
    elif isinstance(shape, StringShape) and isinstance(value, str):
        if shape.enum and value not in shape.enum:
            yield f"{place}: {value!r} is none of {', '.join(shape.enum)}"
        if len(value) > shape.metadata.get("max", len(value)):
            yield f"{place}: longer than {shape.metadata['max']}"
        if (pattern := shape.metadata.get("pattern")) and not re.fullmatch(pattern, value):
            yield f"{place}: {value!r} is not of the form {pattern}"


def _roles(messages: Sequence[Json]) -> Iterator[str]:
    if not messages or messages[0]["role"] != "user":
        yield "messages: A conversation must start with a user message"
    for at, (before, message) in enumerate(pairwise(messages), start=1):
        if before["role"] == message["role"]:
            yield f"messages[{at}]: A conversation must alternate between user and assistant roles"


def _contents(messages: Sequence[Json]) -> Iterator[str]:
    for at, message in enumerate(messages):
        kinds = Counter(_kind(block) for block in message["content"])
        if not kinds.keys() - {"cachePoint"}:
            yield f"messages[{at}]: the content is empty"
        if message["role"] != "user" and kinds["image"] + kinds["document"]:
            yield f"messages[{at}]: images and documents are the user's only"
        if message["role"] == "user" and kinds["reasoningContent"] + kinds["toolUse"]:
            yield f"messages[{at}]: User messages cannot contain reasoning content or tool uses"
        if kinds["document"] and not kinds["text"]:
            yield f"messages[{at}]: a document wants a text block beside it"
        for block in _all_blocks([message]):
            if "text" in block and not block["text"].strip():
                yield f"messages[{at}]: The text field in the ContentBlock object is blank"
        found = Counter(_kind(block) for block in _all_blocks([message]))
        if found["image"] > _IMAGES or found["document"] > _DOCUMENTS:
            yield f"messages[{at}]: too many images or documents"


def _tool_pairs(messages: Sequence[Json]) -> Iterator[str]:
    asked: list[str] = []
    seen: set[str] = set()
    for at, message in enumerate(messages):
        blocks: Sequence[Json] = message["content"]
        # What the provider ran itself stands, asked and answered, in one answer.
        own = [block for block in blocks if "toolUse" in block and "type" not in block["toolUse"]]
        answers = [block["toolResult"] for block in blocks if "toolResult" in block and message["role"] == "user"]
        if sorted(asked) != sorted(answer["toolUseId"] for answer in answers):
            yield f"messages[{at}]: {asked} were asked for right before, and not each of them is answered once"
        asked = [block["toolUse"]["toolUseId"] for block in own]
        if len(seen.union(asked)) < len(seen) + len(asked):
            yield f"messages[{at}]: `tool_use` ids must be unique"
        seen.update(asked)
    if asked:
        yield f"messages: {asked} are not answered"


def _documents(messages: Sequence[Json]) -> Iterator[str]:
    names = [block["document"]["name"] for block in _all_blocks(messages) if "document" in block]
    if len(set(names)) < len(names):
        yield "documents: names must be unique in a request"
    foreign = [name for name in names if not _DOCUMENT_NAME.fullmatch(name)]
    yield from (f"document {name!r}: a name of other characters" for name in foreign)


def _tools(body: Json, messages: Sequence[Json]) -> Iterator[str]:
    used = any(_kind(block) in ("toolUse", "toolResult") for block in _all_blocks(messages))
    config: Json = body.get("toolConfig", {})
    if used and not config:
        yield "The toolConfig field must be defined when using toolUse and toolResult content blocks."
    names = [tool["toolSpec"]["name"] for tool in config.get("tools", ()) if "toolSpec" in tool]
    if len(set(names)) < len(names):
        yield "toolConfig: names must be unique"
    chosen = config.get("toolChoice", {}).get("tool")
    if chosen and chosen["name"] not in names:
        yield f"toolChoice: there is no tool {chosen['name']!r}"


def _marks(body: Json, messages: Sequence[Json]) -> Iterator[str]:
    lists = [body.get("system", []), body.get("toolConfig", {}).get("tools", [])]
    lists += [message["content"] for message in messages]
    places = [(blocks, at) for blocks in lists for at, block in enumerate(blocks) if "cachePoint" in block]
    if len(places) > _MARKS:
        yield f"cachePoint: at most {_MARKS}"
    for blocks, at in places:
        before = _kind(blocks[at - 1]) if at else None
        if before is None:
            yield "cachePoint: There is nothing available to cache."
        if before in ("reasoningContent", "document", "cachePoint"):
            yield f"cachePoint: cannot be inserted after {before}"


def _all_blocks(messages: Sequence[Json]) -> Iterator[Json]:
    """All blocks, those in tool results included."""
    for message in messages:
        for block in message["content"]:
            yield block
            yield from block.get("toolResult", {}).get("content", ())


def _kind(block: Json) -> str:
    return next(iter(block))
