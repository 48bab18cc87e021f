"""Requests get the signatures that AWS's SDK for Python gives them."""
from __future__ import annotations

import json
import random
import string
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote, urlencode

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from net_probe import probe

SIGNED_AT = 1_795_000_000
CASES = 400
LETTERS = string.ascii_letters + string.digits + "-._~/ +=&%?#@!$'()*,;:[]\\\"<>^`{|}\t" + "äß語😀\u0301\x7f\x01"


def random_text(rng: random.Random, least: int, most: int) -> str:
    return "".join(rng.choice(LETTERS) for _ in range(rng.randint(least, most)))


def random_headers(rng: random.Random) -> list[list[str]]:
    names = ["x-amz-tagging", "X-Amz-Meta-Zz", "x-amz-meta-z", "Content-Type", "If-Match", "Range", "x-amz-acl-z", "User-Agent"]
    spaces = ["a  b", " lead", "trail  ", '"q  q"', "x", "k=v&l=w", "bytes=0-9"]
    return [[name, rng.choice(spaces)] for name in rng.sample(names, rng.randint(0, 5))]


def random_request(rng: random.Random, service: str) -> dict[str, Any]:
    if service == "s3":
        path = "/" + quote(random_text(rng, 0, 40), safe="/-._~")
    else:
        path = "/" + "/".join(quote(random_text(rng, 1, 12), safe="-._~") for _ in range(rng.randint(0, 3)))
    query = urlencode([(random_text(rng, 1, 8), random_text(rng, 0, 12)) for _ in range(rng.randint(0, 4))], quote_via=quote)
    if rng.random() < 0.2:
        query = "&".join(filter(None, ["uploads", query]))
    host = rng.choice(["b.s3.eu-central-1.amazonaws.com", "127.0.0.1:9000", "localhost:443", "a.example:80"])
    method = rng.choice(["GET", "PUT", "POST", "DELETE", "HEAD"])
    return {
        "method": method,
        "url": f"{rng.choice(['http', 'https'])}://{host}{path}" + (f"?{query}" if query else ""),
        "headers": random_headers(rng),
        "body": rng.choice(["", "x", "körper" * 50]) if method in ("PUT", "POST") else "",
        "service": service,
        "region": rng.choice(["eu-central-1", "us-east-1", "cn-north-1"]),
        "time": SIGNED_AT + rng.randint(0, 10**7),
        "access_key": "AKIA" + "".join(rng.choices(string.ascii_uppercase, k=16)),
        "secret_key": "".join(rng.choices(string.ascii_letters + "/+=", k=rng.choice([1, 40, 80, 200]))),
        **({"token": "".join(rng.choices(string.ascii_letters + "/+=", k=300))} if rng.random() < 0.5 else {}),
    }


def sdk_signature(request: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> str:
    now = datetime.fromtimestamp(request["time"], timezone.utc)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: now.replace(tzinfo=None))
    kind = botocore.auth.S3SigV4Auth if request["service"] == "s3" else botocore.auth.SigV4Auth
    signer = kind(
        Credentials(request["access_key"], request["secret_key"], request.get("token")), request["service"], request["region"]
    )
    body = request["body"].encode()
    sdk_request = AWSRequest(request["method"], request["url"], headers=dict(request["headers"]), data=body)
    sdk_request.context["payload_signing_enabled"] = True
    signer.add_auth(sdk_request)
    return sdk_request.headers["Authorization"]


@pytest.mark.quick
@pytest.mark.asan
@pytest.mark.parametrize("service", ["s3", "glue"])
def test_random_requests_are_signed_as_by_the_sdk(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(20261124)
    requests = [random_request(rng, service) for _ in range(CASES)]
    answers = probe("sign", requests)
    for request, answer in zip(requests, answers, strict=True):
        authorization = dict(answer["headers"])["Authorization"]
        assert authorization == sdk_signature(request, monkeypatch), json.dumps(request, ensure_ascii=False)
