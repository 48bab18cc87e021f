"""Runs that are acted on while they run: gates that hold a worker at a row, workers by task, events to wait for."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
import support

SANITIZED = b"__asan_init" in support.LAKEHAUL.read_bytes() if support.LAKEHAUL.exists() else False
# Sanitizers make everything several times slower.
PATIENCE_SECONDS = 120 if SANITIZED else 30

Seen = TypeVar("Seen")


def wait_until(condition: Callable[[], Seen], what: str, timeout: float = PATIENCE_SECONDS) -> Seen:
    """What `condition` returns once that is true."""
    end = time.monotonic() + timeout
    while not (seen := condition()):
        if time.monotonic() > end:
            pytest.fail(f"after {timeout} s still not: {what}", pytrace=False)
        time.sleep(0.005)
    return seen


class Gate:
    """An advisory lock: SQL that calls pg_advisory_lock_shared(key) waits until the gate is opened."""

    def __init__(self, database: support.Database, key: int) -> None:
        self.sql = f"pg_advisory_lock_shared({key})::text"
        self._key = key
        self._database = database
        self._holder = psycopg.connect(database.uri, autocommit=True, application_name="gate")
        self._holder.execute("SELECT pg_advisory_lock(%s)", [key])

    def backends(self) -> list[int]:
        """Process ids of the server's processes that wait here."""
        rows = self._database.connection.execute(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [self._key],
        ).fetchall()
        return [pid for (pid,) in rows]

    def wait_for(self, count: int = 1) -> list[int]:
        return wait_until(
            lambda: found if len(found := self.backends()) >= count else None, f"{count} queries wait at the gate"
        )

    def open(self) -> None:
        if not self._holder.closed:
            self._holder.close()


@contextmanager
def closed_gate(database: support.Database, key: int = 1) -> Iterator[Gate]:
    gate = Gate(database, key)
    try:
        yield gate
    finally:
        gate.open()


def gated_query(gate: Gate, rows: int = 20_000, at: int = 15_000) -> str:
    """`rows` rows that stop before row `at`, long after the first ones have been sent."""
    return (
        f"SELECT i AS id, md5(i::text) AS text, CASE WHEN i = {at} THEN {gate.sql} END AS gate"
        f" FROM generate_series(1, {rows}) AS i"
    )


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def worker_task(pid: int) -> str | None:
    """The task that process `pid` works on, as its job says; None where it is not a worker (any more)."""
    try:
        if b"_worker" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            return None
        return json.loads(Path(f"/proc/{pid}/fd/0").read_bytes())["task"]
    except (OSError, ValueError, KeyError):
        return None


def is_running(pid: int) -> bool:
    """False for a process that has ended, also while nobody has collected it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def peak_memory_bytes(pid: int) -> int:
    """VmHWM; 0 once the process is gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def kill_process(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Running:
    """A lakehaul process under way, and what it printed once it has ended."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.stdout = ""
        self.stderr = ""
        self._seen: set[int] = set()

    @property
    def pid(self) -> int:
        return self.process.pid

    def workers(self) -> dict[str, int]:
        """Process id of the worker of each task under way."""
        tasks = {worker_task(pid): pid for pid in children(self.pid)}
        tasks.pop(None, None)
        self._seen.update(tasks.values())
        return tasks

    def worker(self, task: str) -> int:
        return wait_until(lambda: self.workers().get(task), f"a worker runs {task}")

    def kill(self) -> None:
        """Whatever is left of it, workers without a supervisor included."""
        for pid in {*self._seen, *children(self.pid)}:
            if worker_task(pid) is not None:
                kill_process(pid)
        if self.process.poll() is None:
            self.process.kill()
        try:
            self.process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            pass

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def finish(self, expect: int | None = 0, timeout: float = 2 * PATIENCE_SECONDS) -> Running:
        """Waits for the end; `expect`: the exit status it must have."""
        try:
            self.stdout, self.stderr = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            pytest.fail(f"lakehaul still runs after {timeout} s", pytrace=False)
        support.check_sanitizers(self.stderr)
        if expect is not None and self.process.returncode != expect:
            pytest.fail(
                f"exit status {self.process.returncode}, not {expect}\n"
                f"--- stdout\n{self.stdout[-4000:]}\n--- stderr\n{self.stderr[-4000:]}",
                pytrace=False,
            )
        return self


@contextmanager
def running(
    project: support.Project, *args: str | Path, command: str = "run", env: dict[str, str | None] | None = None
) -> Iterator[Running]:
    """lakehaul run --project <project> ARGS, under way; killed with its workers where the test did not wait for it."""
    process = support.start_lakehaul(
        command, "--project", project.path, *args, env={**project.env, **(env or {})}, cwd=project.directory
    )
    started = Running(process)
    try:
        yield started
    finally:
        started.kill()


def tree(directory: Path) -> dict[str, tuple[int, int]]:
    """Every file and directory below: size and modification time, by path from there. Locks are left out, since
    taking one makes its file."""
    found: dict[str, tuple[int, int]] = {}
    for path in directory.rglob("*"):
        if not path.name.endswith(".lock") and path.name != "locks":
            status = path.lstat()
            found[str(path.relative_to(directory))] = (
                (0, 0) if path.is_dir() else (status.st_size, status.st_mtime_ns)
            )
    return found


def versions_on_disk(lake: Path, table: str) -> set[str]:
    directory = lake / table
    return {path.name for path in directory.iterdir()} if directory.exists() else set()


def assert_whole(lake: Path, table: str, rows: int) -> dict[str, Any]:
    """The published version can be read and has `rows` rows, and nothing but named versions lies beside it."""
    pointer = support.lake_pointer(lake, table)
    assert support.read_lake_pyarrow(lake, table).num_rows == rows == pointer["rows"]
    named = {pointer["version"], *(previous["version"] for previous in pointer["previous"])}
    assert versions_on_disk(lake, table) <= named, "files that no pointer names"
    for version in named & versions_on_disk(lake, table):
        hidden = [path.name for path in (lake / table / version).iterdir() if path.name.startswith(".")]
        assert not hidden, f"unfinished files: {hidden}"
    return pointer
