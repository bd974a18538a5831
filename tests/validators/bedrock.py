"""Amazon Bedrock's rules for the body of a request to Converse.

Members, lengths, enums and patterns are checked with botocore's service model, which is generated from the service. The
other rules come from the API's reference (Message, DocumentBlock, ToolConfiguration), from its guide to prompt caching,
and from its errors.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, cast

from botocore.model import ListShape, MapShape, OperationModel, Shape, StringShape, StructureShape
from botocore.session import Session
from botocore.validate import ParamValidator

from validators.bedrock_models import model_violations
from validators.patterns import VISIBLE

Json = Mapping[str, Any]

_MARKS = 4
_STRICT_TOOLS = 20
_IMAGES, _DOCUMENTS = 20, 5
_DOCUMENT_NAME = re.compile(r"(?!.*\s\s)[A-Za-z0-9\s()\[\]-]{1,200}")


def violations(body: Json, model: str = "", streaming: bool = False) -> list[str]:
    """The reasons for which Bedrock would reject *body*, to *model* if that is known; empty if it is valid."""
    shape = _operation(streaming).input_shape
    assert isinstance(shape, StructureShape)
    report = ParamValidator().validate({"modelId": "any", **body}, shape)
    if report.has_errors():
        return [str(report.generate_report())]
    messages: list[Json] = list(body.get("messages", ()))
    return [
        *_strings(body, shape, "body"),
        *_roles(messages),
        *_contents(messages),
        *_tool_pairs(messages),
        *_documents(messages),
        *_tools(body, messages),
        *_marks(body, messages),
        *_guardrail(body),
        *(model_violations(body, model) if model else ()),
    ]


@cache
def _operation(streaming: bool) -> OperationModel:
    name = "ConverseStream" if streaming else "Converse"
    return Session().get_service_model("bedrock-runtime").operation_model(name)


def _strings(value: object, shape: Shape, place: str) -> Iterator[str]:
    """Strings, lists and maps in *value* that are too long, and strings that *shape* does not allow."""
    if isinstance(shape, StructureShape) and not shape.is_document_type:
        members = cast(Json, value)
        for name, member in members.items():
            yield from _strings(member, shape.members[name], f"{place}.{name}")
    elif isinstance(shape, ListShape):
        items = cast("Sequence[object]", value)
        if len(items) > shape.metadata.get("max", len(items)):
            yield f"{place}: at most {shape.metadata['max']}"
        for index, item in enumerate(items):
            yield from _strings(item, shape.member, f"{place}[{index}]")
    elif isinstance(shape, MapShape):
        entries = cast(Json, value)
        if len(entries) > shape.metadata.get("max", len(entries)):
            yield f"{place}: at most {shape.metadata['max']}"
        for key, entry in entries.items():
            yield from _strings(key, shape.key, f"{place}[{key!r}]")
            yield from _strings(entry, shape.value, f"{place}[{key!r}]")
    elif isinstance(shape, StringShape) and isinstance(value, str):
        if shape.enum and value not in shape.enum:
            yield f"{place}: {value!r} is not one of {', '.join(shape.enum)}"
        if len(value) > shape.metadata.get("max", len(value)):
            yield f"{place}: longer than {shape.metadata['max']}"
        if (pattern := shape.metadata.get("pattern")) and not re.fullmatch(pattern, value):
            yield f"{place}: {value!r} does not match {pattern}"


def _roles(messages: Sequence[Json]) -> Iterator[str]:
    if not messages or messages[0]["role"] != "user":
        yield "messages: A conversation must start with a user message"
    for index, (before, message) in enumerate(pairwise(messages), start=1):
        if before["role"] == message["role"]:
            yield f"messages[{index}]: A conversation must alternate between user and assistant roles"


def _contents(messages: Sequence[Json]) -> Iterator[str]:
    for index, message in enumerate(messages):
        kinds = Counter(_kind(block) for block in message["content"])
        if not kinds.keys() - {"cachePoint"}:
            yield f"messages[{index}]: the content is empty"
        if message["role"] != "user" and kinds["image"] + kinds["document"]:
            yield f"messages[{index}]: only user messages may have images and documents"
        if message["role"] == "user" and kinds["reasoningContent"] + kinds["toolUse"]:
            yield f"messages[{index}]: User messages cannot contain reasoning content or tool uses"
        if message["role"] == "assistant" and _kind(message["content"][-1]) == "reasoningContent":
            yield f"messages[{index}]: The final block in an assistant message cannot be `thinking`"
        if kinds["document"] and not kinds["text"]:
            yield f"messages[{index}]: a document needs a text block beside it"
        for block in _all_blocks([message]):
            if "text" in block and not re.search(VISIBLE, block["text"]):
                yield f"messages[{index}]: The text field in the ContentBlock object is blank"
        media = Counter(_kind(block) for block in _all_blocks([message]))
        if media["image"] > _IMAGES or media["document"] > _DOCUMENTS:
            yield f"messages[{index}]: too many images or documents"


def _tool_pairs(messages: Sequence[Json]) -> Iterator[str]:
    open_ids: list[str] = []
    seen: set[str] = set()
    for index, message in enumerate(messages):
        blocks: Sequence[Json] = message["content"]
        # A tool that the provider ran has its use and its result in one answer.
        uses = [block for block in blocks if "toolUse" in block and "type" not in block["toolUse"]]
        answers = [block["toolResult"] for block in blocks if "toolResult" in block and message["role"] == "user"]
        if sorted(open_ids) != sorted(answer["toolUseId"] for answer in answers):
            yield f"messages[{index}]: the tool uses {open_ids} right before do not have one result each"
        open_ids = [block["toolUse"]["toolUseId"] for block in uses]
        if len(seen.union(open_ids)) < len(seen) + len(open_ids):
            yield f"messages[{index}]: `tool_use` ids must be unique"
        seen.update(open_ids)
    if open_ids:
        yield f"messages: the tool uses {open_ids} have no results"


def _documents(messages: Sequence[Json]) -> Iterator[str]:
    names = [block["document"]["name"] for block in _all_blocks(messages) if "document" in block]
    if len(set(names)) < len(names):
        yield "documents: names must be unique in a request"
    invalid = [name for name in names if not _DOCUMENT_NAME.fullmatch(name)]
    yield from (f"document {name!r}: the name has invalid characters" for name in invalid)


def _tools(body: Json, messages: Sequence[Json]) -> Iterator[str]:
    used = any(_kind(block) in ("toolUse", "toolResult") for block in _all_blocks(messages))
    config: Json = body.get("toolConfig", {})
    if used and not config:
        yield "The toolConfig field must be defined when using toolUse and toolResult content blocks."
    specs = [tool["toolSpec"] for tool in config.get("tools", ()) if "toolSpec" in tool]
    names = [spec["name"] for spec in specs]
    if len(set(names)) < len(names):
        yield "toolConfig: names must be unique"
    if sum(spec.get("strict", False) for spec in specs) > _STRICT_TOOLS:
        yield f"toolConfig: at most {_STRICT_TOOLS} strict tools"
    chosen = config.get("toolChoice", {}).get("tool")
    if chosen and chosen["name"] not in names:
        yield f"toolChoice: there is no tool {chosen['name']!r}"


def _marks(body: Json, messages: Sequence[Json]) -> Iterator[str]:
    lists = [body.get("system", []), body.get("toolConfig", {}).get("tools", [])]
    lists += [message["content"] for message in messages]
    ttls = [_ttl(block) for blocks in (lists[1], lists[0], *lists[2:]) for block in blocks if "cachePoint" in block]
    if sorted(ttls, key=["1h", "5m"].index) != ttls:
        yield "cachePoint: a ttl of 1h must not come after one of 5m"
    places = [(blocks, index) for blocks in lists for index, block in enumerate(blocks) if "cachePoint" in block]
    if len(places) > _MARKS:
        yield f"cachePoint: at most {_MARKS}"
    for blocks, index in places:
        before = _kind(blocks[index - 1]) if index else None
        if before is None:
            yield "cachePoint: There is nothing available to cache."
        if before in ("reasoningContent", "document", "cachePoint"):
            yield f"cachePoint: cannot be inserted after {before}"


def _ttl(mark: Json) -> str:
    return str(mark["cachePoint"].get("ttl", "5m"))


def _guardrail(body: Json) -> Iterator[str]:
    guardrail: Json = body.get("guardrailConfig", {})
    if guardrail and not {"guardrailIdentifier", "guardrailVersion"} <= guardrail.keys():
        yield "guardrailConfig: an identifier and a version are required"


def _all_blocks(messages: Sequence[Json]) -> Iterator[Json]:
    """All blocks of *messages*, including those in tool results."""
    for message in messages:
        for block in message["content"]:
            yield block
            yield from block.get("toolResult", {}).get("content", ())


def _kind(block: Json) -> str:
    return next(iter(block))
