"""The options and arguments that several commands have, or whose descriptions are long."""

from pathlib import Path
from typing import Annotated

import typer

from ..providers.registry import PROVIDERS
from ..runtime.api.options import RuntimeOptions
from ..runtime.driver.config_file.reading import CONFIG_VARIABLE
from .bounded import LONGEST_S, MOST_RECORDS, MOST_SESSIONS, MOST_TOKENS_PER_S, require_number
from .demo.command import DEFAULT_SESSIONS

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        envvar=CONFIG_VARIABLE,
        show_envvar=False,
        help="The config file of the runtime, in TOML.",
        show_default=CONFIG_VARIABLE,
    ),
]
Sessions = Annotated[
    int | None,
    typer.Option(
        min=1, max=MOST_SESSIONS, metavar="N", help="The number of sessions.", show_default=str(DEFAULT_SESSIONS)
    ),
]
Prompts = Annotated[Path | None, typer.Option(metavar="FILE", help="The prompts, one per line.", show_default="ravens")]
Provider = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=f"The provider: {', '.join(PROVIDERS)}, or a preset (see rayconteur --help). With :MODEL also the model.",
        show_default="scripted, or the one in --model",
    ),
]
Model = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The model: provider:model, or its name next to --provider."),
]
Rate = Annotated[
    float,
    typer.Option(
        min=0.1,
        max=MOST_TOKENS_PER_S,
        callback=require_number,
        metavar="TOKENS",
        help="Tokens per second of the scripted provider.",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="The Ray cluster to join.", show_default="RAY_ADDRESS, or Ray started here"),
]

Namespace = Annotated[
    str, typer.Option(metavar="NAME", help="The namespace of the sessions.", show_default=RuntimeOptions().namespace)
]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--address", metavar="HOST:PORT", help="The Ray cluster.", show_default="RAY_ADDRESS, or the one here"
    ),
]
SomeIds = Annotated[list[str] | None, typer.Argument(metavar="[ID...]", help="The ids of the sessions.")]
Selection = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="FIELD=VALUE",
        help="All that fit, instead of ids. FIELD is ids, owner, project, tag, state, provider or model; or: every.",
    ),
]
SessionIds = Annotated[list[str], typer.Argument(metavar="ID...", help="The ids of the sessions.")]
TurnsHave = Annotated[
    float,
    typer.Option(
        min=0.1,
        max=LONGEST_S,
        callback=require_number,
        metavar="SECONDS",
        help="How long running turns may take to end; then they go on elsewhere.",
    ),
]
JournalPlace = Annotated[
    str,
    typer.Option(
        "--journal",
        metavar="PLACE",
        help="The journal: an SQLite file, or the address of PostgreSQL (#schema) or Redis (#prefix).",
    ),
]
Epoch = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=MOST_RECORDS,
        metavar="N",
        help="Which session of this id, if it was used again.",
        show_default="the last",
    ),
]
LastRecord = Annotated[
    int | None,
    typer.Option(
        "--at", min=1, max=MOST_RECORDS, metavar="RECORD", help="The last record to show.", show_default="all"
    ),
]
