"""A disk that loses power: a VFS of SQLite that knows which writes were synced."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import apsw

SECTOR_BYTES = 512


class PowerLost(apsw.IOError):
    """The machine is off."""


class DiskModel(apsw.VFS):
    """Files of the real file system, of which a loss of power keeps what was synced.

    Of the writes after the last sync of a file, any may be kept, and of each any sectors. *on_operation* is called
    before each write and each sync, and may raise.
    """

    def __init__(self, name: str, on_operation: Callable[[str], None]) -> None:
        self.name = name
        self.on_operation = on_operation
        self.synced: dict[str, bytes] = {}
        self.unsynced: dict[str, list[tuple[int, bytes | None]]] = {}  # None: cut there
        super().__init__(name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> "ModelFile":  # noqa: N802
        return ModelFile(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.synced.pop(filename, None)
        self.unsynced.pop(filename, None)
        super().xDelete(filename, syncdir)

    def after_loss_of_power(self, folder: Path, random: Random) -> None:
        """Write the files as they may be found when the power is back into *folder*."""
        for path in self.synced.keys() | self.unsynced.keys():
            content = bytearray(self.synced.get(path, b""))
            for offset, data in self.unsynced.get(path, []):
                if data is None:
                    if random.random() < 0.5:
                        del content[offset:]
                    continue
                for start in range(0, len(data), SECTOR_BYTES):
                    if random.random() < 0.5:
                        _write(content, offset + start, data[start : start + SECTOR_BYTES])
            (folder / Path(path).name).write_bytes(content)


class ModelFile(apsw.VFSFile):
    """One file of a ``DiskModel``."""

    def __init__(self, disk: DiskModel, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        disk.synced.setdefault(self._path, b"")
        disk.unsynced.setdefault(self._path, [])

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.on_operation("write")
        super().xWrite(data, offset)
        self._disk.unsynced[self._path].append((offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.on_operation("write")
        super().xTruncate(newsize)
        self._disk.unsynced[self._path].append((newsize, None))

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.on_operation("sync")
        super().xSync(flags)
        content = bytearray(self._disk.synced[self._path])
        for offset, data in self._disk.unsynced[self._path]:
            if data is None:
                del content[offset:]
            else:
                _write(content, offset, data)
        self._disk.synced[self._path] = bytes(content)
        self._disk.unsynced[self._path] = []


def _write(content: bytearray, offset: int, data: bytes) -> None:
    content.extend(bytes(max(0, offset + len(data) - len(content))))
    content[offset : offset + len(data)] = data
