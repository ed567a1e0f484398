"""Writing files: whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path

__all__ = ["check_place", "write_atomically"]

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL
# Of systems that have them: links are not followed, children do not inherit, bytes stay bytes.
_FLAGS |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file so that it holds all of `content`, or what it held before.

    The content goes to a new file beside it, to the disk, and then takes its name. A process that
    is killed may leave that new file behind, named ``.lawfit-…``.

    Parameters
    ----------
    path : str or path-like
        A regular file, which keeps its permissions, or nothing yet.
    content : bytes

    Raises
    ------
    OSError
        If the path is a symbolic link, a folder, a device or another special file, or can't be
        written. It names the path; nothing has changed.
    """
    target = Path(path)
    mode = check_place(target)
    beside = target.with_name(f".lawfit-{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(beside, _FLAGS, 0o666), "wb") as file:
            if mode is not None:
                beside.chmod(mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, os.fspath(target)) from None
        raise
    _sync_folder(target.parent)


def check_place(target: Path) -> int | None:
    """Refuse a path that `write_atomically` would, before there is anything to write.

    Returns the permissions of the file that is there, None where there is none.
    """
    name = os.fspath(target)
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", os.fspath(target.parent))
    try:
        kind = target.lstat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISREG(kind):
        if not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
        return stat.S_IMODE(kind) & 0o777
    if stat.S_ISLNK(kind):
        raise OSError(errno.ELOOP, "is a symbolic link, which is not written through", name)
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, "is a folder", name)
    raise OSError(errno.EINVAL, "is no regular file", name)


def _sync_folder(folder: Path) -> None:
    """Write a folder's names to the disk, where the system lets folders be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
