"""Where AWS credentials come from: for the same HOME and environment the program finds the keys that boto3 finds, from
each source; sources that fail are named; what is a secret shows nowhere."""
from __future__ import annotations

import hashlib
import json
import os
import resource
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from unittest.mock import patch

import botocore.credentials
import botocore.session
import botocore.tokens
import botocore.utils
import pytest

import support
from services.credential_servers import (
    ACCOUNT, ContainerCredentials, CredentialServer, InstanceMetadata, SsoPortal, TokenService,
)
from services.environment import REGION, Keys, aws_env, random_secret_key
from services.s3_server import Bucket, S3Server

pytestmark = pytest.mark.asan

PROBE = support.BUILD_DIR / "tests" / "probes" / "credentials_probe"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/lake"


def new_keys(token: bool = False) -> Keys:
    return Keys(token=random_secret_key() if token else None)


def digest_of(keys: Keys) -> str:
    return hashlib.sha256(f"{keys.access_key}\n{keys.secret_key}\n{keys.token or ''}\n".encode()).hexdigest()


class Machine:
    """A HOME, an environment and the servers around: what credentials are looked for in."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.home = directory / "home"
        self.env = {**aws_env(self.home), "AWS_DEFAULT_REGION": REGION}
        self.aws = self.home / ".aws"
        self.aws.mkdir()
        self._stack = stack

    def config(self, text: str) -> None:
        (self.aws / "config").write_text(text)

    def credentials(self, text: str) -> None:
        (self.aws / "credentials").write_text(text)

    def serve(self, kind: Callable[..., CredentialServer], keys: Keys, **options: Any) -> Any:
        return self._stack.enter_context(kind(keys, **options))

    def program(self, keys: Keys, *, more: dict[str, Any] | None = None, before: str = "") -> str:
        """A credential_process; its path holds a blank."""
        document = {"Version": 1, "AccessKeyId": keys.access_key, "SecretAccessKey": keys.secret_key}
        if keys.token:
            document["SessionToken"] = keys.token
        answer = self.home / "answer of program.json"
        answer.write_text(json.dumps({**document, **(more or {})}))
        program = self.home / "a program.sh"
        program.write_text(f'#!/bin/sh\n{before}\necho "$@" >>"$HOME/calls"\ncat {shlex.quote(str(answer))}\n')
        program.chmod(0o755)
        return f"\"{program}\" 'first argument' second"

    @property
    def calls(self) -> list[str]:
        return (self.home / "calls").read_text().splitlines()

    def ask(self, *options: str, **kwargs: Any) -> list[dict[str, Any]]:
        if not PROBE.exists():
            support.missing(str(PROBE))
        result = subprocess.run(
            [PROBE, *options], env=support.clean_environment(self.env), capture_output=True, encoding="utf-8",
            timeout=60, check=False, **kwargs,
        )
        support.check_sanitizers(result.stderr)
        assert result.stdout, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]

    def refusal(self, *options: str) -> dict[str, Any]:
        (line,) = self.ask(*options)
        assert "error" in line, line
        assert "\n" not in line["error"]
        assert line["status"] == "lake"
        return line

    def boto(self, profile: str | None = None) -> Keys:
        """What AWS's SDK finds here."""
        cache = str(self.aws / "sso" / "cache")
        with patch.dict(os.environ, support.clean_environment(self.env), clear=True), \
                patch.object(botocore.credentials.SSOProvider, "_SSO_TOKEN_CACHE_DIR", cache), \
                patch.object(botocore.tokens.SSOTokenProvider, "_SSO_TOKEN_CACHE_DIR", cache):
            session = botocore.session.Session(profile=profile)
            found = session.get_credentials().get_frozen_credentials()
        return Keys(found.access_key, found.secret_key, found.token or None)

    def agrees(self, keys: Keys, source: str, profile: str | None = None) -> dict[str, Any]:
        """Program and SDK find `keys`, the program by `source`."""
        assert self.boto(profile) == keys
        (line,) = self.ask(*(["--profile", profile] if profile else []))
        assert line.get("error") is None
        assert (line["access_key_id"], line["digest"]) == (keys.access_key, digest_of(keys))
        assert line["source"] == source
        return line


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with ExitStack() as stack:
        yield Machine(tmp_path, stack)


