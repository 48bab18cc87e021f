"""One run of one tool: its output directory, launch.py, and what went wrong in words."""
from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from database import clean_environment
from tools import Job, Tool

LAUNCHER = Path(__file__).resolve().parent / "launch.py"


@dataclass
class Run:
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    failure: str = ""  # empty: it ended well

    def as_json(self) -> dict:
        return asdict(self)


def what_failed(stderr: Path, job: Job) -> str:
    """The last line or two that say something, without colours, addresses and directories."""
    text = stderr.read_text(errors="replace") if stderr.exists() else ""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = " ".join(lines[-2:]).replace(str(job.output) + "/", "")
    said = re.sub(r"\w+://\S+", "…", said)
    return re.sub(r"(/[\w.+-]+){2,}/", "…/", said)[:240]


def run_tool(tool: Tool, job: Job, timeout_seconds: float) -> Run:
    shutil.rmtree(job.output, ignore_errors=True)
    job.output.mkdir(parents=True)
    os.sync()  # what others wrote is not this one's to wait for
    stderr = job.output.parent / f"{job.output.name}.stderr"
    command = [sys.executable, "-S", "-E", str(LAUNCHER), str(timeout_seconds), str(stderr), *tool.command(job)]
    environment = clean_environment() | tool.environment()
    launcher = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8")
    try:
        printed, _ = launcher.communicate()
    except BaseException:
        launcher.terminate()  # it ends the tool
        launcher.wait()
        raise
    measured = json.loads(printed)
    run = Run(measured["wall_seconds"], measured["cpu_seconds"], measured["peak_bytes"])
    if measured["timed_out"]:
        run.failure = f"killed after {timeout_seconds:.0f} s"
    elif measured["exit"] != 0:
        run.failure = f"exit status {measured['exit']}: {what_failed(stderr, job)}"
    elif tool.writes and not written_files(job.output):
        run.failure = "wrote no Parquet file"
    return run


def written_files(output: Path) -> list[Path]:
    return sorted(path for path in output.rglob("*") if path.is_file() and path.suffix == ".parquet")
