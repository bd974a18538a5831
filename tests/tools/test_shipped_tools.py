"""What a session holds of tools that run on Ray."""

import msgspec
from fixtures.session import SESSION_ID, running_session, scripted_config
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.providers.wire.request_body import schema_json
from rayconteur.runtime import ActorMethod
from rayconteur.runtime.api.tools.places import ShippedRun
from rayconteur.scripted import Say

DONE = (Say("done"),)


def shipped() -> rc.Tool:
    """A tool that runs on Ray."""
    run = ShippedRun(
        place=ActorMethod("browser"),
        function=bytes(100_000),
        timeout_s=None,
        parallel=True,
        max_parallel=1,
        max_result_bytes=1,
    )
    return run.on(rc.Tool(name="look"))


def test_sessions_with_equal_tools_hold_them_once_whether_opened_or_configured_so() -> None:
    def config() -> rc.SessionConfig:
        return scripted_config(DONE, tools=(shipped(),))

    async def main() -> None:
        async with running_session(config()) as session:
            await session.host.open(["second", "third"], 1, config())
            await session.host.open(["fourth"], 1, scripted_config(DONE))
            change = rc.Configure(tools=(shipped(),))
            session.host.tell(("fourth", 1), msgspec.msgpack.encode(change))

            held = [session.host.settings((name, 1)).tools for name in (SESSION_ID, "second", "third", "fourth")]
            assert len({id(tools) for tools in held}) == 1
            await session.host.close_all([("second", 1), ("third", 1), ("fourth", 1)], drain=False)

    run(main())


def test_the_schema_of_a_tool_is_encoded_once_for_all_sessions_that_have_equal_ones() -> None:
    def config() -> rc.SessionConfig:
        return scripted_config(DONE, tools=(rc.Tool(name="look", input_schema={"type": "object"}),))

    async def main() -> None:
        async with running_session(config()) as session:
            await session.host.open(["second"], 1, config())

            first, second = (session.host.settings((name, 1)).tools[0] for name in (SESSION_ID, "second"))
            assert isinstance(first, rc.Tool)
            assert isinstance(second, rc.Tool)
            assert schema_json(first) is schema_json(second)
            assert schema_json(first) == msgspec.Raw(b'{"type":"object"}')
            await session.host.close_all([("second", 1)], drain=False)

    run(main())


def test_a_schema_is_encoded_again_after_many_others() -> None:
    tool = rc.Tool(name="look")
    first = schema_json(tool)
    for number in range(1_000):
        schema_json(rc.Tool(name="look", input_schema={"type": "object", "title": str(number)}))

    assert schema_json(tool) is not first
    assert schema_json(tool) == first


def test_what_runs_a_tool_is_no_part_of_what_a_request_holds() -> None:
    from rayconteur.compaction.estimate.estimator import new_estimator

    def tokens(tool: rc.Tool) -> float:
        return new_estimator("anthropic").tokens_of_settings(scripted_config(DONE, tools=(tool,)))

    assert tokens(shipped()) == tokens(rc.Tool(name="look"))