def section(name: str, keys: Keys) -> str:
    token = f"aws_session_token = {keys.token}\n" if keys.token else ""
    return f"[{name}]\naws_access_key_id = {keys.access_key}\naws_secret_access_key={keys.secret_key}\n{token}\n"


# One source each.


@pytest.mark.parametrize("token", [False, True])
def test_environment(machine: Machine, token: bool) -> None:
    keys = new_keys(token)
    machine.env |= keys.env()
    machine.credentials(section("default", new_keys()))
    machine.agrees(keys, "environment variables")


@pytest.mark.parametrize("token", [False, True])
def test_keys_of_the_default_profile(machine: Machine, token: bool) -> None:
    keys = new_keys(token)
    machine.credentials(section("other", new_keys()) + section("default", keys))
    machine.agrees(keys, "profile default")


def test_keys_of_a_profile_named_by_the_environment(machine: Machine) -> None:
    keys = new_keys()
    machine.config(section("default", new_keys()) + section("profile prod", keys))
    machine.env["AWS_PROFILE"] = "prod"
    machine.agrees(keys, "profile prod")


def test_credentials_file_wins_over_config_file(machine: Machine) -> None:
    keys = new_keys()
    machine.config(section("profile prod", new_keys()))
    machine.credentials(section("prod", keys))
    machine.agrees(keys, "profile prod", profile="prod")


def test_environment_wins_over_aws_profile_and_loses_to_the_projects(machine: Machine) -> None:
    in_environment, in_profile = new_keys(), new_keys()
    machine.credentials(section("prod", in_profile))
    machine.env |= {**in_environment.env(), "AWS_PROFILE": "prod"}
    machine.agrees(in_environment, "environment variables")
    machine.agrees(in_profile, "profile prod", profile="prod")


def test_files_elsewhere(machine: Machine, tmp_path: Path) -> None:
    keys = new_keys()
    (tmp_path / "elsewhere").write_text(section("default", keys))
    machine.credentials(section("default", new_keys()))
    machine.env["AWS_SHARED_CREDENTIALS_FILE"] = str(tmp_path / "elsewhere")
    machine.agrees(keys, "profile default")


def test_credential_process(machine: Machine) -> None:
    keys = new_keys(token=True)
    machine.config(f"[profile tool]\ncredential_process = {machine.program(keys)}\n")
    machine.agrees(keys, "profile tool (credential_process)", profile="tool")
    assert machine.calls == ["first argument second"] * 2


def test_container(machine: Machine) -> None:
    keys = new_keys(token=True)
    server = machine.serve(ContainerCredentials, keys)
    machine.env |= server.env()
    machine.agrees(keys, "container credentials")


def test_pod_identity_reads_its_token_from_a_file_each_time(machine: Machine, tmp_path: Path) -> None:
    keys = new_keys(token=True)
    server = machine.serve(ContainerCredentials, keys)
    machine.env |= server.env(tmp_path / "token")
    machine.agrees(keys, "container credentials")
    (tmp_path / "token").write_text(server.authorization + "\n")
    assert "line break" in machine.refusal()["error"]
    (tmp_path / "token").unlink()
    refusal = machine.refusal()
    assert "token: cannot open" in refusal["error"]
    assert "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" in refusal["hint"]


