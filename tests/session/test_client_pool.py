"""Clients are shared and closed with their last lease; credentials keep the secrets of their providers."""

import asyncio
import threading

import msgspec
import pytest

import rayconteur as rc
from rayconteur.errors import InvalidConfig
from rayconteur.providers import ModelFacts, ProviderConfig
from rayconteur.providers.registry import open_client as open_real_client
from rayconteur.providers.schema.client import Client
from rayconteur.providers.scripted.client import ScriptedClient
from rayconteur.runtime.session.requests.client_pool import ClientPool
from rayconteur.runtime.session.requests.credentials import Credentials, known_provider

ONE, OTHER = rc.Scripted(model="one"), rc.Scripted(model="other")
FACTS = ModelFacts(context_limit_tokens=5)
SLOW = rc.OpenAI(model="gpt-x", api_key="sk-x", base_url="http://127.0.0.1:9/v1")
SECRET = "sk-never-to-be-seen"


class RecordingClient(ScriptedClient):
    """Records that it was *closed*."""

    closed = False

    async def aclose(self) -> None:
        self.closed = True


def pool() -> tuple[ClientPool, list[RecordingClient]]:
    opened: list[RecordingClient] = []

    def open_client(config: ProviderConfig) -> RecordingClient:
        assert isinstance(config, rc.Scripted)
        opened.append(RecordingClient(config))
        return opened[-1]

    return ClientPool(open_client), opened


def test_there_is_one_client_for_each_config() -> None:
    clients, opened = pool()

    same = [clients.client(ONE), clients.client(rc.Scripted(model="one"))]

    assert same[0] is same[1] is not clients.client(OTHER)
    assert len(opened) == 2


def test_a_client_is_closed_with_its_last_lease() -> None:
    async def main() -> None:
        clients, opened = pool()
        for config in (ONE, ONE, OTHER):
            clients.lease(config)

        await clients.release(ONE)
        assert not opened[0].closed
        await clients.release(ONE)

        assert [client.closed for client in opened] == [True, False]
        assert clients.client(ONE) is not opened[0]

    asyncio.run(main())


def test_credentials_release_each_lease_once() -> None:
    async def main() -> None:
        clients, opened = pool()
        credentials, another = Credentials(clients), Credentials(clients)
        for each in (credentials, another):
            each.add(ONE)
        for provider in (ONE, ONE, OTHER):
            credentials.client(provider.public())
        another.client(ONE)

        await credentials.release()
        await credentials.release()

        assert [client.closed for client in opened] == [False, True]
        await another.release()
        assert opened[0].closed

    asyncio.run(main())


def test_the_secrets_of_a_provider_apply_to_all_of_its_models() -> None:
    credentials = Credentials(pool()[0])
    provider = rc.OpenAI(model="one", api_key=SECRET, base_url="http://127.0.0.1:9")
    credentials.add(provider)
    credentials.add(rc.OpenAI(model="one", api_key="another", base_url="http://127.0.0.1:8"))

    public = msgspec.structs.replace(provider.public(), model="two", facts=FACTS)

    assert credentials.with_secrets(public) == msgspec.structs.replace(provider, model="two", facts=FACTS)


def test_the_secret_added_last_applies() -> None:
    credentials = Credentials(pool()[0])
    for key in ("old", "new"):
        credentials.add(rc.OpenAI(model="one", api_key=key))

    provider = credentials.with_secrets(rc.OpenAI(model="one"))

    assert isinstance(provider, rc.OpenAI)
    assert provider.api_key == "new"


def key_of(credentials: Credentials) -> str | None:
    provider = credentials.with_secrets(rc.OpenAI(model="one"))
    assert isinstance(provider, rc.OpenAI)
    return provider.api_key


def test_a_secret_added_to_a_copy_does_not_reach_the_session_that_it_was_copied_from() -> None:
    original = Credentials(pool()[0])
    original.add(rc.OpenAI(model="one", api_key="old"))
    copied = original.copy()

    copied.add(rc.OpenAI(model="one", api_key="new"))

    assert (key_of(original), key_of(copied)) == ("old", "new")


def test_a_new_secret_applies_to_a_config_whose_client_was_in_use() -> None:
    async def main() -> None:
        credentials = Credentials(ClientPool())
        public = rc.OpenAI(model="one")
        credentials.add(rc.OpenAI(model="one", api_key="old"))
        before = credentials.client(public)

        credentials.add(rc.OpenAI(model="one", api_key="new"))

        assert credentials.client(public) is not before
        await credentials.release()

    asyncio.run(main())


def test_providers_used_in_turn_keep_their_clients_until_the_release_which_closes_them() -> None:
    async def main() -> None:
        clients, opened = pool()
        credentials = Credentials(clients)
        for provider in (ONE, OTHER):
            credentials.add(provider)

        used = [credentials.client(provider) for provider in (ONE, OTHER, ONE, OTHER)]

        assert used == [*opened, *opened]
        await credentials.release()
        assert all(client.closed for client in opened)
        assert credentials.client(OTHER) not in used
        await credentials.release()

    asyncio.run(main())


@pytest.mark.parametrize(
    "provider",
    [
        rc.OpenAI(model="m", api_key=SECRET),
        rc.Anthropic(model="m", api_key=SECRET),
        rc.AzureOpenAI(deployment="m", endpoint="https://session", ad_token=SECRET),
    ],
)
def test_the_repr_of_credentials_and_client_pool_shows_no_secret(provider: ProviderConfig) -> None:
    clients = ClientPool()
    credentials = Credentials(clients)
    credentials.add(provider)
    credentials.client(provider.public())

    assert SECRET not in repr((vars(credentials), vars(clients)))
    asyncio.run(credentials.release())


def test_a_client_is_prepared_once_in_a_thread_however_many_wait_for_it() -> None:
    threads: list[threading.Thread] = []

    def open_client(config: ProviderConfig) -> Client:
        threads.append(threading.current_thread())
        return open_real_client(config)

    async def main() -> None:
        clients = ClientPool(open_client)

        await asyncio.gather(clients.prepare(SLOW), clients.prepare(SLOW))

        prepared = clients.client(SLOW)
        assert clients.lease(SLOW) is prepared
        await clients.prepare(SLOW)
        await clients.release(SLOW)

    asyncio.run(main())
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


def test_a_client_that_cannot_be_prepared_is_tried_again() -> None:
    problems = ["no key"]

    def open_client(config: ProviderConfig) -> Client:
        if problems:
            raise InvalidConfig("provider.api_key", problems.pop())
        return open_real_client(config)

    async def main() -> None:
        clients = ClientPool(open_client)
        with pytest.raises(InvalidConfig, match="no key"):
            await clients.prepare(SLOW)

        await clients.prepare(SLOW)
        clients.lease(SLOW)
        await clients.release(SLOW)

    asyncio.run(main())


def test_a_stored_provider_gets_the_secrets_of_the_same_one_whatever_its_model() -> None:
    other = rc.OpenAI(model="m", api_key="other", base_url="http://127.0.0.1:9/v1")
    same = rc.OpenAI(model="m", api_key="secret")
    stored = rc.OpenAI(model="n").public()

    assert known_provider(stored, [other, same]) == rc.OpenAI(model="n", api_key="secret")
    assert known_provider(stored, [other]) is None
