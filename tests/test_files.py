"""Files are written whole or not at all: rows E34 and E35 of the catalogue of bad input."""

import os
import random
import stat
import subprocess
import sys
import textwrap
import time

import pytest

from lawfit._files import check_place, write_atomically

posix = pytest.mark.skipif(os.name != "posix", reason="links, devices and limits are POSIX's")
OLD, NEW = b"old" * 1000, b"new" * 5000


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_a_new_file_and_one_that_is_there(tmp_path):
    path = tmp_path / "out.png"
    for content in (OLD, NEW, b""):
        write_atomically(path, content)
        assert path.read_bytes() == content
        assert names(tmp_path) == ["out.png"]
    write_atomically(str(path), OLD)
    assert path.read_bytes() == OLD


def test_a_name_relative_to_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_atomically("out.png", NEW)
    assert (tmp_path / "out.png").read_bytes() == NEW


@posix
def test_permissions(tmp_path):
    path = tmp_path / "out"
    before = os.umask(0o027)
    try:
        write_atomically(path, NEW)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    finally:
        os.umask(before)
    path.chmod(0o604)
    write_atomically(path, OLD)
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_file_that_may_not_be_written(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(OLD)
    path.chmod(0o400)
    with pytest.raises(PermissionError):
        write_atomically(path, NEW)
    assert path.read_bytes() == OLD


def test_a_folder_that_is_missing_or_in_the_way(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder") as caught:
        write_atomically(tmp_path / "no" / "out", NEW)
    assert caught.value.filename == str(tmp_path / "no")
    with pytest.raises(IsADirectoryError, match="is a folder") as caught:
        write_atomically(tmp_path, NEW)
    assert caught.value.filename == str(tmp_path)
    with pytest.raises(OSError, match=r"File name too long|cannot find"):
        write_atomically(tmp_path / ("a" * 300), NEW)
    assert names(tmp_path) == []


# E34: links and special files


@posix
def test_e34_links_are_not_followed(tmp_path):
    target = tmp_path / "target"
    target.write_bytes(OLD)
    links = {"link": "target", "broken": "nowhere", "loop": "loop", "chain": "link"}
    for name, to in links.items():
        (tmp_path / name).symlink_to(to)
        for work in (lambda path: write_atomically(path, NEW), check_place):
            with pytest.raises(OSError, match="is a symbolic link, which is not written") as caught:
                work(tmp_path / name)
            assert caught.value.filename == str(tmp_path / name)
        assert (tmp_path / name).is_symlink()
    assert target.read_bytes() == OLD
    assert names(tmp_path) == sorted(["target", *links])


@posix
def test_e34_a_link_that_appears_meanwhile_is_replaced_not_followed(tmp_path, monkeypatch):
    target, path = tmp_path / "target", tmp_path / "out"
    target.write_bytes(OLD)
    synced = os.fsync

    def swap(handle):
        synced(handle)
        monkeypatch.setattr(os, "fsync", synced)
        path.symlink_to(target)

    monkeypatch.setattr(os, "fsync", swap)
    write_atomically(path, NEW)
    assert target.read_bytes() == OLD
    assert path.read_bytes() == NEW
    assert not path.is_symlink()


@posix
def test_e34_devices_and_pipes_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/null", "/dev/full"):
        if os.path.exists(path):  # noqa: PTH110 - text and paths
            with pytest.raises(OSError, match="is no regular file"):
                write_atomically(path, NEW)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


# E35: a full disk, a kill


@posix
@pytest.mark.parametrize("there", [False, True])
def test_e35_a_full_disk_leaves_the_old_file(tmp_path, there):
    path = tmp_path / "out"
    if there:
        path.write_bytes(OLD)
    code = f"""
        import resource, sys
        from lawfit._files import write_atomically
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        try:
            write_atomically({str(path)!r}, b"x" * 100_000)
        except OSError as error:
            print(error.filename == {str(path)!r}, error.strerror)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "True File too large\n"), done.stderr
    assert names(tmp_path) == ["out"] * there
    assert not there or path.read_bytes() == OLD


@pytest.mark.parametrize("where", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_e35_whatever_fails_leaves_the_old_file(tmp_path, monkeypatch, where, error):
    path = tmp_path / "out"
    path.write_bytes(OLD)

    def fail(*_):
        raise error

    monkeypatch.setattr(f"os.{where}" if where == "fsync" else "pathlib.Path.replace", fail)
    with pytest.raises(type(error)) as caught:
        write_atomically(path, NEW)
    assert getattr(caught.value, "filename", str(path)) == str(path)
    assert path.read_bytes() == OLD
    assert names(tmp_path) == ["out"]


@posix
def test_e35_a_kill_at_any_time_leaves_a_whole_file(tmp_path):
    path = tmp_path / "out"
    code = f"""
        from lawfit._files import write_atomically
        contents = [bytes([byte]) * 1_000_000 for byte in (65, 66, 67)]
        write_atomically({str(path)!r}, contents[0])
        print("ready", flush=True)
        while True:
            for content in contents:
                write_atomically({str(path)!r}, content)
    """
    rng = random.Random(0)
    for _ in range(8):
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
        )
        with child.stdout:
            assert child.stdout.readline() == "ready\n"
            time.sleep(rng.uniform(0, 0.05))
            child.kill()
        child.wait()
        content = path.read_bytes()
        assert len(content) == 1_000_000
        assert len(set(content)) == 1
    assert all(name == "out" or name.startswith(".lawfit-") for name in names(tmp_path))
