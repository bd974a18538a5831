"""The size of an image, read from its header."""

import struct
import zlib

import pytest

from rayconteur.compaction.estimate.media import image_size


def png(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (png(640, 480), (640, 480)),
        (b"GIF89a" + struct.pack("<HH", 3, 5) + bytes(8), (3, 5)),
        (b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc2\x00\x11\x08" + struct.pack(">HH", 480, 640) + bytes(9), (640, 480)),
        (b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\x7f\x02\x00\xdf\x01\x00", (640, 480)),
        (b"RIFF\0\0\0\0WEBPVP8L" + bytes(4) + b"\x2f" + (639 | 479 << 14).to_bytes(4, "little"), (640, 480)),
        (b"RIFF\0\0\0\0WEBPVP8 " + bytes(4) + bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", 640, 480), (640, 480)),
    ],
    ids=["png", "gif", "jpeg", "webp", "lossless webp", "lossy webp"],
)
def test_the_size_of_an_image_is_read_from_its_header(data: bytes, expected: tuple[int, int]) -> None:
    assert image_size(data) == expected


@pytest.mark.parametrize("marker", range(0xC0, 0xD0))
def test_the_size_of_a_jpeg_is_in_the_segment_that_begins_a_frame(marker: int) -> None:
    """T.81, table B.1: all of these begin a frame, except those of tables and of arithmetic coding."""
    sizes = b"\x00\x11\x08" + struct.pack(">HH", 480, 640) + bytes(10)

    begins_frame = marker not in (0xC4, 0xC8, 0xCC)
    assert image_size(b"\xff\xd8\xff" + bytes([marker]) + sizes) == ((640, 480) if begins_frame else (1_024, 1_024))


@pytest.mark.parametrize("marker", [0xBF, 0xD0])
def test_other_segments_of_a_jpeg_are_passed_over(marker: int) -> None:
    frame = b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", 480, 640) + bytes(10)

    assert image_size(b"\xff\xd8\xff" + bytes([marker]) + b"\x00\x06abcd" + frame) == (640, 480)


@pytest.mark.parametrize(
    "data", [b"", b"BM", b"\x89PNG\r\n\x1a\n\0", b"GIF89a\1", b"\xff\xd8\xff\xe0\0\4ab", b"RIFF\0\0\0\0WAVEfmt "]
)
def test_where_it_can_not_be_read_the_size_is_that_of_a_usual_image(data: bytes) -> None:
    assert image_size(data) == (1_024, 1_024)