def test_instance_metadata(machine: Machine) -> None:
    keys = new_keys(token=True)
    server = machine.serve(InstanceMetadata, keys)
    machine.env |= server.env()
    machine.env |= {"http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(botocore.utils, "get_environ_proxies", lambda url: {})
        machine.agrees(keys, "instance metadata, role lake-instance")
    assert not [r for r in server.matching() if r.method == "GET" and "x-aws-ec2-metadata-token" not in r.headers]


def test_instance_metadata_can_be_switched_off(machine: Machine) -> None:
    server = machine.serve(InstanceMetadata, new_keys())
    machine.env |= {**server.env(), "AWS_EC2_METADATA_DISABLED": "TRUE"}
    refusal = machine.refusal()
    assert "no AWS credentials" in refusal["error"]
    assert refusal["credentials"]
    assert server.matching() == []


@pytest.mark.parametrize("by_session", [False, True])
def test_sso(machine: Machine, by_session: bool) -> None:
    keys = new_keys(token=True)
    portal = machine.serve(SsoPortal, keys)
    cache = machine.aws / "sso" / "cache"
    cache.mkdir(parents=True)
    machine.env |= portal.env()
    name = portal.session if by_session else portal.start_url
    text = portal.config("corp")
    if not by_session:
        text = text.replace(f"sso_session = {portal.session}\n", f"sso_start_url = {portal.start_url}\nsso_region = {REGION}\n")
        text = text.partition("[sso-session")[0]
    machine.config(text)
    (cache / f"{hashlib.sha1(name.encode()).hexdigest()}.json").write_text(portal.cache())
    machine.agrees(keys, f"profile corp (SSO, role {portal.role})", profile="corp")


def test_web_identity(machine: Machine, tmp_path: Path) -> None:
    keys = new_keys(token=True)
    sts = machine.serve(TokenService, keys)
    (tmp_path / "token").write_text("a.service.account\n")
    machine.env |= {**sts.env(), "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"), "AWS_ROLE_ARN": ROLE,
                    "AWS_ROLE_SESSION_NAME": "night run"}
    machine.agrees(keys, f"web identity, role {ROLE}")
    request = sts.matching("AssumeRoleWithWebIdentity")[-1]
    assert "authorization" not in request.headers
    assert b"RoleSessionName=night%20run" in request.body
    assert b"a.service.account" in request.body
    (tmp_path / "token").unlink()
    refusal = machine.refusal()
    assert "web identity: the token: cannot open" in refusal["error"]
    assert "still mounted" in refusal["hint"]


def test_web_identity_of_a_profile(machine: Machine, tmp_path: Path) -> None:
    keys = new_keys(token=True)
    machine.env |= machine.serve(TokenService, keys).env()
    (tmp_path / "token").write_text("a.service.account")
    machine.config(f"[profile pod]\nrole_arn = {ROLE}\nweb_identity_token_file = {tmp_path / 'token'}\n")
    machine.agrees(keys, f"profile pod (web identity, role {ROLE})", profile="pod")


# Roles.


def test_role_with_a_source_profile(machine: Machine) -> None:
    keys, own = new_keys(token=True), new_keys()
    sts = machine.serve(TokenService, keys)
    machine.env |= sts.env()
    machine.credentials(section("base", own))
    machine.config(
        f"[profile lake]\nrole_arn = {ROLE}\nsource_profile = base\nexternal_id = shop/42\nrole_session_name = nightly\n"
        "duration_seconds = 1800\n"
    )
    machine.agrees(keys, f"profile lake (role {ROLE})", profile="lake")
    by_boto, by_us = [dict(pair.split("=") for pair in r.body.decode().split("&")) for r in sts.matching("AssumeRole")]
    assert by_us == by_boto
    assert all(own.access_key in r.headers.get("authorization") for r in sts.matching("AssumeRole"))


def test_roles_one_after_another(machine: Machine) -> None:
    keys = new_keys(token=True)
    sts = machine.serve(TokenService, keys)
    machine.env |= sts.env()
    machine.credentials(section("base", new_keys()))
    machine.config(
        f"[profile lake]\nrole_arn = {ROLE}\nsource_profile = hop\n"
        f"[profile hop]\nrole_arn = {ROLE}-hop\nsource_profile = base\n"
    )
    machine.agrees(keys, f"profile lake (role {ROLE})", profile="lake")
    assert len(sts.matching("AssumeRole")) == 4
    assert keys.access_key in sts.matching("AssumeRole")[-1].headers.get("authorization")


def test_a_profile_may_be_its_own_source_of_keys(machine: Machine) -> None:
    keys = new_keys(token=True)
    machine.env |= machine.serve(TokenService, keys).env()
    machine.config(f"{section('profile lake', new_keys()).strip()}\nrole_arn = {ROLE}\nsource_profile = lake\n")
    machine.agrees(keys, f"profile lake (role {ROLE})", profile="lake")


