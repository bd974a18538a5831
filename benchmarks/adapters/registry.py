"""Crowds by their names."""

from typing import Literal, get_args

from .adapter import Crowd, Site

Name = Literal["packed", "dedicated", "bare", "sdk", "sdk-aiohttp", "autogen", "pydantic-ai", "langgraph", "ray-calls"]
NAMES: tuple[Name, ...] = get_args(Name)


class PeerMissing(ImportError):
    """A crowd's own package is not installed."""


def open_crowd(name: str, site: Site) -> Crowd:
    """The crowd called *name*, which asks *site*; not yet open. It imports what it needs, and nothing of the others.

    Raises:
        PeerMissing: the extra ``bench`` is not installed.
        ValueError: there is none of this name.
    """
    try:
        return _open(name, site)
    except ImportError as error:
        raise PeerMissing(f"{name} needs {error.name}: install rayconteur[bench]") from error


def _open(name: str, site: Site) -> Crowd:
    match name:
        case "packed" | "dedicated":
            from .rayconteur_runtime import ours

            return ours(name, site)
        case "bare":
            from .bare import Bare

            return Bare(site)
        case "sdk" | "sdk-aiohttp":
            from .sdk import Sdk

            return Sdk(site, on_aiohttp=name == "sdk-aiohttp")
        case "autogen":
            from .autogen import AutoGen

            return AutoGen(site)
        case "pydantic-ai":
            from .pydantic_ai import PydanticAI

            return PydanticAI(site)
        case "langgraph":
            from .langgraph import LangGraph

            return LangGraph(site)
        case "ray-calls":
            from .ray_calls import RayCalls

            return RayCalls(site)
        case _:
            raise ValueError(f"{name!r} is no crowd: there are {', '.join(NAMES)}")
