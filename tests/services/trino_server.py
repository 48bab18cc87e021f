"""A Trino server on one node, whose hive connector reads tables of the S3 server by a catalog that a test makes: with a
metastore of files in a bucket, or with moto's Glue. It starts in half a minute and takes 600 MB."""
from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import support
import trino

from services import processes
from services.aws_server import AwsServer
from services.s3_server import S3Server

DIRECTORY = support.ROOT / ".deps" / "trino"
VERSION = "435"
JAVA_VERSIONS = range(17, 24)
START_SECONDS = 180

# Compiled once and quickly rather than well: no query here is long.
JVM = [
    "-Xmx1G", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError",
    "-Dfile.encoding=UTF-8", "-Djdk.attach.allowAttachSelf=true",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
]

CONFIG = """\
coordinator=true
node-scheduler.include-coordinator=true
http-server.http.port={port}
http-server.log.enabled=false
discovery.uri=http://127.0.0.1:{port}
query.max-memory=300MB
query.max-memory-per-node=300MB
memory.heap-headroom-per-node=200MB
catalog.management=dynamic
catalog.store=memory
plugin.dir={plugins}
"""


@dataclass
class TrinoServer:
    port: int
    user: str = "lakehaul"
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def rows(self, sql: str, catalog: str = "system", schema: str | None = None) -> list[tuple]:
        """By Trino's own client for Python."""
        with trino.dbapi.connect(
            host="127.0.0.1", port=self.port, user=self.user, catalog=catalog, schema=schema
        ) as connection:
            cursor = connection.cursor()
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]

    @contextmanager
    def catalog(self, s3: S3Server, **properties: str) -> Iterator[str]:
        """A catalog of the hive connector over objects of `s3`; its name."""
        name = f"lake_{next(self._numbers)}"
        given = {
            "fs.hadoop.enabled": "false",
            "fs.native-s3.enabled": "true",
            "s3.endpoint": s3.endpoint,
            "s3.region": s3.region,
            "s3.path-style-access": "true",
            "s3.aws-access-key": s3.keys.access_key,
            "s3.aws-secret-key": s3.keys.secret_key,
            "hive.non-managed-table-writes-enabled": "true",
            "hive.allow-drop-table": "true",
            **properties,
        }
        self.rows(f"CREATE CATALOG {name} USING hive WITH ({', '.join(map(quoted, given.items()))})")
        try:
            yield name
        finally:
            self.rows(f"DROP CATALOG {name}")

    @contextmanager
    def file_catalog(self, s3: S3Server) -> Iterator[str]:
        """Its metastore is files in a bucket of its own."""
        with s3.new_bucket() as bucket:
            location = f"{bucket.url}/metastore"
            with self.catalog(s3, **{"hive.metastore": "file", "hive.metastore.catalog.dir": location}) as name:
                yield name

    @contextmanager
    def glue_catalog(self, s3: S3Server, aws: AwsServer) -> Iterator[str]:
        properties = {
            "hive.metastore": "glue",
            "hive.metastore.glue.endpoint-url": aws.endpoint,
            "hive.metastore.glue.region": aws.region,
            "hive.metastore.glue.aws-access-key": aws.keys.access_key,
            "hive.metastore.glue.aws-secret-key": aws.keys.secret_key,
        }
        with self.catalog(s3, **properties) as name:
            yield name


def quoted(setting: tuple[str, str]) -> str:
    name, value = setting
    return f'"{name}" = \'{value.replace(chr(39), chr(39) * 2)}\''


def java_version(java: str) -> int:
    """Its major version."""
    said = subprocess.run([java, "-XshowSettings:properties", "-version"], capture_output=True, encoding="utf-8", check=True)
    return int(re.search(r"java\.specification\.version = (?:1\.)?(\d+)", said.stderr)[1])


def is_started(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/info", timeout=5) as answer:
            info: dict[str, Any] = json.load(answer)
    except OSError:
        return False
    return not info["starting"]


@contextmanager
def start_trino() -> Iterator[TrinoServer]:
    """Skips in CI, too: setup.sh fetches Trino where the machine has a JDK and Maven."""
    java = shutil.which("java")
    if java is None or not (DIRECTORY / "stamp").exists():
        pytest.skip("no Trino here (scripts/fetch-trino.sh, with a JDK and Maven)")
    if java_version(java) not in JAVA_VERSIONS:
        pytest.skip(f"Trino {VERSION} needs Java {JAVA_VERSIONS[0]} to {JAVA_VERSIONS[-1]}")
    port = support.free_port()
    with tempfile.TemporaryDirectory(prefix="lakehaul-trino-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        directory.chmod(0o755)
        data = directory / "data"
        data.mkdir()
        processes.give_to_server(data)
        config = directory / "config.properties"
        config.write_text(CONFIG.format(port=port, plugins=DIRECTORY / "plugin"))
        settings = {
            "config": config, "node.environment": "test", "node.id": "one", "node.data-dir": data,
            "node.internal-address": "127.0.0.1", "catalog.config-dir": directory, "java.io.tmpdir": data,
        }
        command = [java, *JVM, *(f"-D{key}={value}" for key, value in settings.items())]
        command += ["-cp", f"{DIRECTORY}/main:{DIRECTORY}/lib/*", "TrinoMain", VERSION]
        with processes.server_process(
            command, env={"PATH": os.environ["PATH"]}, log=directory / "log", is_ready=lambda: is_started(port),
            timeout_seconds=START_SECONDS, cwd=data,
        ):
            yield TrinoServer(port)
