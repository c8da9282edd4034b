"""Ed25519 signatures of runs: the only room that ``cryptography`` has.

What is signed names ``bundle.json``, and with it every byte of evidence, the verdicts, and the remarks that were there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from qmtestbed.errors import InputError, Problem
from qmtestbed.types.codec import canonical
from qmtestbed.types.evidence import Signature

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

NAME = "bundle.sig"
_OF_A_RUN = ("bundle.json", "views.json", "plan.source.yaml")


def available() -> bool:
    """Whether signatures can be made and checked here."""
    try:
        import cryptography.hazmat.primitives.asymmetric.ed25519  # noqa: F401
    except ImportError:
        return False
    return True


def _needed() -> None:
    if not available():
        do = "pip install 'qmtestbed[sign]'"
        raise InputError(Problem("keys and signatures need the package cryptography", do=do))


def make_keys(path: Path) -> tuple[Path, str]:
    """Make a pair of keys: the private one at ``path``, for its owner alone, the public one at ``path``.pub.

    Returns
    -------
    tuple
        Path of the public key, and its fingerprint.

    Raises
    ------
    InputError
        One of them is there already, or would lie in a run folder.
    """
    _needed()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    public = path.with_name(f"{path.name}.pub")
    _outside_of_runs(path)
    for there in (path, public):
        if there.exists() or there.is_symlink():
            raise InputError(Problem("there is a file already", str(there), do="give another name"))
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    shown = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for target, content, mode in ((path, pem, 0o600), (public, shown, 0o644)):
        _write_new(target, content, mode)
    return public, fingerprint(_der(key.public_key()))


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise InputError(Problem("can't be written", str(path), error.strerror or "")) from None
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)


def _outside_of_runs(path: Path) -> None:
    """Refuse a private key inside a run folder, which is handed on."""
    for folder in path.resolve().parents:
        if any((folder / name).is_file() for name in _OF_A_RUN):
            do = "keep it where nobody publishes anything"
            raise InputError(Problem("a private key must not lie in a run folder", str(path), str(folder), do))


def fingerprint(der: bytes) -> str:
    """Name a public key: SHA-256 of its DER."""
    return hashlib.sha256(der).hexdigest()


def sign(statement: Signature, key: Ed25519PrivateKey) -> Signature:
    """Sign a statement; what it says of key and signature is filled in."""
    der = _der(key.public_key())
    named = replace(statement, key=fingerprint(der), public_key=base64.b64encode(der).decode(), signature="")
    return replace(named, signature=base64.b64encode(key.sign(canonical(named))).decode())


def is_genuine(signature: Signature) -> bool:
    """Whether the signature was made with the key that it names."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        der = base64.b64decode(signature.public_key, validate=True)
        made = base64.b64decode(signature.signature, validate=True)
        key = load_der_public_key(der)
        if not isinstance(key, Ed25519PublicKey) or fingerprint(der) != signature.key or _der(key) != der:
            return False
        key.verify(made, canonical(replace(signature, signature="")))
    except (InvalidSignature, UnsupportedAlgorithm, binascii.Error, ValueError):
        return False
    return base64.b64encode(made).decode() == signature.signature


def fingerprint_of(key_file: Path) -> str:
    """Give the fingerprint of the public key of a PEM file.

    Raises
    ------
    InputError
        It is no public Ed25519 key.
    """
    _needed()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    pem = _read(key_file)
    if b"PRIVATE KEY" in pem:
        do = "give the public one, such as the file that ends in .pub"
        raise InputError(Problem("is a private key", str(key_file), do=do))
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(Problem("is no public Ed25519 key in PEM", str(key_file), do="make a pair: qmtestbed keygen"))
    return fingerprint(_der(key))


def private_key(key_file: Path) -> Ed25519PrivateKey:
    """Read the private key of a PEM file.

    Raises
    ------
    InputError
        It is no private Ed25519 key, or lies inside a run folder.
    """
    _needed()
    _outside_of_runs(key_file)
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_read(key_file), password=None)
    except TypeError:
        do = "write it without one for this purpose: openssl pkey -in KEY -out PLAIN"
        raise InputError(Problem("the key is protected by a password", str(key_file), do=do)) from None
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(Problem("is no private Ed25519 key in PEM", str(key_file), do="make one: qmtestbed keygen"))
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(Problem("can't be read", str(path), error.strerror or "", "give a key in PEM")) from None


def _der(key: Ed25519PublicKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
