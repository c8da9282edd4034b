"""Remarks and signatures: what people say of a run stays, and can be traced to who said it."""

from __future__ import annotations

import base64
import hashlib
import json
import stat
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jsonschema
import pytest

import qmtestbed
from qmtestbed.errors import InputError, IntegrityError
from qmtestbed.evidence import RunFolder, signatures
from qmtestbed.pipeline import keygen
from qmtestbed.types.codec import canonical

Cli = Callable[..., subprocess.CompletedProcess[str]]


def lines(folder: Path) -> list[bytes]:
    return (folder / "notes.jsonl").read_bytes().splitlines(keepends=True)


def write(folder: Path, *content: bytes) -> None:
    (folder / "notes.jsonl").write_bytes(b"".join(content))


# -- remarks --------------------------------------------------------------------------------------------------


def schema(checkout: Path, name: str) -> jsonschema.Draft202012Validator:
    shipped = (checkout / "qmtestbed" / "schemas" / f"{name}.v1.json").read_bytes()
    return jsonschema.Draft202012Validator(json.loads(shipped))


def test_remarks_are_chained_from_the_bundle_on(finished: Path, checkout: Path) -> None:
    first, second = (json.loads(line) for line in lines(finished))
    assert first["previous"] == hashlib.sha256((finished / "bundle.json").read_bytes()).hexdigest()
    assert second["previous"] == hashlib.sha256(lines(finished)[0]).hexdigest()
    assert (first["n"], first["check"], first["by"]) == (1, "performance", "M. Sato")
    assert "check" not in second and "requirement" not in second
    for line in (first, second):
        schema(checkout, "remark").validate(line)


@pytest.mark.parametrize("tampering", ["altered", "first removed", "last removed", "all removed", "reordered", "twice"])
def test_what_is_done_to_remarks_is_found_and_nothing_more_can_be_added(finished: Path, tampering: str) -> None:
    a, b = lines(finished)
    changed = {
        "altered": [a.replace(b"March", b"April"), b],
        "first removed": [b],
        "last removed": [a],
        "all removed": [],
        "reordered": [b, a],
        "twice": [a, b, b],
    }
    write(finished, *changed[tampering])
    assert "notes.jsonl" in {f.path for f in qmtestbed.verify(finished).faults}
    with pytest.raises(IntegrityError):
        qmtestbed.note(finished, "more", by="me")


def test_remarks_of_another_run_do_not_fit(finished: Path) -> None:
    folder = RunFolder(finished)
    entries = folder.bundle()
    (finished / "bundle.json").write_bytes(canonical(type(entries)(entries.schema, entries.files[1:])))
    with pytest.raises(IntegrityError, match="chain"):
        folder.remarks()


def test_a_remark_that_the_pages_do_not_show_yet_is_a_fault_until_they_do(finished: Path) -> None:
    """So it is after a crash between the two: nothing is lost, and rendering mends it."""
    RunFolder(finished).add_remark(at="2026-11-21T00:00:00Z", by="me", text="between")
    found = qmtestbed.verify(finished)
    assert [(f.path, f.found) for f in found.faults] == [("views.json", "2 of 3")]
    qmtestbed.report(finished)
    assert qmtestbed.verify(finished).whole


def test_a_note_renders_every_page_and_changes_no_verdict(finished: Path, cli_here: Cli) -> None:
    before = {n: (finished / n).read_bytes() for n in ("assessment.json", "bundle.json", "junit.xml")}
    done = cli_here("note", finished, "--requirement", "C-1-L1-1", "<b>Looked</b> at\nit", "--by", "K. <i>Ito")
    assert done.returncode == 0 and "remark 3" in done.stdout
    assert {n: (finished / n).read_bytes() for n in before} == before
    for name in ("report.html", "report.ja.html"):
        page = (finished / name).read_text("utf-8")
        assert "&lt;b&gt;Looked&lt;/b&gt; at\nit" in page and "<b>Looked" not in page and "<i>Ito" not in page
        assert page.count('href="#remark-3"') == 1 and 'id="remark-3"' in page
    assert ">3 remarks<" in (finished / "report.html").read_text("utf-8")
    assert ">コメント 3 件<" in (finished / "report.ja.html").read_text("utf-8")
    assert "コメント 3 件" in (finished / "summary.md").read_text("utf-8")  # the language that it was last rendered in
    assert qmtestbed.verify(finished).whole


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--check", "perfomance", "x", "--by", "me"), "did you mean 'performance'"),
        (("--requirement", "C-1-L1-9", "x", "--by", "me"), "did you mean 'C-1-L1-1'"),
        (("--check", "performance", "--requirement", "C-1-L1-1", "x", "--by", "me"), "not allowed with"),
        (("  \n", "--by", "me"), "empty"),
        (("x", "--by", " "), "empty"),
        (("x" * 2001, "--by", "me"), "longer than 2,000"),
        (("x", "--by", "y" * 201), "longer than 200"),
        (("\udcff", "--by", "me"), "no text in UTF-8"),
        (("x",), "--by"),
    ],
)
def test_what_can_not_be_said_is_refused(finished: Path, cli_here: Cli, arguments: tuple[str, ...], said: str) -> None:
    before = lines(finished)
    done = cli_here("note", finished, *arguments)
    assert done.returncode == 4 and said in done.stderr
    assert lines(finished) == before


