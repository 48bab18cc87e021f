"""Signatures of requests that a test server got, checked and made by AWS's SDK."""
from __future__ import annotations

import hmac

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from services.environment import Keys
from services.http_server import Request

REPLACED = ("authorization", "x-amz-date", "x-amz-security-token", "connection", "expect")


def parts(request: Request) -> dict[str, str]:
    """What Authorization says: Credential, SignedHeaders, Signature."""
    _, _, fields = request.headers.get("authorization").partition(" ")
    return dict(field.strip().partition("=")[::2] for field in fields.split(","))


def signer(request: Request, keys: Keys) -> SigV4Auth:
    _, _, region, service, _ = parts(request)["Credential"].split("/")
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    return kind(Credentials(keys.access_key, keys.secret_key, keys.token), service, region)


def as_sdk_request(request: Request, body: bytes, headers: list[tuple[str, str]]) -> AWSRequest:
    url = f"http://{request.headers.get('host')}{request.target}"
    return AWSRequest(request.method, url, headers=dict(headers), data=body or None)


def is_signed_with(request: Request, body: bytes, keys: Keys) -> bool:
    said = parts(request)
    if said.get("Credential", "").partition("/")[0] != keys.access_key:
        return False
    names = said["SignedHeaders"].split(";")
    signed = [(name, value) for name, value in request.headers.pairs if name.lower() in names]
    again = as_sdk_request(request, body, signed)
    again.context["timestamp"] = request.headers.get("x-amz-date")
    auth = signer(request, keys)
    text = auth.string_to_sign(again, auth.canonical_request(again))
    return hmac.compare_digest(auth.signature(text, again), said["Signature"])


def signed_anew(request: Request, body: bytes, keys: Keys) -> list[tuple[str, str]]:
    """The request's headers with a signature by `keys` of now."""
    kept = [(name, value) for name, value in request.headers.pairs if name.lower() not in REPLACED]
    anew = as_sdk_request(request, body, kept)
    signer(request, keys).add_auth(anew)
    return list(anew.headers.items())
