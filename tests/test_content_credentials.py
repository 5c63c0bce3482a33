"""Pictures are signed by the user's certificate where one is named, and read back by C2PA's own reader."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import c2pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image

from styleclip_core import BadSetting, Source, content_credentials, save_picture
from support.browser import difference
from support.pictures import gradient


def name(text: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "T"), x509.NameAttribute(NameOID.COMMON_NAME, text)]
    )


def certificate(subject: str, key, issuer: str, issuing_key, authority: bool) -> x509.Certificate:
    now, public = datetime.now(UTC), key.public_key()
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign", "encipher_only",
         "decipher_only"), False,
    )  # fmt: skip
    made = x509.CertificateBuilder(name(issuer), name(subject), public, x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
    made = made.add_extension(x509.BasicConstraints(authority, None), True)
    made = made.add_extension(
        x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority, **usage), critical=True
    )
    made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuing_key.public_key()), False)
    if not authority:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
    return made.sign(issuing_key, hashes.SHA256())


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signer's key, its certificate and the one that issued it."""
    root, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    chain = certificate("signer", key, "root", root, False), certificate("root", root, "root", root, True)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("certificate") / "signer.pem"
    path.write_bytes(private + b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain))
    return path


def read(path: Path) -> dict:
    with c2pa.Reader(str(path)) as reader:
        return json.loads(reader.json())


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_files_are_signed(ending: str, pem: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(content_credentials.CERTIFICATE, str(pem))
    path = tmp_path / f"picture.{ending}"
    save_picture(gradient(), path, Source.GENERATED)
    said = read(path)
    assert said["validation_state"] == "Valid", "the signature fits; nobody but its owner trusts a test's certificate"
    manifest = said["manifests"][said["active_manifest"]]
    assert manifest["claim_generator_info"][0]["name"] == "StyleCLIP Studio"
    action = manifest["assertions"][0]["data"]["actions"][0]
    assert (action["action"], action["digitalSourceType"]) == ("c2pa.created", Source.GENERATED)
    picture = Image.open(path)
    assert picture.getxmp()["xmpmeta"]["RDF"]["Description"]["DigitalSourceType"] == Source.GENERATED
    assert difference(picture, gradient()) < 3


def test_a_changed_file_no_longer_fits(pem: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(content_credentials.CERTIFICATE, str(pem))
    save_picture(gradient(), tmp_path / "a.jpg")
    data = bytearray((tmp_path / "a.jpg").read_bytes())
    data[-20] ^= 1
    (tmp_path / "a.jpg").write_bytes(data)
    assert read(tmp_path / "a.jpg")["validation_state"] == "Invalid"


def test_without_a_certificate_nothing_is_signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(content_credentials.CERTIFICATE, raising=False)
    save_picture(gradient(), tmp_path / "a.png")
    content_credentials.check()
    assert b"c2pa" not in (tmp_path / "a.png").read_bytes()


def test_a_certificate_that_cannot_be_used_is_refused(
    pem: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lone = tmp_path / "lone.pem"
    lone.write_bytes(pem.read_bytes().partition(b"-----BEGIN CERT")[0])
    for path in (tmp_path / "missing.pem", lone):
        monkeypatch.setenv(content_credentials.CERTIFICATE, str(path))
        with pytest.raises(BadSetting, match="cannot be signed"):
            content_credentials.check()
    monkeypatch.setenv(content_credentials.CERTIFICATE, str(pem))
    monkeypatch.setenv(content_credentials.ALGORITHM, "rot13")
    with pytest.raises(BadSetting, match="cannot be signed"):
        content_credentials.check()


def test_what_is_signed_is_a_whole_file(pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(content_credentials.CERTIFICATE, str(pem))
    monkeypatch.delenv(content_credentials.ALGORITHM, raising=False)
    plain = io.BytesIO()
    gradient().save(plain, "PNG")
    out = content_credentials.signed(plain.getvalue(), "image/png", Source.EDITED)
    assert Image.open(io.BytesIO(out)).convert("RGB").tobytes() == gradient().tobytes()
