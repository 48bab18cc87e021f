"""An S3 server: versitygw over a directory. It verifies signatures, dates, regions and checksums, knows multipart
uploads and conditional writes, and runs on a free port as a user who is not root."""
from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import botocore.client
import botocore.config
import support

from services import processes
from services.environment import REGION, Keys

PROGRAM = support.ROOT / ".deps" / "versitygw" / "versitygw"
START_SECONDS = 120


def boto3_client(service: str, endpoint: str, keys: Keys, *, region: str = REGION, **config: Any) -> Any:
    """A client of AWS's SDK for `endpoint`, which looks nowhere else for credentials and does not retry."""
    settings = {"retries": {"total_max_attempts": 1}, "proxies": {}, **config}
    if service == "s3":
        settings.setdefault("s3", {"addressing_style": "path"})
    return boto3.session.Session().client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.token,
        config=botocore.config.Config(**settings),
    )


@dataclass
class S3Server:
    endpoint: str
    region: str
    keys: Keys
    root: Path
    """Where the objects are as files: root / bucket / key."""
    process: subprocess.Popen[bytes]
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def client(self, *, keys: Keys | None = None, endpoint: str | None = None, **config: Any) -> Any:
        return boto3_client("s3", endpoint or self.endpoint, keys or self.keys, region=self.region, **config)

    def env(self, *, endpoint: str | None = None, keys: Keys | None = None) -> dict[str, str | None]:
        return {
            **(keys or self.keys).env(),
            "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL_S3": endpoint or self.endpoint,
        }

    def new_user(self, role: str = "user") -> Keys:
        """Another account: a `user` has no access to buckets of others, a `userplus` may make some of its own."""
        keys = Keys()
        command = ["admin", "--allow-insecure", "--endpoint-url", self.endpoint, "--region", self.region]
        command += ["create-user", "--access", keys.access_key, "--secret", keys.secret_key, "--role", role]
        env = {"PATH": os.environ["PATH"], "ADMIN_ACCESS_KEY": self.keys.access_key, "ADMIN_SECRET_KEY": self.keys.secret_key}
        made = subprocess.run([PROGRAM, *command], env=env, capture_output=True, encoding="utf-8", check=False)
        if made.returncode != 0:
            raise RuntimeError(f"versitygw makes no user: {made.stderr or made.stdout}")
        return keys

    @contextmanager
    def new_bucket(self) -> Iterator[Bucket]:
        name = f"test-{next(self._numbers)}"
        client = self.client()
        client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": self.region})
        try:
            yield Bucket(self, name, client)
        finally:
            shutil.rmtree(self.root / name, ignore_errors=True)


@dataclass
class Bucket:
    """A bucket of its own for one test, and what a test asks of it, by AWS's SDK."""

    server: S3Server
    name: str
    client: Any

    @property
    def url(self) -> str:
        return f"s3://{self.name}"

    def keys(self, prefix: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))

    def get(self, key: str) -> bytes:
        return self.client.get_object(Bucket=self.name, Key=key)["Body"].read()

    def put(self, key: str, body: bytes, **options: Any) -> dict[str, Any]:
        return self.client.put_object(Bucket=self.name, Key=key, Body=body, **options)

    def uploads(self) -> list[dict[str, Any]]:
        """Multipart uploads that were neither completed nor aborted."""
        return self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", [])


@contextmanager
def start_s3_server(region: str = REGION, *options: str) -> Iterator[S3Server]:
    if not PROGRAM.exists():
        support.missing("the S3 server versitygw (scripts/fetch-versitygw.sh)")
    keys = Keys()
    port = support.free_port()
    with tempfile.TemporaryDirectory(prefix="lakehaul-s3-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        directory.chmod(0o755)
        program = PROGRAM
        if not processes.can_server_run(program):
            program = shutil.copy(program, directory / "versitygw")
        paths = {part: directory / part for part in ("objects", "accounts", "metadata")}
        for path in paths.values():
            path.mkdir()
            processes.give_to_server(path)
        command = [str(program), "--port", f"127.0.0.1:{port}", "--region", region, "--keep-alive", "--quiet"]
        command += ["--iam-dir", str(paths["accounts"]), "--iam-cache-disable", *options, "posix"]
        if not has_attributes(paths["objects"]):
            command += ["--sidecar", str(paths["metadata"])]
        command.append(str(paths["objects"]))
        env = {"PATH": os.environ["PATH"], "ROOT_ACCESS_KEY": keys.access_key, "ROOT_SECRET_KEY": keys.secret_key}
        with processes.server_process(
            command, env=env, log=directory / "log", is_ready=lambda: processes.is_listening(port),
            timeout_seconds=START_SECONDS,
        ) as process:
            yield S3Server(f"http://127.0.0.1:{port}", region, keys, paths["objects"], process)


def has_attributes(directory: Path) -> bool:
    """Whether files there take extended attributes, where the server keeps what belongs to an object."""
    try:
        os.setxattr(directory, "user.lakehaul", b"1")
        os.removexattr(directory, "user.lakehaul")
    except OSError:
        return False
    return True