def test_role_with_credentials_of_a_program(machine: Machine) -> None:
    keys = new_keys(token=True)
    machine.env |= machine.serve(TokenService, keys).env()
    machine.config(
        f"[profile lake]\nrole_arn = {ROLE}\nsource_profile = tool\n"
        f"[profile tool]\ncredential_process = {machine.program(new_keys())}\n"
    )
    machine.agrees(keys, f"profile lake (role {ROLE})", profile="lake")


@pytest.mark.parametrize("source", ["Environment", "EcsContainer", "Ec2InstanceMetadata"])
def test_role_with_a_credential_source(machine: Machine, source: str) -> None:
    keys, own = new_keys(token=True), new_keys(token=True)
    sts = machine.serve(TokenService, keys)
    machine.env |= sts.env()
    machine.config(f"[profile lake]\nrole_arn = {ROLE}\ncredential_source = {source}\n")
    if source == "Environment":
        machine.env |= own.env()
    else:
        kind = ContainerCredentials if source == "EcsContainer" else InstanceMetadata
        machine.env |= machine.serve(kind, own).env()
    machine.agrees(keys, f"profile lake (role {ROLE})", profile="lake")
    assert own.access_key in sts.matching("AssumeRole")[-1].headers.get("authorization")


def test_motos_sts(machine: Machine, tmp_path: Path, aws_server: Any) -> None:
    """STS as somebody else has written it: its XML, and what it wants to be asked."""
    machine.credentials(section("base", new_keys()))
    machine.config(f"[profile lake]\nrole_arn = {ROLE}\nsource_profile = base\nduration_seconds = 900\n")
    machine.env |= {"AWS_ENDPOINT_URL_STS": aws_server.endpoint}
    (line,) = machine.ask("--profile", "lake")
    assert (line["access_key_id"][:4], line["source"]) == ("ASIA", f"profile lake (role {ROLE})")
    (tmp_path / "token").write_text("a.service.account")
    machine.env |= {"AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"), "AWS_ROLE_ARN": ROLE}
    (line,) = machine.ask()
    assert (line["access_key_id"][:4], line["source"]) == ("ASIA", f"web identity, role {ROLE}")


# Region and endpoint.


