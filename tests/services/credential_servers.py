"""Endpoints that hand out credentials, as AWS has them around a program: instance metadata (IMDSv2), containers, the
SSO portal, STS. Each gives the keys it was made with, so that these can be the S3 server's own, and notes what it
was asked. `env()` is what makes a program ask it. For faults, put a FaultProxy before one."""
from __future__ import annotations

import json
import secrets
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import parse_qsl

from services.environment import REGION, Keys
from services.http_server import Exchange, HttpServer

ACCOUNT = "123456789012"


class CredentialServer(HttpServer):
    def __init__(self, keys: Keys, lifetime: timedelta = timedelta(hours=6)) -> None:
        self.keys = keys
        self.lifetime = lifetime
        self.handed_out = 0
        """How many times credentials were given."""
        super().__init__(self._handle)

    def _handle(self, exchange: Exchange) -> None:
        exchange.read_body()
        self.respond(exchange)

    def respond(self, exchange: Exchange) -> None:
        raise NotImplementedError

    def expiration(self) -> datetime:
        return datetime.now(timezone.utc) + self.lifetime

    def document(self) -> dict[str, str]:
        self.handed_out += 1
        return {
            "AccessKeyId": self.keys.access_key,
            "SecretAccessKey": self.keys.secret_key,
            "Token": self.keys.token or "",
            "Expiration": self.expiration().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def answer_json(exchange: Exchange, status: int, document: object) -> None:
    exchange.answer(status, json.dumps(document).encode(), {"Content-Type": "application/json"})


class InstanceMetadata(CredentialServer):
    """169.254.169.254 of an EC2 instance that demands IMDSv2: every GET needs a token that a PUT gave."""

    role = "lake-instance"

    def __init__(self, keys: Keys, lifetime: timedelta = timedelta(hours=6), region: str = REGION) -> None:
        self._region = region
        self._tokens: set[str] = set()
        super().__init__(keys, lifetime)

    def env(self) -> dict[str, str | None]:
        return {"AWS_EC2_METADATA_DISABLED": None, "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.endpoint}

    def respond(self, exchange: Exchange) -> None:
        request = exchange.request
        if request.path == "/latest/api/token":
            ttl = request.headers.get("x-aws-ec2-metadata-token-ttl-seconds")
            if request.method != "PUT" or not ttl.isdigit() or not 1 <= int(ttl) <= 21600:
                exchange.answer(400)
                return
            token = secrets.token_urlsafe(32)
            self._tokens.add(token)
            exchange.answer(200, token.encode(), {"x-aws-ec2-metadata-token-ttl-seconds": ttl})
            return
        if request.headers.get("x-aws-ec2-metadata-token") not in self._tokens:
            exchange.answer(401)
            return
        base = "/latest/meta-data"
        if request.path == f"{base}/placement/region":
            exchange.answer(200, self._region.encode())
        elif request.path in (f"{base}/iam/security-credentials", f"{base}/iam/security-credentials/"):
            exchange.answer(200, self.role.encode())
        elif request.path == f"{base}/iam/security-credentials/{self.role}":
            answer_json(exchange, 200, {"Code": "Success", "Type": "AWS-HMAC", **self.document()})
        else:
            exchange.answer(404)


class ContainerCredentials(CredentialServer):
    """What ECS and EKS Pod Identity put beside a container."""

    path = "/v1/credentials"

    def __init__(self, keys: Keys, lifetime: timedelta = timedelta(hours=6)) -> None:
        self.authorization = secrets.token_urlsafe(24)
        super().__init__(keys, lifetime)

    def env(self, token_file: Path | None = None) -> dict[str, str | None]:
        """With the token itself in the environment, or in `token_file`, which is written."""
        env: dict[str, str | None] = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.endpoint}{self.path}"}
        if token_file is None:
            return env | {"AWS_CONTAINER_AUTHORIZATION_TOKEN": self.authorization}
        token_file.write_text(self.authorization)
        return env | {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token_file)}

    def respond(self, exchange: Exchange) -> None:
        if exchange.request.path != self.path:
            answer_json(exchange, 404, {"code": "NotFound", "message": "no such path"})
        elif exchange.request.headers.get("authorization") != self.authorization:
            answer_json(exchange, 401, {"code": "Unauthorized", "message": "the token is not valid"})
        else:
            answer_json(exchange, 200, {**self.document(), "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/task"})