def test_remarks_at_the_same_time_are_all_kept(finished: Path) -> None:
    def add(i: int) -> None:
        RunFolder(finished).add_remark(at="2026-11-21T00:00:00Z", by=f"p{i}", text="x")

    with ThreadPoolExecutor(8) as executor:
        list(executor.map(add, range(16)))
    remarks = RunFolder(finished).remarks()
    assert [r.n for r in remarks] == list(range(1, 19))
    assert {r.by for r in remarks} == {"M. Sato", "QA board", *(f"p{i}" for i in range(16))}


def test_a_run_with_remarks_is_not_gone_on_with(finished: Path) -> None:
    """To seal it again, on another day, would cut the chain off from what it is about."""
    before = {p: p.read_bytes() for p in finished.rglob("*") if p.is_file()}
    with pytest.raises(InputError, match="vouched for"):
        qmtestbed.run(finished.parent / "plan.yaml", out=finished)
    assert {p: p.read_bytes() for p in finished.rglob("*") if p.is_file()} == before


# -- signatures -----------------------------------------------------------------------------------------------


@pytest.fixture
def key(tmp_path: Path) -> Path:
    keygen(tmp_path / "key.pem")
    return tmp_path / "key.pem"


def test_keys_are_for_their_owner_never_overwritten_and_never_in_a_run(key: Path, finished: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    with pytest.raises(InputError, match="already"):
        keygen(key)
    assert key.read_bytes() == before
    for inside in (finished / "key.pem", finished / "declared" / "key.pem"):
        with pytest.raises(InputError, match="run folder"):
            keygen(inside)
        assert not inside.exists()
    (finished / "key.pem").write_bytes(before)
    with pytest.raises(InputError, match="must not lie in a run folder"):
        qmtestbed.sign(finished, key=finished / "key.pem")


def test_the_signature_is_one_by_the_book(finished: Path, key: Path, checkout: Path) -> None:
    """Checked here by the standard library's JSON and cryptography alone, from what the documentation says."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

    qmtestbed.sign(finished, key=key)
    signed = json.loads((finished / "bundle.sig").read_bytes())
    schema(checkout, "signature").validate(signed)
    made = base64.b64decode(signed.pop("signature"))
    public = load_pem_public_key(key.with_name("key.pem.pub").read_bytes())
    assert isinstance(public, Ed25519PublicKey)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    message = json.dumps({**signed, "signature": ""}, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    public.verify(made, message)  # raises if it is not genuine
    assert signed["key"] == hashlib.sha256(der).hexdigest() and base64.b64decode(signed["public_key"]) == der
    for name in ("bundle", "assessment"):
        assert signed[name] == hashlib.sha256((finished / f"{name}.json").read_bytes()).hexdigest()
    assert signed["remarks_sha256"] == hashlib.sha256(lines(finished)[-1]).hexdigest()


def test_who_signed_is_checked_only_against_a_key(finished: Path, key: Path, tmp_path: Path, cli_here: Cli) -> None:
    public, fingerprint = key.with_name("key.pem.pub"), qmtestbed.sign(finished, key=key).key
    done = cli_here("verify", finished)
    assert done.returncode == 0 and f"signed by {fingerprint}, not checked" in done.stdout
    done = cli_here("verify", finished, "--key", public)
    assert done.returncode == 0 and f"signed by {fingerprint}, with the key that was given" in done.stdout
    keygen(tmp_path / "other.pem")
    done = cli_here("verify", finished, "--key", tmp_path / "other.pem.pub")
    assert done.returncode == 5 and "of another key" in done.stdout and "is not good" in done.stdout
    (finished / "bundle.sig").unlink()
    done = cli_here("verify", finished, "--key", public)
    assert done.returncode == 5 and "nobody signed" in done.stdout


def test_every_flipped_byte_of_a_signature_is_found(finished: Path, key: Path) -> None:
    qmtestbed.sign(finished, key=key)
    path = finished / "bundle.sig"
    content = path.read_bytes()
    folder = RunFolder(finished)
    signed = folder.signature()
    assert signed is not None and signatures.is_genuine(signed)
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        try:
            changed = folder.signature()
        except IntegrityError:
            continue
        assert changed is not None and not signatures.is_genuine(changed), place
    assert {f.path for f in qmtestbed.verify(finished).faults} == {"bundle.sig"}


def test_later_remarks_are_told_and_earlier_ones_can_not_be_changed(finished: Path, key: Path) -> None:
    qmtestbed.sign(finished, key=key)
    qmtestbed.note(finished, "afterwards", by="me")
    found = qmtestbed.verify(finished, key=key.with_name("key.pem.pub"))
    assert found.whole and found.signature.endswith("later remarks, not signed: 1")
    # A chain written anew from the first remark on, pages and all, is whole in itself.
    for name in ("notes.jsonl", "views.json", "report.ja.html"):
        (finished / name).unlink()
    qmtestbed.report(finished)
    for text in ("Nothing to see here.", "Accepted.", "afterwards"):
        qmtestbed.note(finished, text, by="me")
    assert {f.what for f in qmtestbed.verify(finished).faults} == {"the remarks are not those that were signed"}


def test_evidence_that_was_sealed_anew_is_not_what_was_signed(finished: Path, key: Path) -> None:
    for name in ("notes.jsonl", "attestation.json"):
        (finished / name).unlink()
    (finished / "views.json").unlink()
    qmtestbed.report(finished)
    qmtestbed.report(finished, language="ja")
    qmtestbed.sign(finished, key=key)
    folder = RunFolder(finished)
    info = folder.read().info
    (finished / "declared" / "01-hazards.md").write_text("none")
    folder.seal(info, [p.stem for p in finished.glob("records/*.json")])
    assert {f.what for f in qmtestbed.verify(finished).faults} == {
        "bundle.json is not what was signed",
        "the state of the declarations is not what their files give",  # the plan pins the declared file
    }


def test_nobody_vouches_for_what_is_not_whole(finished: Path, key: Path) -> None:
    (finished / "summary.md").write_text("x")
    with pytest.raises(IntegrityError, match="not whole"):
        qmtestbed.sign(finished, key=key)
    assert not (finished / "bundle.sig").exists()


def test_keys_that_are_none_are_refused(finished: Path, key: Path, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
        load_pem_private_key,
    )  # fmt: skip

    other, locked, text = tmp_path / "ec.pem", tmp_path / "locked.pem", tmp_path / "text.pem"
    ec = generate_private_key(SECP256R1())
    other.write_bytes(ec.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "ec.pub").write_bytes(ec.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    mine = load_pem_private_key(key.read_bytes(), None)
    locked.write_bytes(mine.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")))
    text.write_text("hello")
    for bad, why in ((other, "Ed25519"), (locked, "password"), (text, "Ed25519"), (tmp_path / "no", "can't be read")):
        with pytest.raises(InputError, match=why):
            qmtestbed.sign(finished, key=bad)
    for bad, why in ((tmp_path / "ec.pub", "Ed25519"), (key, "private key"), (text, "Ed25519")):
        with pytest.raises(InputError, match=why):
            qmtestbed.verify(finished, key=bad)


def test_without_cryptography_digests_are_compared_and_the_rest_is_said(
    finished: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    qmtestbed.sign(finished, key=key)
    monkeypatch.setattr(signatures, "available", lambda: False)
    found = qmtestbed.verify(finished)
    assert found.whole and "not checked" in found.signature
    for call in (lambda: qmtestbed.verify(finished, key=key), lambda: qmtestbed.sign(finished, key=key)):
        with pytest.raises(InputError, match=r"cryptography(.|\n)*qmtestbed\[sign\]"):
            call()
