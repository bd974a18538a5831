"""Without a vendor's SDK: ``MissingExtra`` with the extra to install, exit code 2, and no traceback."""

import subprocess
from pathlib import Path

import pytest
from fixtures.distributions import SDKS, python_without
from fixtures.terminal import PROGRAM, TIMEOUT_S, environment

from rayconteur.cli.exit_codes import ExitCode

KEYS = {
    "ANTHROPIC_API_KEY": "k",
    "OPENAI_API_KEY": "k",
    "AZURE_OPENAI_API_KEY": "k",
    "AZURE_OPENAI_ENDPOINT": "https://x.example",
    "GOOGLE_API_KEY": "k",
    "CO_API_KEY": "k",
    "AWS_ACCESS_KEY_ID": "k",
    "AWS_SECRET_ACCESS_KEY": "k",
    "AWS_REGION": "us-east-1",
}
EXTRAS = {name: name for name in SDKS} | {"azureopenai": "openai"}


@pytest.fixture(scope="module")
def pythons(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """For each extra, the Python of an environment without it."""
    return {extra: python_without(extra, tmp_path_factory.mktemp(extra)) for extra in SDKS}


def run(python: Path, program: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run *program*, with a key for every provider in its environment."""
    return subprocess.run(
        [python, "-c", program, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment(KEYS | variables),
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "provider"),
    [*(("chat", provider) for provider in EXTRAS), ("demo --packed", "google"), ("demo --packed", "bedrock")],
)
def test_a_command_ends_with_exit_code_2_and_one_line_that_names_the_extra(
    pythons: dict[str, Path], command: str, provider: str
) -> None:
    extra = EXTRAS[provider]

    done = run(pythons[extra], PROGRAM, *command.split(), "--model", f"{provider}:m")

    assert done.returncode == ExitCode.USAGE
    assert f"pip install 'rayconteur[{extra}]'" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    "config",
    [
        "rc.Google(model='m', api_key='k')",
        "rc.Google(model='m', vertex=True, project='p')",
        'rc.Google(model=\'m\', credentials=\'{"type": "service_account", "project_id": "p"}\')',
    ],
)
def test_opening_a_client_of_google_names_the_extra_although_protobuf_has_its_namespace(
    pythons: dict[str, Path], config: str
) -> None:
    done = run(
        pythons["google"],
        "import google.protobuf\n"
        "import rayconteur as rc\n"
        "from rayconteur.providers.registry import open_client\n"
        "try:\n"
        f"    open_client({config}.resolved({{}}))\n"
        "except rc.errors.MissingExtra as error:\n"
        "    print(error.provider, error.extra)\n",
    )

    assert (done.stdout.split(), done.stderr) == (["google", "google"], "")
