"""The name of a session actor says for which session it was started, whatever characters the id has."""

import pytest
from fixtures.named_actors import host_name

import rayconteur as rc
from rayconteur import blocking
from rayconteur.runtime.cluster.directory.actor_names import (
    HostKind,
    belongs_to,
    driver_of,
    is_host,
    kind_of,
    new_host_name,
    session_of,
)


@pytest.mark.parametrize("session_id", ["raven", "raven-7", "a-b-c-d", "user@example.org:chat-1", ""])
def test_a_name_tells_its_kind_its_driver_and_its_session(session_id: str) -> None:
    name = new_host_name(HostKind.DEDICATED, "d1", session_id)

    assert is_host(name)
    assert (kind_of(name), driver_of(name), session_of(name)) == ("session", "d1", session_id)
    assert belongs_to("d1", name)
    assert name != new_host_name(HostKind.DEDICATED, "d1", session_id), "names are used once"


def test_the_actor_of_a_dedicated_session_has_its_id_in_its_name(joining: rc.RuntimeOptions) -> None:
    with blocking.Runtime(options=joining) as runtime:
        session = runtime.spawn(rc.SessionConfig(provider=rc.Scripted()), "raven-7")

        assert host_name("raven-7", joining.namespace).endswith("-raven-7")
        session.close()
