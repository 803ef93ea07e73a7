"""The house rules that a machine can see: sizes, documentation, words that must not stand in the repository."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("geo", "services", "maps", "api", "demo", "bench", "tests")
MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_RUFF_IGNORES = 400, 50, 20
GENERATED = "migrations/versions"


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z", *patterns], cwd=ROOT, capture_output=True, check=True
    )
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def sources() -> list[Path]:
    return [path for path in tracked("*.py") if GENERATED not in str(path)]


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_no_file_is_longer_than_400_lines():
    lengths = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n") for path in sources()}
    assert {name: length for name, length in lengths.items() if length > MAX_FILE_LINES} == {}


def test_no_function_is_longer_than_50_lines():
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in sources()
        for node in functions(path)
        if (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION_LINES
    ]
    assert long == []


def test_every_import_goes_the_way_the_architecture_says():
    done = subprocess.run(
        [ROOT / ".venv/bin/lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_ruff_checks_everything_but_at_most_twenty_rules_each_with_its_reason():
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    start = lines.index("ignore = [")
    ignores = lines[start + 1 : lines.index("]", start)]
    assert tomllib.loads("\n".join(lines))["tool"]["ruff"]["lint"]["select"] == ["ALL"]
    assert len(ignores) <= MAX_RUFF_IGNORES
    assert all("#" in line for line in ignores)


def test_every_use_case_with_a_mandate_begins_with_a_grant():
    ungranted = []
    for path in tracked("services/*.py"):
        for node in functions(path):
            takes_mandate = node.args.args and node.args.args[0].arg == "mandate"
            grants_itself = path.parent.name == "access"
            if not takes_mandate or node.name.startswith("_") or grants_itself:
                continue
            first = node.body[1] if ast.get_docstring(node) else node.body[0]
            look = r"async with access\.look\(mandate, access\.Act\.[^\n]+ as seen:\n(.*\n)* *seen\.rows = "
            granted = r"(look = )?await access\.grant\(mandate, access\.Act\."
            if not re.match(f"{granted}|{look}", ast.unparse(first)):
                ungranted.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert ungranted == []


def test_somebody_takes_a_mandate():
    takers = [
        node.name
        for path in tracked("services/*.py")
        for node in functions(path)
        if node.args.args and node.args.args[0].arg == "mandate"
    ]
    assert len(takers) > 10


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_pinned_package_has_hashes_and_no_address(lock):
    text = (ROOT / lock).read_text()
    pins = re.findall(r"^[a-z0-9][^ =]*==\S+", text, re.MULTILINE)
    assert len(pins) > 30
    assert text.count("--hash=sha256:") >= len(pins)
    assert "://" not in text


def test_the_page_lock_names_no_host():
    assert '"resolved"' not in (ROOT / "maps/web/package-lock.json").read_text()


def test_no_registry_no_machine_path_and_no_mail_address_stands_in_the_repository():
    hosts = r"python" r"hosted\.|py" r"pi\.org|npm" r"js\.(org|com)|deb" r"ian\.org"
    places = r"/wo" r"rk/|/far" r"m/|/roo" r"t/|/hom" r"e/[a-z]"
    mails = r"[\w.+-]+@[\w-]+\.(com|cn|org|net)\b"
    found = []
    for path in tracked():
        if path.suffix in {".png", ".parquet", ".gz"} or path == Path(__file__) or "vendor" in path.parts:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if re.search(f"{hosts}|{places}|{mails}", line) and "sha512-" not in line:
                found.append(f"{path.relative_to(ROOT)}:{number} {line.strip()[:100]}")
    assert found == []


def test_only_the_sheets_write_csv():
    writers = [
        str(path.relative_to(ROOT))
        for path in tracked("services/*.py", "api/*.py", "maps/*.py")
        if re.search(r"csv\.(writer|DictWriter)\(", path.read_text(encoding="utf-8"))
    ]
    assert writers == ["services/sheets.py"]
