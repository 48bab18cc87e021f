"""Servers as child processes: started as a user who is not root, gone with the tests however these end."""
from __future__ import annotations

import ctypes
import os
import pwd
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

PR_SET_PDEATHSIG = 1


def server_user() -> pwd.struct_passwd | None:
    """Whom a server runs as where the tests run as root; None: as whoever runs the tests."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


def give_to_server(path: Path) -> None:
    user = server_user()
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)


def can_server_run(program: Path) -> bool:
    return run_as_server(["test", "-x", str(program)]).returncode == 0


def run_as_server(command: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, capture_output=True, check=False, cwd="/", **_identity())


def _identity() -> dict[str, object]:
    user = server_user()
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def server_process(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    log: Path,
    is_ready: Callable[[], bool],
    timeout_seconds: float,
    cwd: Path = Path("/"),
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs `command` until the end of the block. What it prints goes to `log`, whose end is shown when it does not
    become ready."""
    libc = ctypes.CDLL(None)

    def end_with_parent() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            preexec_fn=end_with_parent, **_identity(),
        )
    try:
        end = time.monotonic() + timeout_seconds
        while not is_ready():
            if process.poll() is not None or time.monotonic() > end:
                what = f"{command[0]} ended with {process.returncode}" if process.returncode is not None else (
                    f"{command[0]} is not ready after {timeout_seconds} s"
                )
                raise RuntimeError(f"{what}:\n{log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.02)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