def test_region_and_endpoints(machine: Machine) -> None:
    machine.credentials(section("default", new_keys()))
    machine.config(
        "[default]\nregion = eu-north-1\nendpoint_url = http://all:1\nservices = dev\n"
        "[services dev]\ns3 =\n  endpoint_url = http://s3:1\n"
    )
    machine.env["AWS_DEFAULT_REGION"] = None

    def found(*options: str, **env: str) -> tuple[str, str]:
        before = machine.env
        machine.env = {**before, **env}
        (line,) = machine.ask(*options)
        machine.env = before
        return line["region"], line["endpoint"]

    assert found() == ("eu-north-1", "http://s3:1")
    assert found("--service", "GLUE") == ("eu-north-1", "http://all:1")
    assert found("--region", "r", AWS_REGION="b", AWS_DEFAULT_REGION="c")[0] == "r"
    assert found(AWS_REGION="b", AWS_DEFAULT_REGION="c")[0] == "b"
    assert found(AWS_DEFAULT_REGION="c")[0] == "c"
    assert found(AWS_ENDPOINT_URL="http://e")[1] == "http://e"
    assert found(AWS_ENDPOINT_URL="http://e", AWS_ENDPOINT_URL_S3="http://f")[1] == "http://f"
    assert found(AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true", AWS_ENDPOINT_URL="http://e")[1] is None


# What fails.


def test_a_source_that_is_configured_and_fails_is_named_and_not_passed_over(machine: Machine) -> None:
    machine.env |= {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/x"}
    machine.env |= machine.serve(InstanceMetadata, new_keys()).env()
    refusal = machine.refusal()
    assert refusal["error"].startswith("container credentials: ")
    assert refusal["credentials"]


WRONG_SETTINGS = {
    "id alone": ({"AWS_ACCESS_KEY_ID": "AKID"}, "", "the environment has AWS_ACCESS_KEY_ID, and no AWS_SECRET_ACCESS_KEY"),
    "secret alone": ({"AWS_SECRET_ACCESS_KEY": "x"}, "", "the environment has AWS_SECRET_ACCESS_KEY, and no AWS_ACCESS_KEY_ID"),
    "expired": (
        {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z"}, "",
        "the credentials of the environment have expired, at 2020-01-01T00:00:00Z",
    ),
    "no such profile": ({"AWS_PROFILE": "nope"}, "", "AWS profile nope does not exist"),
    "empty profile": ({"AWS_PROFILE": "p"}, "[profile p]\nregion = x\n", "AWS profile p has no credentials"),
    "half a profile": (
        {"AWS_PROFILE": "p"}, "[profile p]\naws_access_key_id = AKID\n",
        "profile p has aws_access_key_id, and no aws_secret_access_key",
    ),
    "cycle": (
        {"AWS_PROFILE": "a"},
        "[profile a]\nrole_arn = r\nsource_profile = b\n[profile b]\nrole_arn = r\nsource_profile = a\n",
        "profile b leads back to itself by source_profile",
    ),
    "own source": (
        {"AWS_PROFILE": "a"}, "[profile a]\nrole_arn = r\nsource_profile = a\n",
        "profile a leads back to itself by source_profile",
    ),
    "no such source": (
        {"AWS_PROFILE": "a"}, "[profile a]\nrole_arn = r\nsource_profile = b\n",
        "source_profile b of profile a does not exist",
    ),
    "empty source": (
        {"AWS_PROFILE": "a"}, "[profile a]\nrole_arn = r\nsource_profile = b\n[profile b]\nregion = x\n",
        "source_profile b of profile a has no credentials",
    ),
    "no source": (
        {"AWS_PROFILE": "a"}, "[profile a]\nrole_arn = r\n",
        "profile a has role_arn and neither source_profile nor credential_source",
    ),
    "two sources": (
        {"AWS_PROFILE": "a"}, "[profile a]\nrole_arn = r\nsource_profile = b\ncredential_source = Environment\n",
        "profile a has role_arn and both source_profile and credential_source",
    ),
    "unknown source": (
        {"AWS_PROFILE": "a"}, "[profile a]\nrole_arn = r\ncredential_source = Moon\n",
        "profile a has the unknown credential_source Moon",
    ),
    "MFA": (
        {"AWS_PROFILE": "a"}, "[profile a]\nrole_arn = r\nsource_profile = b\nmfa_serial = m\n[profile b]\n",
        "profile a asks for an MFA code (mfa_serial)",
    ),
    "duration": (
        {"AWS_PROFILE": "a"}, "[profile a]\nrole_arn = r\nsource_profile = b\nduration_seconds = 1h\n",
        "duration_seconds of profile a is no number of seconds",
    ),
    "no session": (
        {"AWS_PROFILE": "a"}, "[profile a]\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\n",
        "sso_session s of profile a does not exist",
    ),
    "half a session": (
        {"AWS_PROFILE": "a"}, "[profile a]\nsso_account_id = 1\nsso_role_name = r\nsso_region = x\n",
        "profile a uses SSO, and has no sso_start_url",
    ),
    "no program": (
        {"AWS_PROFILE": "a"}, "[profile a]\ncredential_process = /no/such/program\n",
        "credential_process of profile a: cannot run /no/such/program: No such file or directory",
    ),
    "open quote": (
        {"AWS_PROFILE": "a"}, "[profile a]\ncredential_process = 'x\n",
        "credential_process of profile a: a quote is not closed, or a backslash stands at the end",
    ),
    "web identity without a role": (
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "/x"}, "", "the environment has AWS_WEB_IDENTITY_TOKEN_FILE, and no AWS_ROLE_ARN",
    ),
    "container elsewhere": (
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1.example.com/x"}, "",
        "container credentials: AWS_CONTAINER_CREDENTIALS_FULL_URI names a host that is not trusted",
    ),
}


@pytest.mark.parametrize("case", WRONG_SETTINGS)
def test_wrong_settings(machine: Machine, case: str) -> None:
    env, config, message = WRONG_SETTINGS[case]
    machine.env |= env
    machine.config(config)
    refusal = machine.refusal()
    assert refusal["error"] == message
    assert refusal["credentials"]


def test_a_wrong_file_is_named_by_line_without_what_stands_there(machine: Machine) -> None:
    machine.credentials("[default]\nhunter2\n")
    refusal = machine.refusal()
    assert refusal["error"] == f'{machine.aws}/credentials, line 2: neither a section nor "name = value"'


WRONG_PROGRAMS = {
    "exit status": ("echo first >&2; echo the vault is locked >&2; exit 3", {}, "ended with exit status 3: the vault is locked"),
    "signal": ("kill -9 $$", {}, "ended with signal 9"),
    "version": ("", {"Version": 2}, 'what came has not "Version": 1'),
    "no key": ("", {"SecretAccessKey": None}, "what came has no SecretAccessKey"),
    "expired": ("", {"Expiration": "2020-01-01T00:00:00Z"}, "what came has expired, at 2020-01-01T00:00:00Z"),
    "no JSON": ("echo hello", {}, "what came is no JSON object"),
    "endless": ("yes", {}, "printed more than 65536 bytes"),
}


@pytest.mark.parametrize("case", WRONG_PROGRAMS)
def test_programs_that_fail(machine: Machine, case: str) -> None:
    before, more, message = WRONG_PROGRAMS[case]
    keys = new_keys()
    machine.config(f"[default]\ncredential_process = {machine.program(keys, more=more, before=before)}\n")
    refusal = machine.refusal()
    assert refusal["error"].startswith("credential_process of profile default: ")
    assert message in refusal["error"]
    assert keys.secret_key not in json.dumps(refusal)


@pytest.mark.parametrize("login", ["none", "expired", "refused"])
def test_sso_says_how_to_log_in(machine: Machine, login: str) -> None:
    portal = machine.serve(SsoPortal, new_keys(token=True))
    cache = machine.aws / "sso" / "cache"
    cache.mkdir(parents=True)
    machine.env |= portal.env()
    machine.config(portal.config("corp"))
    path = cache / f"{hashlib.sha1(portal.session.encode()).hexdigest()}.json"
    if login != "none":
        path.write_text(portal.cache(timedelta(hours=-1 if login == "expired" else 1)))
    if login == "refused":
        portal.access_token = "another"
    refusal = machine.refusal("--profile", "corp")
    message = {"none": "nobody is logged in", "expired": "its log-in has expired", "refused": "is not given, status 401"}
    assert message[login] in refusal["error"]
    assert refusal["hint"] == f"run aws sso login --sso-session {portal.session}"


# Renewal.


def expiring(seconds: float) -> str:
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_credentials_are_asked_for_once_while_they_are_good(machine: Machine) -> None:
    machine.config(f"[default]\ncredential_process = {machine.program(new_keys(), more={'Expiration': expiring(3600)})}\n")
    lines = machine.ask("--times", "50")
    assert len({line["digest"] for line in lines}) == 1
    assert len(machine.calls) == 1


@pytest.mark.threads
def test_many_threads_ask_a_source_once(machine: Machine) -> None:
    program = machine.program(new_keys(), more={"Expiration": expiring(3600)}, before="sleep 0.3")
    machine.config(f"[default]\ncredential_process = {program}\n")
    lines = machine.ask("--threads", "16", "--times", "5")
    assert len(lines) == 80
    assert len({line["digest"] for line in lines}) == 1
    assert len(machine.calls) == 1


def test_expired_credentials_are_asked_for_again(machine: Machine) -> None:
    machine.config(f"[default]\ncredential_process = {machine.program(new_keys())}\n")
    assert len(machine.ask("--times", "3", "--expire")) == 3
    assert len(machine.calls) == 3


def test_credentials_are_renewed_before_they_expire(machine: Machine) -> None:
    server = machine.serve(ContainerCredentials, new_keys(), lifetime=timedelta(seconds=4))
    machine.env |= server.env()
    lines = machine.ask("--times", "8", "--pause", "500")
    assert all("error" not in line for line in lines)
    assert 2 <= server.handed_out <= 4


def test_good_credentials_are_used_while_their_source_is_gone(machine: Machine) -> None:
    before = 'test -e "$HOME/calls" && { echo gone >&2; exit 1; }'
    program = machine.program(new_keys(), more={"Expiration": expiring(6)}, before=before)
    machine.config(f"[default]\ncredential_process = {program}\n")
    lines = machine.ask("--times", "14", "--pause", "500")
    good = [line for line in lines if "error" not in line]
    assert len(good) >= 5  # until a third of the six seconds is left, and not only half
    assert len(good) < 14
    assert all("error" in line for line in lines[len(good):])
    assert lines[-1]["error"].endswith("ended with exit status 1: gone")


def test_a_server_that_goes_away_is_named(machine: Machine) -> None:
    server = machine.serve(ContainerCredentials, new_keys(), lifetime=timedelta(seconds=2))
    machine.env |= server.env()
    process = subprocess.Popen(
        [PROBE, "--times", "2", "--pause", "500", "--expire"], env=support.clean_environment(machine.env),
        stdout=subprocess.PIPE, encoding="utf-8",
    )
    assert "access_key_id" in json.loads(process.stdout.readline())
    server._server.shutdown()
    server._server.server_close()
    lines = [json.loads(line) for line in process.stdout]
    process.wait()
    assert lines[-1]["error"].startswith("container credentials: ")
    assert lines[-1]["hint"] == "AWS_CONTAINER_CREDENTIALS_FULL_URI names the service: is its agent running?"


# Secrets.


def cores_are_files() -> bool:
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    return not pattern.startswith("|") and "/" not in pattern


def sources_of_secrets(machine: Machine, source: str, tmp_path: Path, given: Keys | None = None) -> Keys:
    keys = given or new_keys(token=True)
    if source == "environment":
        machine.env |= keys.env()
    elif source == "profile":
        machine.credentials(section("default", keys))
    elif source == "program":
        machine.config(f"[default]\ncredential_process = {machine.program(keys)}\n")
    elif source == "web identity":
        machine.env |= machine.serve(TokenService, keys).env()
        (tmp_path / "token").write_text("a.service.account")
        machine.env |= {"AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"), "AWS_ROLE_ARN": ROLE}
    elif source == "role":
        machine.env |= machine.serve(TokenService, keys).env()
        machine.credentials(section("base", new_keys()))
        machine.config(f"[default]\nrole_arn = {ROLE}\nsource_profile = base\n")
    elif source == "container":
        machine.env |= machine.serve(ContainerCredentials, keys).env()
    return keys


@pytest.mark.parametrize("source", ["environment", "profile", "program", "web identity", "role", "container"])
def test_a_core_dump_has_no_secrets(machine: Machine, source: str, tmp_path: Path) -> None:
    if "asan" in str(support.BUILD_DIR) or "tsan" in str(support.BUILD_DIR):
        pytest.skip("sanitizers leave no core dumps")
    if not cores_are_files():
        support.missing("a kernel that leaves core dumps as files")
    keys = sources_of_secrets(machine, source, tmp_path)
    directory = tmp_path / "cores"
    directory.mkdir()

    def allow_cores() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    (line,) = machine.ask("--abort", cwd=directory, preexec_fn=allow_cores)
    assert line["digest"] == digest_of(keys)
    cores = list(directory.iterdir())
    if not cores:
        support.missing("permission to leave a core dump")
    core = cores[0].read_bytes()
    assert keys.access_key.encode() in core or b"credentials_probe" in core  # it is a core of this program
    assert keys.secret_key.encode() not in core
    assert keys.token.encode() not in core


def test_the_memory_of_secrets_is_out_of_dumps_and_not_inherited(machine: Machine) -> None:
    keys = new_keys()
    machine.credentials(section("default", keys))
    process = subprocess.Popen(
        [PROBE, "--times", "2", "--pause", "20000"], env=support.clean_environment(machine.env),
        stdout=subprocess.PIPE, encoding="utf-8",
    )
    try:
        process.stdout.readline()
        time.sleep(0.2)  # it wipes its own copy once it has printed
        found = mappings_with(process.pid, keys.secret_key.encode())
    finally:
        process.kill()
        process.wait()
    assert found, "the secret is in memory somewhere"
    assert all({"dd", "wf"} <= flags for flags in found)


MAPPING_BYTES_MAX = 256 << 20  # sanitizers map terabytes


@pytest.mark.parametrize("source", ["profile", "program", "web identity", "container", "environment"])
def test_a_haul_to_s3_shows_no_secret(
    machine: Machine, source: str, tmp_path: Path, database: support.Database, s3_server: S3Server, s3_bucket: Bucket
) -> None:
    """Neither in what it prints at the most talkative, nor in arguments of it and its workers; and the server, which
    verifies signatures, takes what it signs."""
    database.execute("create table t as select g as id from generate_series(1, 1000) g")
    keys = sources_of_secrets(machine, source, tmp_path, s3_server.keys)
    machine.env |= {"AWS_ENDPOINT_URL_S3": s3_server.endpoint, "AWS_REGION": s3_server.region, "LAKEHAUL_LOG": "debug"}
    (tmp_path / "lakehaul.yaml").write_text(
        json.dumps({"project": "p", "source": database.uri, "lake": f"{s3_bucket.url}/lake", "tasks": {"t": {"table": "t"}}})
    )
    arguments, over = set(), threading.Event()

    def watch() -> None:
        while not over.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    arguments.add(path.read_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        results = [
            support.run_lakehaul("run", "--json", env=machine.env, cwd=tmp_path, expect=0),
            support.run_lakehaul("export", database.uri, "-t", "t", "-o", f"{s3_bucket.url}/t.parquet", env=machine.env, expect=0),
            support.run_lakehaul("gc", env=machine.env, cwd=tmp_path, expect=0),
            support.run_lakehaul("run", "--lake", "s3://no-such-bucket-here/lake", env=machine.env, cwd=tmp_path),
        ]
    finally:
        over.set()
        watcher.join()
    assert results[-1].returncode != 0
    assert any(b"lakehaul" in line for line in arguments)
    printed = "".join(result.stdout + result.stderr for result in results)
    for secret in filter(None, (keys.secret_key, keys.token)):
        assert secret not in printed
        assert not any(secret.encode() in line for line in arguments)


def test_a_source_that_is_dropped_during_a_run_is_one_clear_error(
    machine: Machine, tmp_path: Path, database: support.Database, s3_server: S3Server, s3_bucket: Bucket
) -> None:
    """The pod's token goes between two runs of one worker each: nothing is published, and the message says where the
    credentials came from and what to look at."""
    database.execute("create table t as select g as id from generate_series(1, 1000) g")
    server = machine.serve(ContainerCredentials, s3_server.keys)
    machine.env |= {**server.env(tmp_path / "token"), "AWS_ENDPOINT_URL_S3": s3_server.endpoint, "AWS_REGION": s3_server.region}
    (tmp_path / "lakehaul.yaml").write_text(
        json.dumps({
            "project": "p", "source": database.uri, "lake": f"{s3_bucket.url}/lake", "jobs": 1,
            "tasks": {"t": {"query": "select id, pg_sleep(0.002) is null as b from t"}},
        })
    )
    process = support.start_lakehaul("run", env=machine.env, cwd=tmp_path)
    while server.handed_out == 0:
        time.sleep(0.005)
    (tmp_path / "token").unlink()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "container credentials: the authorization token: cannot open" in stderr
    assert "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names it" in stderr
    assert not [key for key in s3_bucket.keys() if "/tables/" in key]


def mappings_with(pid: int, text: bytes) -> list[set[str]]:
    """The flags of each mapping of the process that holds `text`."""
    found = []
    flags_of: list[tuple[int, int, set[str]]] = []
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        first = line.split()[0]
        if "-" in first and ":" not in first:
            start, end = (int(part, 16) for part in first.split("-"))
        elif first == "VmFlags:":
            flags_of.append((start, end, set(line.split()[1:])))
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for start, end, flags in flags_of:
            try:
                memory.seek(start)
                if end - start < MAPPING_BYTES_MAX and text in memory.read(end - start):
                    found.append(flags)
            except (OSError, ValueError, OverflowError):
                continue
    return found


