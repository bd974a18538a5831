"""Failures of providers name the provider, and the variables that a rejected credential may have come from."""

import asyncio

import pytest
from fixtures.clients import Config, anthropic, azure, bedrock, cohere, google, openai
from fixtures.session import running_session
from servers.loopback import Loopback, answers

import rayconteur as rc
from rayconteur.compaction import Summarize
from rayconteur.providers import AWSAuth, ProviderConfig

KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "sk-this-one-is-secret"}


def bedrock_by_key(url: str) -> ProviderConfig:
    """Bedrock at *url*, with an access key."""
    return rc.Bedrock(model="claude-x", region="us-east-1", endpoint_url=url, **KEYS)  # type: ignore[arg-type]


def anthropic_at_aws(url: str) -> ProviderConfig:
    """Claude at AWS, with an access key."""
    auth = AWSAuth(region="us-east-1", service="bedrock", **KEYS)
    return rc.Anthropic(model="claude-x", base_url=url, aws=auth)


def azure_by_token(url: str) -> ProviderConfig:
    """Azure OpenAI at *url*, with a token of Entra."""
    return rc.AzureOpenAI(deployment="mine", ad_token="sk-this-one-is-secret", endpoint=url)


def failed_message(config: Config, body: bytes, status: int) -> str:
    """The message of a turn that fails, because its server answers with *body* and *status*."""

    async def main() -> str:
        async with Loopback(answers(body, status)) as server:
            settings = rc.SessionConfig(provider=config(server.url), retry=rc.RetryPolicy(max_attempts=1))
            async with running_session(settings) as session:
                failed = await session.wait_for_event(rc.Failed, session.ask())
                assert isinstance(failed, rc.Failed)
                return failed.message

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("config", "name", "variables"),
    [
        (anthropic, "anthropic", ["ANTHROPIC_API_KEY"]),
        (anthropic_at_aws, "anthropic", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]),
        (openai, "openai", ["OPENAI_API_KEY"]),
        (azure, "azureopenai", ["AZURE_OPENAI_API_KEY"]),
        (azure_by_token, "azureopenai", ["AZURE_OPENAI_AD_TOKEN"]),
        (google, "google", ["GOOGLE_API_KEY", "GEMINI_API_KEY"]),
        (cohere, "cohere", ["CO_API_KEY"]),
        (bedrock, "bedrock", ["AWS_BEARER_TOKEN_BEDROCK"]),
        (bedrock_by_key, "bedrock", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]),
    ],
)
def test_a_rejected_credential_is_reported_with_the_provider_and_its_variables(
    config: Config, name: str, variables: list[str]
) -> None:
    message = failed_message(config, b'{"error":{"message":"invalid x-api-key"}}', 401)

    assert message.startswith(f"{name}: invalid x-api-key")
    assert all(variable in message for variable in variables)
    assert "sk-" not in message


@pytest.mark.parametrize("config", [anthropic, openai, azure, google, cohere, bedrock])
@pytest.mark.parametrize("status", [400, 404, 429, 500, 529])
def test_every_failure_names_the_provider(config: Config, status: int) -> None:
    message = failed_message(config, b'{"error":{"message":"it went wrong"}}', status)

    assert message.startswith(f"{config('http://x').name}: ")
    assert "it went wrong" in message
    assert "the credential" not in message


def compaction_problem(config: Config, body: bytes, status: int) -> str:
    """The problem of a compaction, because the server of the model that writes summaries answers with *status*."""

    async def main() -> str:
        async with Loopback(answers(body, status)) as server:
            summarize = Summarize(provider=config(server.url), keep_recent_turns=1)
            retry = rc.RetryPolicy(max_attempts=1)
            settings = rc.SessionConfig(provider=rc.Scripted(), compaction=summarize, retry=retry)
            async with running_session(settings) as session:
                for _ in range(3):
                    await session.wait_for_end(session.ask("a raven " * 400))
                session.tell(rc.Compact())
                compacted = await session.wait_for_event(rc.Compacted)
                assert isinstance(compacted, rc.Compacted)
                return str(compacted.problem)

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("config", "name", "variable"),
    [(anthropic, "anthropic", "ANTHROPIC_API_KEY"), (cohere, "cohere", "CO_API_KEY"), (google, "google", "GOOGLE_API")],
)
def test_a_compaction_that_fails_names_the_provider_and_its_variables(config: Config, name: str, variable: str) -> None:
    problem = compaction_problem(config, b'{"error":{"message":"invalid x-api-key"}}', 401)

    assert f"{name}: invalid x-api-key" in problem
    assert variable in problem
    assert f"{name}: it went wrong" in compaction_problem(config, b'{"error":{"message":"it went wrong"}}', 500)
