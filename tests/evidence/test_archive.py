"""Archives are unpacked inside, bounded, and gone afterwards; whatever a run folder never holds is refused."""

from __future__ import annotations

import errno
import io
import stat
import tempfile
import zipfile
from pathlib import Path

import pytest

from qmtestbed.errors import InputError, IntegrityError
from qmtestbed.evidence import archive, opened


def made(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in members:
            written.writestr(name, content)
    return path


@pytest.fixture(autouse=True)
def nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Unpack into a folder of the test, and see that it is empty again afterwards."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    yield
    assert not list(scratch.iterdir())


def test_it_is_there_only_as_long_as_it_is_needed(tmp_path: Path) -> None:
    zipped = made(tmp_path / "a.zip", ("run/", b""), ("run/bundle.json", b"{}"), ("run/records/a.json", b"1"))
    with opened(zipped) as folder:
        assert (folder / "bundle.json").read_bytes() == b"{}" and (folder / "records" / "a.json").is_file()
    assert not folder.exists()
    with pytest.raises(ZeroDivisionError), opened(zipped):
        raise ZeroDivisionError


@pytest.mark.parametrize(
    "name", ["../out.txt", "a/../../out.txt", "/tmp/out.txt", "a\\..\\out.txt", "c:/out.txt", "./a", "a//b", ".."]
)
def test_no_path_leads_out_of_it(tmp_path: Path, name: str) -> None:
    """And nothing at all is written, not even what stands before it."""
    zipped = made(tmp_path / "slip.zip", ("bundle.json", b"{}"), (name, b"x"))
    with pytest.raises(IntegrityError, match="outside"), opened(zipped):
        pass
    assert not list(tmp_path.rglob("out.txt"))


def test_links_and_devices_are_refused(tmp_path: Path) -> None:
    for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR):
        member = zipfile.ZipInfo("plan.yaml")
        member.external_attr = (kind | 0o777) << 16
        with pytest.raises(IntegrityError, match="link or device"), opened(made(tmp_path / "l.zip", (member, b"/etc"))):
            pass


def test_a_bomb_is_not_set_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = made(tmp_path / "bomb.zip", ("a", b"\0" * (archive.SMALL + 1)))
    assert bomb.stat().st_size * archive.RATIO < archive.SMALL
    with pytest.raises(IntegrityError, match="too large"), opened(bomb):
        pass
    monkeypatch.setattr(archive, "MOST", 2)
    with pytest.raises(IntegrityError, match="too large"), opened(made(tmp_path / "n.zip", *[(c, b"") for c in "abc"])):
        pass


def test_a_size_that_is_not_true_gives_no_more_bytes(tmp_path: Path) -> None:
    """An archive that states 10 bytes and holds 10 MB: reading stops, and the checksum is not that of 10 bytes."""
    zipped = made(tmp_path / "lie.zip", ("a", b"\0" * 10_000_000))
    content = zipped.read_bytes()
    lie = content.replace((10_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lie != content
    zipped.write_bytes(lie)
    with pytest.raises(IntegrityError, match="damaged"), opened(zipped):
        pass


def test_what_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        zipped = made(tmp_path / "twice.zip", ("a", b"1"), ("a", b"2"))
    with pytest.raises(IntegrityError, match="twice"), opened(zipped):
        pass
    with pytest.raises(IntegrityError, match="damaged"), opened(made(tmp_path / "b.zip", ("a", b"1"), ("a/b", b"2"))):
        pass


def test_damage_and_encryption_are_named(tmp_path: Path) -> None:
    zipped = made(tmp_path / "a.zip", ("bundle.json", bytes(range(256)) * 20))
    content = bytearray(zipped.read_bytes())
    content[60] ^= 1
    (tmp_path / "flipped.zip").write_bytes(content)
    with pytest.raises(IntegrityError, match="damaged"), opened(tmp_path / "flipped.zip"):
        pass
    stream = io.BytesIO(zipped.read_bytes())
    content = bytearray(stream.getvalue())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + place] |= 1
    (tmp_path / "locked.zip").write_bytes(content)
    with pytest.raises(IntegrityError, match="encrypted"), opened(tmp_path / "locked.zip"):
        pass


def test_unusual_packing_is_refused_and_a_full_disk_is_not_the_archives_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "lzma.zip", "w", zipfile.ZIP_LZMA) as written:
        written.writestr("a", b"x")
    with pytest.raises(IntegrityError, match="unusual"), opened(tmp_path / "lzma.zip"):
        pass

    def full(source: object, target: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archive.shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space"), opened(made(tmp_path / "a.zip", ("a", b"1"))):
        pass


def test_what_is_no_archive_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("hello")
    for path in (tmp_path / "text.zip", tmp_path / "nowhere"):
        with pytest.raises(InputError, match="no run"), opened(path):
            pass
