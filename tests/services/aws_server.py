"""Glue, Athena, STS, IAM and S3 by moto, which runs in the tests' own process: a test may look into its state or set
it (moto.backends). It answers as AWS does but checks no signatures."""
from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from moto.moto_api._internal import moto_api_backend
from moto.server import ThreadedMotoServer

from services.environment import REGION, Keys
from services.s3_server import boto3_client

SERVICES = ("GLUE", "ATHENA", "STS", "IAM")


@dataclass
class AwsServer:
    endpoint: str
    region: str = REGION
    keys: Keys = field(default_factory=Keys)

    def client(self, service: str, *, endpoint: str | None = None, **config: Any) -> Any:
        return boto3_client(service, endpoint or self.endpoint, self.keys, region=self.region, **config)

    def env(self, *, endpoint: str | None = None) -> dict[str, str | None]:
        """Endpoints only, so that it goes together with S3Server.env, whose keys are good here as well."""
        return {"AWS_REGION": self.region} | {
            f"AWS_ENDPOINT_URL_{service}": endpoint or self.endpoint for service in SERVICES
        }

    def reset(self) -> None:
        moto_api_backend.reset()


@contextmanager
def start_aws_server() -> Iterator[AwsServer]:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield AwsServer(f"http://{host}:{port}")
    finally:
        server.stop()
