"""Sessions of a host that follow a template: those that run, and those that come back after it has changed."""

import msgspec
import pytest
from fixtures.killable_host import KEY, KillableHost, Namespace, SlowJournal
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.runtime import FollowedTemplate, StoredTemplate, TemplateVersion, TurnSettings, Where
from rayconteur.runtime.api.fleet.templates import TemplateBook
from rayconteur.runtime.session.fleet.orders import FleetOrder, carry_out
from rayconteur.runtime.session.requests.credentials import Supplied

FOLLOWED = FollowedTemplate(name="raven", version=1)
FIRST = rc.SessionConfig(provider=rc.Scripted(), system="first", max_steps=3)
SECOND = rc.SessionConfig(provider=rc.Scripted(), system="second")
TEMPLATE = StoredTemplate(
    name="raven",
    versions=(TemplateVersion(1, 0.0, FIRST), TemplateVersion(2, 1.0, SECOND)),
    stable=2,
    revision=7,
)


async def opened(config: rc.SessionConfig = FIRST) -> Namespace:
    namespace = Namespace(SlowJournal())
    await namespace.open(msgspec.structs.replace(config, template=FOLLOWED))
    return namespace


def new_host(namespace: Namespace) -> KillableHost:
    """A host that the session is on next, instead of one that is killed."""
    namespace.host.kill()
    namespace.hosts.append(KillableHost(namespace))
    return namespace.host


def settings(namespace: Namespace) -> rc.SessionConfig:
    return namespace.host.host.settings(KEY)


def test_a_session_that_runs_follows_at_once_but_for_what_it_has_changed_itself() -> None:
    async def main() -> None:
        namespace = await opened()
        await namespace.host.send(rc.Configure(max_steps=9))

        order = FleetOrder(Where(every=True), template=TEMPLATE)
        (outcome,) = await carry_out(namespace.host.host, [KEY[0]], order)
        again = await carry_out(namespace.host.host, [KEY[0]], order)

        assert outcome.done
        assert again == []
        assert (settings(namespace).system, settings(namespace).max_steps) == ("second", 9)
        assert settings(namespace).template == FollowedTemplate(name="raven", version=2, overrides=("max_steps",))
        await namespace.stop()

    run(main())


def test_settings_of_one_turn_override_nothing() -> None:
    async def main() -> None:
        namespace = await opened()

        message = rc.UserMessage(content=(rc.Text("hi"),), settings=TurnSettings(system="for once"))
        await namespace.host.send(message)
        await namespace.wait_for(lambda event: isinstance(event, rc.Completed))

        assert settings(namespace).template == FOLLOWED
        await namespace.stop()

    run(main())


@pytest.mark.parametrize("is_older_known", [False, True])
def test_a_session_that_comes_back_follows_before_it_takes_a_message(is_older_known: bool) -> None:
    async def main() -> None:
        namespace = await opened()
        host = new_host(namespace)
        host.host.templates.learn([TEMPLATE])
        if is_older_known:
            host.host.templates.learn([msgspec.structs.replace(TEMPLATE, stable=1, revision=6)])

        await namespace.recover(here=True)

        await namespace.host.ask("hi")
        await namespace.wait_for(lambda event: isinstance(event, rc.Completed))
        assert (settings(namespace).system, settings(namespace).template) == (
            "second",
            FollowedTemplate(name="raven", version=2),
        )
        kinds = [type(event) for event in namespace.read()]
        assert kinds.index(rc.Configured) < kinds.index(rc.TurnStarted)
        await namespace.stop()

    run(main())


@pytest.mark.parametrize("all_of_them", [False, True])
def test_a_session_that_comes_back_needs_the_provider_of_its_template(all_of_them: bool) -> None:
    async def main() -> None:
        namespace = await opened()
        namespace.host.kill()
        other = rc.SessionConfig(provider=rc.Scripted(model="other"))
        template = msgspec.structs.replace(TEMPLATE, versions=(TemplateVersion(2, 1.0, other),))
        host = new_host(namespace)
        if all_of_them:
            host.host.templates.learn_all(TemplateBook(template.revision, {template.name: template}))
        else:
            host.host.templates.learn([template])

        providers = await host.host.rebuild(KEY)
        await host.host.resume(KEY, Supplied(providers))

        assert [provider.model for provider in providers] == [FIRST.provider.model, "other"]
        assert host.host.settings(KEY).provider.model == "other"
        await namespace.stop()

    run(main())


def test_a_template_that_was_deleted_is_followed_no_more() -> None:
    async def main() -> None:
        namespace = await opened()
        host = new_host(namespace)
        host.host.templates.learn([TEMPLATE])
        host.host.templates.learn_all(TemplateBook(TEMPLATE.revision + 1))

        await namespace.recover(here=True)

        assert settings(namespace).system == "first"
        await namespace.stop()

    run(main())


def test_what_a_session_can_not_have_is_logged_and_it_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        tool = rc.Tool(name="look", description="", input_schema={"type": "object"})
        namespace = await opened()
        await namespace.host.send(rc.Configure(tools=()))
        looks = msgspec.structs.replace(SECOND, tools=(tool,), tool_choice=rc.ToolChoice(mode="tool", name="look"))
        host = new_host(namespace)
        host.host.templates.learn([msgspec.structs.replace(TEMPLATE, versions=(TemplateVersion(2, 1.0, looks),))])

        await namespace.recover(here=True)
        await namespace.host.ask("hi")
        await namespace.wait_for(lambda event: isinstance(event, rc.Completed))

        assert settings(namespace).system == "first"
        assert "session raven can't follow its template" in caplog.text
        await namespace.stop()

    run(main())
