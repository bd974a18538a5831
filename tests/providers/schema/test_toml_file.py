"""Files in TOML: where a problem is, in every form in which TOML writes a key."""

from pathlib import Path

import msgspec
import pytest

from rayconteur.providers.schema.checks.toml_file import TOMLFile
from rayconteur.providers.schema.errors import InvalidConfig


class Wing(msgspec.Struct, frozen=True, tag="wing"):
    span_cm: int = 0


class Tail(msgspec.Struct, frozen=True, tag="tail"):
    feathers: int = 12


class Raven(msgspec.Struct, frozen=True):
    name: str
    parts: tuple[Wing | Tail, ...] = ()
    wing: Wing | None = None
    ages: dict[str, int] = {}
    either: Wing | Tail = Wing()


def file(folder: Path, text: str) -> TOMLFile:
    path = folder / "raven.toml"
    path.write_text(text)
    return TOMLFile(path)


def test_a_file_becomes_a_struct(tmp_path: Path) -> None:
    text = 'name = "Huginn"\nparts = [{type = "tail"}, {type = "wing", span_cm = 120}]\n[ages]\nhuginn = 3\n'
    read = file(tmp_path, text)

    assert read.convert(read.data, Raven) == Raven("Huginn", (Tail(), Wing(120)), ages={"huginn": 3})


@pytest.mark.parametrize(
    ("text", "line", "place"),
    [
        ("name = 1", 1, "name"),
        ("# a comment\n\n  name = 1", 3, "name"),
        ('name = """\nof\nmany lines"""\nwings = 2', 4, "wings"),
        ("name = 'x'\n[wing]\nspan_cm = 'wide'", 3, "wing.span_cm"),
        ("name = 'x'\nwing.span_cm = 'wide'", 2, "wing.span_cm"),
        ("name = 'x'\nwing = {span_cm = 'wide'}", 2, "wing.span_cm"),
        ("name = 'x'\nwing = {type = 'wing', span = 3}", 2, "wing.span"),
        ("name = 'x'\n[[parts]]\ntype = 'wing'\n[[parts]]\ntype = 'tail'\nfeathers = ''", 6, "parts[1].feathers"),
        ("name = 'x'\n[[parts]]\ntype = 'wing'\nfeathers = 1", 4, "parts[0].feathers"),
        ("name = 'x'\nparts = [\n  {type = 'wing', span_cm = ''},\n]", 2, "parts[0].span_cm"),
        ("name = 'x'\n\neither = {type = 'beak'}", 3, "either.type"),
        ("name = 'x'\n[either]\ntype = 'tail'\nspan_cm = 3", 4, "either.span_cm"),
    ],
)
def test_a_problem_has_its_line_and_place(tmp_path: Path, text: str, line: int, place: str) -> None:
    read = file(tmp_path, text)

    with pytest.raises(InvalidConfig) as raised:
        read.convert(read.data, Raven)

    assert raised.value.field == f"{read.path}, line {line}"
    assert raised.value.problem.startswith(f"{place}: ")


@pytest.mark.parametrize(
    ("key", "advice"), [("nmae", "did you mean name?"), ("zzz", "there are name, parts, wing, ages, either")]
)
def test_an_unknown_key_is_answered_with_the_nearest(tmp_path: Path, key: str, advice: str) -> None:
    read = file(tmp_path, f"name = 'x'\n{key} = 1")

    with pytest.raises(InvalidConfig, match=f"{key}: there is no such key; ") as raised:
        read.convert(read.data, Raven)

    assert advice in raised.value.problem


@pytest.mark.parametrize(("content", "problem"), [(b"\xff", "UTF-8"), (b"a = 1\nb = = 2", "line 2: is no TOML")])
def test_what_is_no_toml_is_rejected(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "raven.toml"
    path.write_bytes(content)

    with pytest.raises(InvalidConfig, match=problem):
        TOMLFile(path)
