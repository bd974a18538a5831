"""What the commands about templates do."""

from typing import TYPE_CHECKING

import msgspec

from ...runtime.api.fleet.templates import StoredTemplate
from ..command_run import CommandRun
from ..exit_codes import ExitCode
from ..formatting import printable
from ..provider import config_file
from ..sessions import NamespaceOptions, report_outcomes, with_runtime

if TYPE_CHECKING:
    from ...runtime.driver.runtime import Runtime


async def list_templates(options: NamespaceOptions, json: bool, run: CommandRun) -> ExitCode:
    """Print a line for each template."""

    async def print_all(runtime: "Runtime") -> ExitCode:
        for template in await runtime.templates.list():
            run.output.line(msgspec.json.encode(template).decode() if json else _line(template))
        return ExitCode.COMPLETED

    return await with_runtime(options, run, print_all)


async def put_template(options: NamespaceOptions, name: str, share: float, run: CommandRun) -> ExitCode:
    """Store the config of that name in the config file, and use it."""
    config = config_file().template(name)

    async def put(runtime: "Runtime") -> ExitCode:
        return report_outcomes(await runtime.templates.put(name, config, share), "changed", run, may_be_none=True)

    return await with_runtime(options, run, put)


async def use_version(options: NamespaceOptions, name: str, version: int, share: float, run: CommandRun) -> ExitCode:
    """Use another version of a template."""

    async def use(runtime: "Runtime") -> ExitCode:
        return report_outcomes(await runtime.templates.use(name, version, share), "changed", run, may_be_none=True)

    return await with_runtime(options, run, use)


async def delete_template(options: NamespaceOptions, name: str, run: CommandRun) -> ExitCode:
    """Delete a template."""

    async def delete(runtime: "Runtime") -> ExitCode:
        await runtime.templates.delete(name)
        run.output.line(f"{name}  deleted")
        return ExitCode.COMPLETED

    return await with_runtime(options, run, delete)


def _line(template: StoredTemplate) -> str:
    versions = ", ".join(str(version.number) for version in template.versions)
    canary = "" if template.canary is None else f", {template.canary} for {template.share:g} of the sessions"
    provider = template.version(template.stable).config.provider
    model = f"{provider.service}:{provider.model}"
    return printable(f"{template.name:<24}version {template.stable}{canary}, of {versions}  {model}")
