"""The tools that requests offer: those of the settings, and what the session adds to them."""

import msgspec

from ....providers.schema.tools import Tool
from ...api.config import SessionConfig
from ...api.tools.builtins import READ_RESULT


class OfferedTools(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a session offers besides the tools of its settings.

    *reads_results*: the model has got a part of a result, and may read on. What is added comes after the others: so
    the definitions before it stay in the provider's cache.
    """

    reads_results: bool = False


NOTHING_ADDED = OfferedTools()


def offered(config: SessionConfig, tools: OfferedTools) -> SessionConfig:
    """*config* with the tools that its requests offer."""
    if not tools.reads_results or not config.tools or READ_RESULT.name in (tool.name for tool in config.tools):
        return config
    choice = config.tool_choice
    if choice is not None and choice.allowed:
        choice = msgspec.structs.replace(choice, allowed=(*choice.allowed, READ_RESULT.name))
    return msgspec.structs.replace(config, tools=(*config.tools, READ_RESULT), tool_choice=choice)


def has_tools(config: SessionConfig) -> bool:
    """True if the model has a tool that is not the provider's own."""
    return any(isinstance(tool, Tool) for tool in config.tools)
