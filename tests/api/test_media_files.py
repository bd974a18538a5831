"""Images and documents from files: their content decides what they are, not their names."""

import io
import zipfile
from pathlib import Path

import pytest

import rayconteur as rc
from rayconteur.errors import InvalidConfig

REST = bytes(40)
PDF = b"%PDF-1.7\n" + REST


def office(part: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("[Content_Types].xml", "")
        archive.writestr(part, "")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n" + REST, "image/png"),
        (b"\xff\xd8\xff\xe0" + REST, "image/jpeg"),
        (b"GIF89a" + REST, "image/gif"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 " + REST, "image/webp"),
        (b"BM\x46\x00\x00\x00" + REST, "image/bmp"),
        (b"II*\x00" + REST, "image/tiff"),
        (b"\x00\x00\x00\x18ftypheic" + REST, "image/heic"),
        (b"\x00\x00\x00\x18ftypavif" + REST, "image/avif"),
    ],
)
def test_an_image_is_recognized_whatever_its_name(tmp_path: Path, data: bytes, media_type: str) -> None:
    path = tmp_path / "raven.txt"
    path.write_bytes(data)

    assert rc.Image.from_path(path) == rc.Image.from_path(str(path)) == rc.Image(data=data, media_type=media_type)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<!DOCTYPE html><html>Not found</html>",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\x24\x00\x00\x00WAVEfmt " + REST,
        b"\x00\x00\x00\x18ftypmp42" + REST,
        b"BM is how this text begins, and a bitmap too",
        PDF,
    ],
)
def test_a_file_that_is_not_an_image_is_refused_whatever_its_name(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "raven.png"
    path.write_bytes(data)

    with pytest.raises(InvalidConfig, match=r"^path: 'raven\.png' is not an image: (it has|the file is empty)"):
        rc.Image.from_path(path)


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PDF, "application/pdf"),
        (b"\n" + PDF, "application/pdf"),
        ("Crôa.\n".encode(), "text/plain"),
        (b"{\\rtf1 Caw.}", "application/rtf"),
        (office("word/document.xml"), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (office("xl/workbook.xml"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (office("ppt/slides.xml"), "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ],
)
def test_a_document_is_recognized_whatever_its_name(tmp_path: Path, data: bytes, media_type: str) -> None:
    path = tmp_path / "ravens.png"
    path.write_bytes(data)

    assert rc.Document.from_path(path) == rc.Document(data=data, media_type=media_type, name="ravens.png")
    assert rc.Document.from_path(path, "text/csv").media_type == "text/csv"


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (b"", "the file is empty"),
        (b" \n", "it has 2 bytes"),
        (b"Cr\xf4a, in Latin 1", "it has 16 bytes and begins with"),
        (b"text\x00", "it has 5 bytes"),
        (office("other/part.xml"), "begins with b'PK"),
        (b"PK\x03\x04" + REST, "begins with b'PK"),
        (b"\x89PNG\r\n\x1a\n" + REST, "use Image.from_path"),
    ],
)
def test_a_file_that_is_no_document_is_refused(tmp_path: Path, data: bytes, hint: str) -> None:
    path = tmp_path / "ravens.pdf"
    path.write_bytes(data)

    with pytest.raises(InvalidConfig) as raised:
        rc.Document.from_path(path)

    assert raised.value.field == "path"
    assert hint in raised.value.problem


def test_a_file_that_is_not_there_is_an_ordinary_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        rc.Image.from_path(tmp_path / "raven.png")
