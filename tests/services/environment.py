"""Environments in which only what a test names gives AWS credentials, regions and endpoints."""
from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from pathlib import Path

REGION = "eu-central-1"


def random_access_key() -> str:
    return "AKIA" + "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(16))


def random_secret_key() -> str:
    """As AWS makes them, with characters that URLs and shells want escaped."""
    alphabet = string.ascii_letters + string.digits + "/+"
    return "/" + "".join(secrets.choice(alphabet) for _ in range(38)) + "+"


@dataclass(frozen=True)
class Keys:
    access_key: str = field(default_factory=random_access_key)
    secret_key: str = field(default_factory=random_secret_key)
    token: str | None = None

    def env(self) -> dict[str, str | None]:
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_SESSION_TOKEN": self.token,
        }


def aws_env(home: Path, *, instance_metadata: bool = False) -> dict[str, str | None]:
    """What support.clean_environment, which drops all AWS_*, is to add: a HOME of its own, so that nobody's ~/.aws is
    read, no proxies, and no question to 169.254.169.254 unless `instance_metadata`."""
    home.mkdir(parents=True, exist_ok=True)
    env: dict[str, str | None] = {"HOME": str(home), "AWS_EC2_METADATA_DISABLED": None if instance_metadata else "true"}
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        env[name] = env[name.upper()] = None
    return env
