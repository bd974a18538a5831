"""Adapters by name."""

from typing import Literal, get_args

from .adapter import Adapter, AdapterConfig

Name = Literal["packed", "dedicated", "bare", "sdk", "sdk-aiohttp", "autogen", "pydantic-ai", "langgraph", "ray-calls"]
ADAPTERS: tuple[Name, ...] = get_args(Name)


class PeerMissing(ImportError):
    """The package of a compared system is not installed."""


def open_adapter(name: str, config: AdapterConfig) -> Adapter:
    """The adapter *name*, with no session open yet. Imports only what this adapter needs.

    Raises:
        PeerMissing: the extra ``bench`` is not installed.
        ValueError: there is no adapter of this name.
    """
    try:
        return _open_adapter(name, config)
    except ImportError as error:
        raise PeerMissing(f"{name} needs {error.name}: install rayconteur[bench]") from error


def _open_adapter(name: str, config: AdapterConfig) -> Adapter:
    match name:
        case "packed" | "dedicated":
            from .rayconteur_runtime import RayconteurAdapter

            return RayconteurAdapter(config, name)
        case "bare":
            from .bare import BareAdapter

            return BareAdapter(config)
        case "sdk" | "sdk-aiohttp":
            from .sdk import SdkAdapter

            return SdkAdapter(config, over_aiohttp=name == "sdk-aiohttp")
        case "autogen":
            from .autogen import AutoGenAdapter

            return AutoGenAdapter(config)
        case "pydantic-ai":
            from .pydantic_ai import PydanticAIAdapter

            return PydanticAIAdapter(config)
        case "langgraph":
            from .langgraph import LangGraphAdapter

            return LangGraphAdapter(config)
        case "ray-calls":
            from .ray_calls import RayCallsAdapter

            return RayCallsAdapter(config)
        case _:
            raise ValueError(f"there is no adapter {name!r}; there are {', '.join(ADAPTERS)}")
