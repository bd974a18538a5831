"""The status of a cluster says what does not answer, and disturbs nobody."""

import asyncio
import os
import signal

from fixtures.named_actors import actor_names, process_id

import rayconteur as rc
from rayconteur import blocking
from rayconteur.runtime import ClusterStatus, cluster_status


def status_of(namespace: str) -> ClusterStatus:
    return asyncio.run(cluster_status(namespace))


def test_a_session_actor_that_is_stopped_is_named_as_a_problem_and_nothing_else_is(options: rc.RuntimeOptions) -> None:
    with blocking.Runtime(placement=rc.Packed(), options=options) as runtime:
        runtime.spawn(rc.SessionConfig(provider=rc.Scripted()), "poe").ask("nevermore").answer()
        [host] = [name for name in actor_names(options.namespace) if name.startswith("_host")]
        pid = process_id(host, options.namespace)

        while not (well := status_of(options.namespace)).states:
            pass  # its first report comes after half a second
        os.kill(pid, signal.SIGSTOP)
        try:
            ill = status_of(options.namespace)
        finally:
            os.kill(pid, signal.SIGCONT)

    assert (well.sessions, well.states, well.asked, well.problems) == (1, {"idle": 1}, 1, ())
    assert [node.actors for node in well.nodes if node.is_alive] == [3]
    assert ill.unreachable == (host,)
    assert ill.problems == (f"{host} (host) has not answered within 5 s",)


def test_asking_for_the_status_of_an_unused_namespace_starts_nothing_in_it(options: rc.RuntimeOptions) -> None:
    status = status_of(options.namespace)

    assert not status.exists
    assert status.nodes
    assert actor_names(options.namespace) == set()
