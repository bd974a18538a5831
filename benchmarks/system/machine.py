"""The machine and the versions that a result was measured with."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec
import psutil

ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = (
    "rayconteur",
    "ray",
    "msgspec",
    "aiohttp",
    "uvloop",
    "anthropic",
    "openai",
    "google-genai",
    "cohere",
    "boto3",
    "autogen-core",
    "autogen-ext",
    "langchain-anthropic",
    "langgraph",
    "pydantic-ai-slim",
)
"""The packages that are measured, and those that they are compared with."""


class Machine(msgspec.Struct, frozen=True):
    """Where and with what something was measured. *load* is the machine's load average before the start."""

    processor: str
    cpus: int
    memory_bytes: int
    system: str
    python: str
    packages: dict[str, str]
    commit: str
    load: float


def this_machine() -> Machine:
    """This machine, now."""
    return Machine(
        processor=_processor(),
        cpus=os.cpu_count() or 0,
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        packages={name: installed for name in _PACKAGES if (installed := _version(name))},
        commit=_commit(),
        load=psutil.getloadavg()[0],
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str:
    """The commit of this checkout, with a plus if it has uncommitted changes."""
    if not (ROOT / ".git").exists():
        return "unknown"
    command = ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
