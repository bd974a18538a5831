"""A program that runs LiteLLM's proxy on a listening socket until its input ends: ``litellm_program.py FD``."""

import os
import sys
import threading
from importlib import import_module
from typing import Any


def main(fd: str) -> None:
    """Serve until the standard input ends, as it does when the process that started this one ends."""
    threading.Thread(target=_exit_at_end_of_input, daemon=True).start()
    uvicorn: Any = import_module("uvicorn")
    uvicorn.run("litellm.proxy.proxy_server:app", fd=int(fd))


def _exit_at_end_of_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
