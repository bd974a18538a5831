"""Calls for many sessions of a host: which of them they are for, and what they do."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec
from msgspec import UNSET

from ....providers.schema.errors import InvalidConfig, RayconteurError
from ...api.config import SessionConfig
from ...api.fleet.templates import StoredTemplate
from ...api.fleet.where import SessionOutcome, Where, in_share
from ...api.messages import Configure, ToLLM
from ...api.request_forms import providers_of
from ...api.settings.changes import given_settings
from ...api.status import State
from ..host import Host, SessionKey

_GROUP_SESSIONS = 50
"""Sessions that are looked at or told something before the event loop serves others."""


class FleetOrder(msgspec.Struct, frozen=True):
    """Which sessions a call is for, the *share* of them, and the *message* that they are told, if any.

    With a *template*, those that follow it get what has changed of it.

    Raises:
        InvalidConfig: *where* is no ``Where``.
    """

    where: Where
    share: float = 1.0
    message: ToLLM | None = None
    template: StoredTemplate | None = None

    def __post_init__(self) -> None:
        if not isinstance(cast(object, self.where), Where):
            raise InvalidConfig("where", f"give a rayconteur.runtime.Where, not a {type(self.where).__name__}")


_encode = msgspec.msgpack.encode


async def select(host: Host, session_ids: Iterable[str], order: FleetOrder) -> list[SessionKey]:
    """Those of the sessions that are on *host*, and that *order* is for."""
    where = order.where
    wanted = [each for each in session_ids if where.has_id(each) and in_share(each, order.share)]
    found: list[SessionKey] = []
    for number, session_id in enumerate(wanted, start=1):
        session = host.sessions.get(session_id)
        if session and where.has_config(session.conversation.config) and where.has_state(session.status().state):
            found.append((session_id, session.epoch))
        if number % _GROUP_SESSIONS == 0:
            await asyncio.sleep(0)
    return found


async def carry_out(host: Host, session_ids: Iterable[str], order: FleetOrder) -> list[SessionOutcome]:
    """Tell the message of *order* to all sessions on *host* that it is for. Each has it as if it were told alone.

    Settings that a session has already are not told again.
    """
    if order.template:
        return await _update(host, await select(host, session_ids, order), order.template)
    assert order.message
    return await _tell_each(host, dict.fromkeys(await select(host, session_ids, order), order.message))


async def _update(host: Host, keys: Iterable[SessionKey], template: StoredTemplate) -> list[SessionOutcome]:
    """Change the settings of those of the sessions that follow *template*, which has its secrets."""
    host.templates.learn([template])
    sessions = [(key, session) for key in keys if (session := host.sessions.get(key[0]))]
    changes = ((key, template.change_for(key[0], session.conversation.config)) for key, session in sessions)
    return await _tell_each(host, {key: change for key, change in changes if change})


async def _tell_each(host: Host, messages: Mapping[SessionKey, ToLLM]) -> list[SessionOutcome]:
    """Tell each of the sessions its message."""
    different = {id(message): message for message in messages.values()}  # mostly one, for all
    try:
        for message in different.values():
            if isinstance(message, Configure):
                await host.prepare(providers_of(message))
    except RayconteurError as error:
        return [SessionOutcome(*key, done=False, error=error) for key in messages]
    encoded = {each: _encode(message) for each, message in different.items()}
    outcomes: list[SessionOutcome] = []
    for number, (key, message) in enumerate(messages.items(), start=1):
        outcomes.append(await _told(host, key, message, encoded[id(message)]))
        if number % _GROUP_SESSIONS == 0:
            await asyncio.sleep(0)
    return [await _stored(host, outcome) for outcome in outcomes]


async def _told(host: Host, key: SessionKey, message: ToLLM, data: bytes) -> SessionOutcome:
    try:
        if _has_no_need(host, key, message):
            return SessionOutcome(*key, done=False)
        if isinstance(message, Configure) and isinstance(message.model, str) and message.provider is UNSET:
            await host.learn_facts(key, message.model)
        receipt = host.tell(key, data)
    except RayconteurError as error:
        return SessionOutcome(*key, done=False, error=error)
    return SessionOutcome(*key, done=isinstance(message, Configure) or receipt.turn is not None)


def _has_no_need(host: Host, key: SessionKey, message: ToLLM) -> bool:
    """True if *message* would change nothing: the session is not told, nor recorded, and stays idle if it is."""
    session = host.sessions.get(key[0])
    if session is None:
        return False  # it has just ended; telling it says so
    if isinstance(message, Configure):
        return has_settings(session.conversation.config, message)
    return session.status().state is State.IDLE


async def _stored(host: Host, outcome: SessionOutcome) -> SessionOutcome:
    try:
        if outcome.done and (stored := host.stored((outcome.id, outcome.epoch))):
            await stored
    except RayconteurError as error:
        return SessionOutcome(outcome.id, outcome.epoch, done=False, error=error)
    return outcome


def has_settings(config: SessionConfig, change: Configure) -> bool:
    """True if *change* would leave *config* as it is."""
    return all(_has(config, name, value) for name, value in given_settings(change).items())


def _has(config: SessionConfig, name: str, value: Any) -> bool:
    match name:
        case "model":
            return bool(config.provider.model == value)
        case "provider" | "compaction":
            return bool(getattr(config, name) == (value and value.public()))
        case _:
            return bool(getattr(config, name) == value)
