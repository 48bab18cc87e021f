"""Glue, Athena, STS, IAM and S3 by moto, which runs in the tests' own process: a test may look into its state or set
it (moto.backends). It answers as AWS does but checks no signatures."""
from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from moto.glue.models import FakeCrawler, glue_backends
from moto.moto_api import state_manager
from moto.moto_api._internal import moto_api_backend
from moto.server import ThreadedMotoServer

from services import moto_glue
from services.environment import REGION, Keys
from services.s3_server import boto3_client

ACCOUNT = "123456789012"
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
        state_manager.unset_transition("glue::crawl")

    def crawls_take(self, polls: int) -> None:
        """Each crawl runs until it has been asked for that many times; before the first call it has ended at once."""
        state_manager.set_transition("glue::crawl", {"progression": "manual", "times": polls})

    def crawler(self, name: str) -> FakeCrawler:
        """moto's own: `.crawls[-1].status = "FAILED"` (RUNNING, STOPPING, STOPPED, COMPLETED) and `.error_message`,
        and `.metrics = {"TablesCreated": 2}` are what Glue then says."""
        return glue_backends[ACCOUNT][self.region].get_crawler(name)


@contextmanager
def start_aws_server() -> Iterator[AwsServer]:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    moto_glue.add()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield AwsServer(f"http://{host}:{port}")
    finally:
        server.stop()
