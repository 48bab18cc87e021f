"""Installs the peers into .deps/bench/peers, each into a directory of its own, pinned. A peer that cannot be installed
does not stop the others: why is kept, and told in the results."""
from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from settings import PEERS_DIR

PINS_DIR = Path(__file__).resolve().parent / "peers"
CARGO = {"pg2parquet": "0.2.2", "odbc2parquet": "11.0.1"}
PYTHON = {
    "adbc": "adbc-driver-postgresql", "connectorx": "connectorx", "duckdb": "duckdb", "sling": "sling-linux-amd64",
    "awswrangler": "awswrangler",
}
# Known to be out of reach: nothing is tried.
UNAVAILABLE = {
    "pg_parquet": "no package registry has it, neither as a crate nor as a Debian package; it is built from its repository "
    "and runs inside the server",
}
INSTALL_TIMEOUT_SECONDS = 1500


def cargo_program(name: str) -> str:
    return str(PEERS_DIR / name / "bin" / name)


def python(name: str) -> Path:
    return PEERS_DIR / name / "bin" / "python"


def site_packages(name: str) -> Path:
    return next((PEERS_DIR / name / "lib").glob("python3*/site-packages"), Path("/nonexistent"))


def sling_program() -> Path:
    return site_packages("sling") / "sling_linux_amd64" / "bin" / "sling-linux-amd64"


def sling_environment() -> dict[str, str]:
    return {
        "HOME": str(PEERS_DIR / "sling" / "home"),
        "DUCKDB_PATH": str(site_packages("sling") / "duckdb_cli" / "duckdb"),
        "SLING_DISABLE_TELEMETRY": "TRUE",
    }


def pin(name: str) -> str:
    """What is to be installed; another text means to install again."""
    if name in CARGO:
        return f"{name} {CARGO[name]}"
    return (PINS_DIR / f"{name}.txt").read_text()


def state(name: str) -> dict:
    path = PEERS_DIR / name / "state.json"
    return json.loads(path.read_text()) if path.exists() else {}


def reason(name: str) -> str | None:
    """Why the peer is not there; None when it is."""
    kept = state(name)
    if kept.get("pin") == pin(name) and kept.get("ok"):
        return None
    return kept.get("reason") or "not installed: run `make bench` once without TOOLS"


def version(name: str) -> str:
    if name in CARGO:
        return f"{name} {CARGO[name]}"
    wanted = ("duckdb-extension-postgres-scanner", "pyarrow", "duckdb-cli", PYTHON[name])
    found = re.findall(r"^([a-z0-9-]+)(?:\[[a-z]+\])?==(\S+)", pin(name), re.MULTILINE)
    return ", ".join(f"{package} {number}" for package, number in found if package in wanted)


def run(command: list[str]) -> None:
    """Raises with the last lines that tell what went wrong, without addresses."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace",
        timeout=INSTALL_TIMEOUT_SECONDS, check=False,
    )
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        told = [line for line in lines if re.match(r"(error|fatal)", line, re.IGNORECASE)] or lines[-2:]
        raise RuntimeError(re.sub(r"\w+://\S+", "…", " ".join(told))[:300])


def install_cargo(name: str) -> None:
    if shutil.which("cargo") is None:
        raise RuntimeError("there is no cargo on this machine")
    run(["cargo", "install", "--quiet", "--locked", "--root", str(PEERS_DIR / name), "--version", CARGO[name], name])


def install_python(name: str) -> None:
    shutil.rmtree(PEERS_DIR / name, ignore_errors=True)
    run([sys.executable, "-m", "venv", str(PEERS_DIR / name)])
    pip = [str(python(name)), "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--require-hashes"]
    run([*pip, "-r", str(PINS_DIR / f"{name}.txt")])
    if name == "sling":
        place_sling_extensions()


def place_sling_extensions() -> None:
    """Where DuckDB's INSTALL finds them and so fetches nothing."""
    for found in site_packages("sling").rglob("*.duckdb_extension"):
        target = PEERS_DIR / "sling" / "home" / ".duckdb" / "extensions" / found.parent.name / "linux_amd64"
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(found, target)


def install(name: str) -> None:
    if reason(name) is None:
        return
    print(f"bench: installing {name}", flush=True)
    kept = {"pin": pin(name), "ok": True}
    try:
        install_cargo(name) if name in CARGO else install_python(name)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        kept = {"pin": pin(name), "ok": False, "reason": f"could not be installed here: {error}"}
        print(f"bench: {name} {kept['reason']}", flush=True)
    (PEERS_DIR / name).mkdir(parents=True, exist_ok=True)
    (PEERS_DIR / name / "state.json").write_text(json.dumps(kept))
