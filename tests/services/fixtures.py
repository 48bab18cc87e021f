"""Fixtures over the services: each server is started when the first test asks for it, and serves all of a session;
buckets and moto's state are a test's own."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.environment import aws_env
from services.s3_server import Bucket, S3Server, start_s3_server


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
def aws_session_server() -> Iterator["AwsServer"]:
    from services.aws_server import start_aws_server  # importing moto takes a second, which not all tests need

    with start_aws_server() as server:
        yield server


@pytest.fixture
def aws_server(aws_session_server: "AwsServer") -> "AwsServer":
    """Glue, Athena, STS and IAM with nothing in them."""
    aws_session_server.reset()
    return aws_session_server


@pytest.fixture
def aws_home(tmp_path: Path) -> dict[str, str | None]:
    """Variables for `env=` of support.run_lakehaul: no credentials from anywhere, HOME under tmp_path."""
    return aws_env(tmp_path / "home")


@pytest.fixture
def s3_env(s3_server: S3Server, aws_home: dict[str, str | None]) -> dict[str, str | None]:
    """The same with the S3 server's keys, region and endpoint."""
    return {**aws_home, **s3_server.env()}


@pytest.fixture
def aws_services_env(s3_env: dict[str, str | None], aws_server: "AwsServer") -> dict[str, str | None]:
    """The same with moto's endpoints for Glue, Athena, STS and IAM as well."""
    return {**s3_env, **aws_server.env()}
