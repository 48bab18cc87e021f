"""Where things are, and what the environment says of a run of the benchmark."""
from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS_DIR = ROOT / ".deps" / "bench" / "peers"
DOCS_DIR = ROOT / "docs" / "bench"
LAKEHAUL = Path(os.environ.get("LAKEHAUL_BENCH_PROGRAM") or ROOT / "build" / "release" / "src" / "cli" / "lakehaul")

# The one codec and level that every tool is told to use.
CODEC = "zstd"
LEVEL = 3


def words(name: str) -> list[str]:
    return [word for word in os.environ.get(name, "").replace(",", " ").split() if word]


@dataclass
class Settings:
    """Read from the environment, which `make bench NAME=value` sets; see bench/README.md."""

    mode: str = field(default_factory=lambda: os.environ.get("MODE") or "compare")
    scale: float = field(default_factory=lambda: float(os.environ.get("SCALE") or 1))
    repeat: int = field(default_factory=lambda: int(os.environ.get("REPEAT") or 3))
    tables: list[str] = field(default_factory=lambda: words("ONLY"))
    tools: list[str] = field(default_factory=lambda: words("TOOLS"))
    timeout_seconds: float = field(default_factory=lambda: float(os.environ.get("TIMEOUT") or 300))
    slow_seconds: float = field(default_factory=lambda: float(os.environ.get("SLOW") or 20))
    resume: bool = field(default_factory=lambda: os.environ.get("RESUME", "") not in ("", "0"))
    install: bool = field(default_factory=lambda: os.environ.get("INSTALL", "1") not in ("", "0"))
    keep: bool = field(default_factory=lambda: os.environ.get("KEEP", "") not in ("", "0"))
    work: Path = field(
        default_factory=lambda: Path(os.environ.get("LAKEHAUL_BENCH_DIR") or ROOT / ".deps" / "bench" / "work")
    )

    @property
    def whole(self) -> bool:
        """Whether this is the run whose results belong into docs/."""
        return self.scale == 1 and not self.tables and not self.tools

    @property
    def scale_name(self) -> str:
        return f"{self.scale:g}".replace(".", "_")
