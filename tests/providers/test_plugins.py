"""Provider plug-ins: how entry points become providers, and which ones are rejected when the package is imported."""

import os
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from fixtures.plugins import Plugin, install

CONFIG = """
from rayconteur.providers import Client, Config, Provider

class Crow(Config, frozen=True, kw_only=True):
    nest: str = "oak"

def open_client(config: Config) -> Client:
    raise NotImplementedError
"""
CROW = CONFIG + "CROW = Provider(config=Crow, open_client=open_client, aliases=('corvid',))\n"


def run(folder: Path, program: str) -> "CompletedProcess[str]":
    """Run *program* where the plug-ins in *folder* are installed."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)


def error_of(folder: Path) -> str:
    """The last line that the first use of a config writes: an InvalidPlugin."""
    done = run(folder, "import rayconteur as rc; rc.SessionConfig(provider=rc.Scripted())")
    assert done.returncode != 0
    line = done.stderr.splitlines()[-1]
    assert line.startswith("rayconteur.providers.schema.errors.InvalidPlugin: ")
    return line


def test_a_plugin_is_a_provider_like_any_other(tmp_path: Path) -> None:
    install(Plugin("crows", {"crow": "crow_provider:CROW"}, {"crow_provider.py": CROW}), tmp_path)

    done = run(
        tmp_path,
        "import msgspec, rayconteur as rc\n"
        "config = rc.model('corvid:black', nest='pine')\n"
        "sent = msgspec.msgpack.encode(rc.SessionConfig(provider=config))\n"
        "print(msgspec.msgpack.decode(sent, type=rc.SessionConfig).provider == config)\n"
        "print(isinstance(config, rc.providers.ProviderConfig), rc.Crow is type(config))\n"
        "from rayconteur.cli.main import app\n"
        "app(['demo', '--help'])\n",
    )

    assert done.stdout.splitlines()[:2] == ["True", "True True"]
    assert "crow" in done.stdout
    assert done.stderr == ""


def test_plugins_come_in_the_order_of_their_names_after_the_providers_of_the_package(tmp_path: Path) -> None:
    other = CONFIG.replace("Crow", "Ant") + "ANT = Provider(config=Ant, open_client=open_client)\n"
    install(Plugin("crows", {"crow": "crow_provider:CROW"}, {"crow_provider.py": CROW}), tmp_path)
    install(Plugin("ants", {"ant": "ant_provider:ANT"}, {"ant_provider.py": other}), tmp_path)

    done = run(tmp_path, "from rayconteur.providers.registry import PROVIDERS; print(*PROVIDERS)")

    assert done.stdout.split()[-2:] == ["ant", "crow"]


def module(class_line: str) -> str:
    """A plug-in's module with the config that *class_line* defines."""
    name = class_line.removeprefix("class ").partition(":")[0].partition("(")[0]
    return (
        "from rayconteur.providers import Client, Config, Provider\n"
        "import msgspec\n"
        f"{class_line}\n"
        "def open_client(config: Config) -> Client: raise NotImplementedError\n"
        f"BAD = Provider(config={name}, open_client=open_client)\n"
    )


BAD_PLUGINS = {
    "openai": (module("class OpenAI(Config, frozen=True): pass"), "'openai' is taken by rayconteur itself"),
    "gemini": (module("class Gemini(Config, frozen=True): pass"), "'gemini' is taken by rayconteur itself"),
    "class": (module("class Bad: pass"), "is not a struct derived from rayconteur.providers.Config"),
    "struct": (
        module("class Bad(msgspec.Struct, frozen=True, tag_field='provider', tag='struct'): model: str"),
        "is not a struct derived from rayconteur.providers.Config",
    ),
    "untagged": (module("class Bad(Config, frozen=True, tag=False): pass"), "is not tagged as Config is"),
    "number": (module("class Bad(Config, frozen=True, tag=7): pass"), "is not tagged as Config is"),
    "field": (module("class Field(Config, frozen=True, tag_field='kind'): pass"), "is not tagged as Config is"),
    "tag": (module("class Bad(Config, frozen=True): pass"), "is 'bad'; it must be the entry point's name, 'tag'"),
    "thawed": (module("class Thawed(Config, frozen=False): pass"), "must be frozen"),
    "unknown": (
        module("class Unknown(Config, frozen=True, kw_only=True): at: 'Nowhere' = None"),
        "msgspec can't decode its config Unknown",
    ),
    "secret": (
        module("class Secret(Config, frozen=True, kw_only=True): secrets = ('key',); key: str"),
        "the secret 'key' of its config Secret must accept None",
    ),
    "nosecret": (
        module("class NoSecret(Config, frozen=True, kw_only=True): secrets = ('key',)"),
        "has 'key', which is not a field",
    ),
    "aliased": (
        module("class Aliased(Config, frozen=True): pass").replace(
            "open_client=open_client)", "open_client=open_client, aliases='corvid')"
        ),
        "its aliases, 'corvid', are not a tuple of names",
    ),
    "type": ("class BAD: pass", "it names a type, not a rayconteur.providers.Provider"),
    "empty": ("GOOD = 1", "it can't be imported: AttributeError"),
    "missing": ("import nowhere", "it can't be imported: ModuleNotFoundError: No module named 'nowhere'"),
    "raises": ("raise RuntimeError('no crow here')", "it can't be imported: RuntimeError: no crow here"),
    "root": ("from rayconteur import Text, SessionConfig", "a plug-in imports from rayconteur.providers"),
}
"""By the name of its entry point: the module of a plug-in, and what the error says about it."""


@pytest.mark.parametrize("name", BAD_PLUGINS)
def test_a_plugin_that_cannot_be_used_is_named_and_rejected_at_the_first_use(name: str, tmp_path: Path) -> None:
    code, problem = BAD_PLUGINS[name]
    install(Plugin("bad-birds", {name: "bad_provider:BAD"}, {"bad_provider.py": code}), tmp_path)

    error = error_of(tmp_path)

    assert f"'{name} = bad_provider:BAD' of bad-birds 1.0 can't be used" in error
    assert problem in error
    assert error.endswith("Fix the plug-in or uninstall its distribution")


def test_a_name_that_another_plugin_has_is_rejected(tmp_path: Path) -> None:
    install(Plugin("crows", {"crow": "crow_provider:CROW"}, {"crow_provider.py": CROW}), tmp_path)
    install(Plugin("more-crows", {"crow": "more_crows:CROW"}, {"more_crows.py": CROW}), tmp_path)

    error = error_of(tmp_path)

    assert "'crow = more_crows:CROW' of more-crows 1.0" in error
    assert "'crow' is taken by crows 1.0" in error


def test_without_plugins_using_the_package_does_not_pay_for_their_discovery() -> None:
    done = run(
        Path(os.devnull), "import sys, rayconteur as rc; rc.SessionConfig; print('importlib.metadata' in sys.modules)"
    )

    assert done.stdout.split() == ["False"]
