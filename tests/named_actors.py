"""Which actors have a name on the Ray of this run."""

from typing import cast

import ray


def named(namespace: str) -> set[str]:
    """The names of the live actors in *namespace*."""
    actors = cast(list[dict[str, str]], ray.util.list_named_actors(all_namespaces=True))
    return {actor["name"] for actor in actors if actor["namespace"] == namespace}
