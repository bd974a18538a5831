"""The registry entry of the scripted provider."""

from ..schema.client import Client
from ..schema.provider import Provider
from .config import Scripted


def _open_client(config: Scripted) -> Client:
    from .client import ScriptedClient

    return ScriptedClient(config)


SCRIPTED = Provider(config=Scripted, open_client=_open_client, opens_at_once=True, default_model="scripted")