class SsoPortal(CredentialServer):
    """portal.sso.<region>, for a login whose access token `aws sso login` would have left in the cache."""

    role, session, start_url = "LakeRole", "corporate", "https://corporate.awsapps.com/start"

    def __init__(self, keys: Keys, lifetime: timedelta = timedelta(hours=6)) -> None:
        self.access_token = secrets.token_urlsafe(32)
        super().__init__(keys, lifetime)

    def config(self, profile: str = "default") -> str:
        """The profile and its session, for a config file."""
        section = "default" if profile == "default" else f"profile {profile}"
        return (
            f"[{section}]\nsso_session = {self.session}\nsso_account_id = {ACCOUNT}\nsso_role_name = {self.role}\n"
            f"region = {REGION}\n[sso-session {self.session}]\nsso_region = {REGION}\nsso_start_url = {self.start_url}\n"
        )

    def cache(self, expires: timedelta = timedelta(hours=8)) -> str:
        """What ~/.aws/sso/cache/<SHA-1 of the session's name>.json holds after the login."""
        at = (datetime.now(timezone.utc) + expires).strftime("%Y-%m-%dT%H:%M:%SZ")
        login = {"startUrl": self.start_url, "region": REGION, "accessToken": self.access_token, "expiresAt": at}
        return json.dumps(login)

    def env(self) -> dict[str, str | None]:
        return {"AWS_ENDPOINT_URL_SSO": self.endpoint}

    def respond(self, exchange: Exchange) -> None:
        request = exchange.request
        if request.headers.get("x-amz-sso_bearer_token") != self.access_token:
            exchange.answer(
                401, json.dumps({"message": "Session token not found or invalid"}).encode(),
                {"Content-Type": "application/json", "x-amzn-errortype": "UnauthorizedException"},
            )
        elif request.path != "/federation/credentials" or request.query != {"role_name": self.role, "account_id": ACCOUNT}:
            answer_json(exchange, 403, {"message": "No access"})
        else:
            given = self.document()
            answer_json(exchange, 200, {"roleCredentials": {
                "accessKeyId": given["AccessKeyId"],
                "secretAccessKey": given["SecretAccessKey"],
                "sessionToken": given["Token"],
                "expiration": int(self.expiration().timestamp() * 1000),
            }})


class TokenService(CredentialServer):
    """STS, whose temporary keys a server that verifies signatures knows, unlike those of moto."""

    def env(self) -> dict[str, str | None]:
        return {"AWS_ENDPOINT_URL_STS": self.endpoint}

    def respond(self, exchange: Exchange) -> None:
        asked = dict(parse_qsl(exchange.request.body.decode(errors="replace")))
        action = asked.get("Action", "")
        if action == "AssumeRoleWithWebIdentity":
            refused = "InvalidIdentityToken" if not asked.get("WebIdentityToken") else None
        elif action == "AssumeRole":
            refused = None if exchange.request.headers.get("authorization") else "MissingAuthenticationToken"
        else:
            refused = "InvalidAction"
        if refused or not asked.get("RoleArn"):
            code = refused or "ValidationError"
            error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>refused</Message></Error>"
            answer_xml(exchange, 400, "ErrorResponse", error)
            return
        given = self.document()
        session = asked.get("RoleSessionName", "")
        credentials = "".join(f"<{name}>{given[key]}</{name}>" for name, key in (
            ("AccessKeyId", "AccessKeyId"), ("SecretAccessKey", "SecretAccessKey"), ("SessionToken", "Token"),
            ("Expiration", "Expiration"),
        ))
        role = f"<AssumedRoleUser><AssumedRoleId>AROA:{session}</AssumedRoleId><Arn>{asked['RoleArn']}</Arn></AssumedRoleUser>"
        answer_xml(
            exchange, 200, f"{action}Response",
            f"<{action}Result><Credentials>{credentials}</Credentials>{role}</{action}Result>",
        )


def answer_xml(exchange: Exchange, status: int, root: str, inner: str) -> None:
    body = f'<{root} xmlns="https://sts.amazonaws.com/doc/2011-06-15/">{inner}</{root}>'
    exchange.answer(status, body.encode(), {"Content-Type": "text/xml"})
