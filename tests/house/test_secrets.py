"""No secret stands in the repository, and the scan would find one."""

import re
from pathlib import Path

import pytest

from tests.house.test_sizes_and_words import ROOT, tracked

SHAM = "(?:swordfish|secret|PASSWORD|p%40ss)"
"""What stands for a password in tests and in words."""
KINDS = {
    "private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "cloud key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bLTAI[0-9A-Za-z]{12,24}\b|\bAIza[0-9A-Za-z_-]{35}\b",
    "forge token": r"\bgh[pousr]_[0-9A-Za-z]{36}\b|\bglpat-[0-9A-Za-z_-]{20}\b",
    "chat token": r"\bxox[abprs]-[0-9A-Za-z-]{10,}\b",
    "json web token": r"\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}",
    "password in an address": rf"[a-z+]+://[^\s:/@{{}}'\"]+:(?!(?:[^\s@]*[$<{{*…])|{SHAM}@)[^\s@/'\"]{{6,}}@",
    "assigned secret": r"(?i)\b(?:password|secret|token|api_?key)\b[\"']?\s*[:=]\s*[\"'][A-Za-z0-9+/=_-]{20,}[\"']",
}
SKIPPED = {".png", ".lock", ".gz", ".parquet", ".svg", ".geojson"}


def found_in(text: str) -> list[str]:
    return [kind for kind, pattern in KINDS.items() if re.search(pattern, text)]


def test_no_secret_stands_in_the_repository():
    suspicious = []
    for path in tracked():
        if (
            path.suffix in SKIPPED
            or path == Path(__file__)
            or path.name == "package-lock.json"
            or "vendor" in path.parts
        ):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            suspicious += [f"{path.relative_to(ROOT)}:{number} {kind}" for kind in found_in(line)]
    assert suspicious == []


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("-----BEGIN OPENSSH " + "PRIVATE KEY-----", "private key"),
        ("key = AKIA" + "ABCDEFGHIJKLMNOP", "cloud key"),
        ("ghp_" + "a" * 36, "forge token"),
        ("xoxb-" + "1234567890-abc", "chat token"),
        ("eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0In0.abcdefghijklmno", "json web token"),
        ("postgresql://tianshu:" + "hunter2hunter2@db/tianshu", "password in an address"),
        ('token = "' + "a1b2c3d4e5f6g7h8i9j0k1" + '"', "assigned secret"),
    ],
)
def test_the_scan_finds_each_kind_of_secret(line, kind):
    assert kind in found_in(line)


def test_the_files_that_hold_secrets_are_never_committed():
    names = [path.name for path in tracked()]
    assert not [name for name in names if name.endswith((".key", ".pem", ".env")) or name == "demo-logins.json"]
