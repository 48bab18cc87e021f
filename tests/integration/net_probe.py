"""Drives src/net through build/…/tests/probes/net_probe: see its head for what it takes."""
from __future__ import annotations

import json
import subprocess
from typing import Any

import support

PROGRAM = support.BUILD_DIR / "tests" / "probes" / "net_probe"


def probe(
    mode: str, requests: list[dict[str, Any]], *, env: dict[str, str | None] | None = None, timeout: float = 120, **options: Any
) -> list[dict[str, Any]]:
    if not PROGRAM.exists():
        support.missing(str(PROGRAM))
    done = subprocess.run(
        [PROGRAM], input=json.dumps({"mode": mode, "requests": requests, **options}), capture_output=True,
        encoding="utf-8", env=support.clean_environment(env), timeout=timeout, check=False,
    )
    support.check_sanitizers(done.stderr)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)
