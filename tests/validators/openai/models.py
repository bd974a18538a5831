"""The rules for each generation of OpenAI's models, restated from OpenAI's documents and from its errors.

The model pages and the guides "Using GPT-5.4" and "Using GPT-6"; errors with the codes ``unsupported_parameter`` and
``unsupported_value``, and "Function tools with reasoning_effort are not supported for gpt-5.6-terra in
/v1/chat/completions". Names that are not in the table have no rules.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

NO_EFFORT: tuple[str, ...] = ()
LOW_TO_HIGH = ("low", "medium", "high")


@dataclass(frozen=True)
class Generation:
    """What the models of one generation accept.

    *efforts* are those of the Responses API; Chat Completions do not have the effort max. *default* is the effort
    without one in the request.
    """

    models: str
    efforts: tuple[str, ...]
    default: str | None = "medium"
    sampling: bool | None = None
    """``None``: with the effort none only."""
    chat: bool = True
    chat_tools: bool | None = True
    """``None``: with the effort none only."""
    verbosities: tuple[str, ...] = ("low", "medium", "high")
    since: tuple[int, int] = (0, 0)


GENERATIONS = (
    Generation("(chatgpt-)?gpt-4o(-mini)?|gpt-4.1(-mini|-nano)?", NO_EFFORT, None, True, verbosities=("medium",)),
    Generation("o1|o3|o3-mini|o4-mini", LOW_TO_HIGH, sampling=False, verbosities=("medium",)),
    Generation("o1-pro|o3-pro", LOW_TO_HIGH, sampling=False, chat=False, verbosities=("medium",)),
    Generation("gpt-5(-mini|-nano)?", ("minimal", *LOW_TO_HIGH), sampling=False, since=(5, 0)),
    Generation("gpt-5-pro", ("high",), "high", False, chat=False, since=(5, 0)),
    Generation("gpt-5.1", ("none", *LOW_TO_HIGH), "none", since=(5, 1)),
    Generation("gpt-5.2", ("none", *LOW_TO_HIGH, "xhigh"), "none", since=(5, 2)),
    Generation("gpt-5.3-codex", (*LOW_TO_HIGH, "xhigh"), sampling=False, chat=False, since=(5, 3)),
    Generation("gpt-5.4(-mini|-nano)?", ("none", *LOW_TO_HIGH, "xhigh"), "none", chat_tools=None, since=(5, 4)),
    Generation("gpt-5.5", ("none", *LOW_TO_HIGH, "xhigh"), chat_tools=None, since=(5, 5)),
    Generation("gpt-5.[45]-pro", ("medium", "high", "xhigh"), "high", False, chat=False, since=(5, 4)),
    Generation(
        "gpt-5.6(-sol|-terra|-luna)?|gpt-6-sol|gpt-6-luna",
        ("none", *LOW_TO_HIGH, "xhigh", "max"),
        chat_tools=None,
        since=(5, 6),
    ),
    Generation("gpt-6.1-terra", ("none", *LOW_TO_HIGH, "xhigh", "max"), chat_tools=False, since=(6, 1)),
    Generation(
        "gpt-6-astra|gpt-6.1-sol|gpt-6.2-(sol|astra)",
        (*LOW_TO_HIGH, "xhigh", "max"),
        sampling=False,
        chat_tools=False,
        since=(6, 0),
    ),
)


def generation(model: str | None) -> Generation | None:
    """The generation of *model*, with or without a date; ``None`` if it has no rules here."""
    name = re.sub(r"-20\d\d-\d\d-\d\d$", "", model or "")
    return next((one for one in GENERATIONS if re.fullmatch(one.models.replace(".", r"\."), name)), None)


@dataclass(frozen=True)
class Asked:
    """What a request asks of its model, on the API *chat* or on Responses."""

    chat: bool
    effort: str | None
    tools: bool
    temperature: float | None
    top_p: float | None
    stop: bool
    penalties: bool
    verbosity: str | None
    cache_options: bool
    deferred: bool
    pro: bool
    encrypted: bool


def problems(model: str | None, asked: Asked) -> Iterator[str]:
    """The reasons for which *model* would reject what is *asked*."""
    one = generation(model)
    if one is None:
        return
    if asked.chat and not one.chat:
        yield f"{model} is not a chat model"
    efforts = [effort for effort in one.efforts if not (asked.chat and effort == "max")]
    if asked.effort is not None and asked.effort not in efforts:
        yield f"Unsupported value: 'reasoning.effort' does not support {asked.effort!r} with {model}"
    effort = asked.effort or one.default
    thinks = effort not in (None, "none")
    if not (one.sampling or (one.sampling is None and not thinks)):
        if asked.temperature not in (None, 1):
            yield f"Unsupported value: 'temperature' does not support {asked.temperature} with {model}"
        if asked.top_p not in (None, 1):
            yield f"Unsupported value: 'top_p' does not support {asked.top_p} with {model}"
    if one.efforts and asked.stop:
        yield f"Unsupported parameter: 'stop' is not supported with {model}"
    if one.efforts and asked.penalties:
        yield f"Unsupported parameter: penalties are not supported with {model}"
    if asked.chat and asked.tools and (one.chat_tools is False or (one.chat_tools is None and thinks)):
        yield f"Function tools with reasoning_effort are not supported for {model} in /v1/chat/completions"
    if asked.verbosity is not None and asked.verbosity not in one.verbosities:
        yield f"Unsupported value: 'verbosity' does not support {asked.verbosity!r} with {model}"
    yield from _later_members(model, one, asked)


def _later_members(model: str | None, one: Generation, asked: Asked) -> Iterator[str]:
    if asked.cache_options and one.since < (5, 6):
        yield f"Unsupported parameter: 'prompt_cache_options' is not supported with {model}"
    if asked.deferred and one.since < (5, 4):
        yield f"Tool search is not supported with {model}"
    if asked.pro and one.since < (5, 6):
        yield f"Unsupported value: 'reasoning.mode' does not support 'pro' with {model}"
    if asked.encrypted and not one.efforts:
        yield f"Encrypted content is not supported with {model}"
