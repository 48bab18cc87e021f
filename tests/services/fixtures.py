"""Fixtures over the services: each server is started when the first test asks for it, and serves all of a session;
buckets and moto's state are a test's own."""
from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import support

from services.environment import aws_env
from services.fault_proxy import FaultProxy
from services.query_engines import FakeAthena, FakeTrino
from services.s3_server import Bucket, S3Server, start_s3_server

if TYPE_CHECKING:  # what only some tests need is imported by them: moto takes a second
    from services.aws_server import AwsServer
    from services.trino_server import TrinoServer


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    with start_s3_server() as server:
        yield server


@pytest.fixture
def s3_bucket(s3_server: S3Server) -> Iterator[Bucket]:
    """An empty bucket; `s3_bucket.client` and its other methods ask it by boto3."""
    with s3_server.new_bucket() as bucket:
        yield bucket


@pytest.fixture(scope="session")
def aws_session_server() -> Iterator[AwsServer]:
    from services.aws_server import start_aws_server

    with start_aws_server() as server:
        yield server


@pytest.fixture
def aws_server(aws_session_server: AwsServer) -> AwsServer:
    """Glue, Athena, STS and IAM with nothing in them."""
    aws_session_server.reset()
    return aws_session_server


@pytest.fixture(scope="session")
def trino_server() -> Iterator[TrinoServer]:
    """Without catalogs: `with trino_server.file_catalog(s3_server) as catalog`, or glue_catalog."""
    from services.trino_server import start_trino

    with start_trino() as server:
        yield server


@pytest.fixture
def aws_home(tmp_path: Path) -> dict[str, str | None]:
    """Variables for `env=` of support.run_lakehaul: no credentials from anywhere, HOME under tmp_path."""
    return aws_env(tmp_path / "home")


@pytest.fixture
def s3_env(s3_server: S3Server, aws_home: dict[str, str | None]) -> dict[str, str | None]:
    """The same with the S3 server's keys, region and endpoint."""
    return {**aws_home, **s3_server.env()}


@pytest.fixture
def aws_services_env(s3_env: dict[str, str | None], aws_server: AwsServer) -> dict[str, str | None]:
    """The same with moto's endpoints for Glue, Athena, STS and IAM as well."""
    return {**s3_env, **aws_server.env()}


@pytest.fixture
def s3_proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    """Before the S3 server: `s3_server.env(endpoint=s3_proxy.endpoint)`."""
    with FaultProxy(s3_server.endpoint) as proxy:
        yield proxy


@pytest.fixture
def aws_proxy(aws_server: AwsServer) -> Iterator[FaultProxy]:
    """Before moto: `aws_server.env(endpoint=aws_proxy.endpoint)`."""
    with FaultProxy(aws_server.endpoint) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def tls_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for 127.0.0.1 and localhost that signs itself, in one PEM file: what a server takes, and
    what a client trusts with SSL_CERT_FILE, CURL_CA_BUNDLE or AWS_CA_BUNDLE."""
    directory = tmp_path_factory.mktemp("tls")
    key, certificate, both = directory / "key.pem", directory / "certificate.pem", directory / "both.pem"
    subprocess.run(
        [
            support.require_tool("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
            "-keyout", key, "-out", certificate,
        ],
        check=True, capture_output=True,
    )
    both.write_text(certificate.read_text() + key.read_text())
    return both


@pytest.fixture
def fake_trino() -> Iterator[FakeTrino]:
    """Trino that says what a test wants it to say."""
    with FakeTrino() as server:
        yield server


@pytest.fixture
def fake_athena() -> Iterator[FakeAthena]:
    """Athena that says what a test wants it to say; its address is `AWS_ENDPOINT_URL_ATHENA`."""
    with FakeAthena() as server:
        yield server
