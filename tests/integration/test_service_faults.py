"""The fault proxy and the endpoints for credentials do what their names say: seen by AWS's SDK and by bare sockets."""
from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

import boto3
import botocore.config
import pytest
import support
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError, ResponseStreamingError, SSLError
from services import faults
from services.aws_server import AwsServer
from services.credential_servers import ContainerCredentials, InstanceMetadata, SsoPortal, TokenService
from services.environment import REGION, Keys, aws_env
from services.fault_proxy import Fault, FaultProxy
from services.http_server import HttpServer
from services.s3_server import Bucket, S3Server

MEBIBYTE = 1 << 20


def proxied(server: S3Server, proxy: FaultProxy, **config: object) -> object:
    return server.client(endpoint=proxy.endpoint, **config)


def upload_twice(client: object, bucket: str, key: str = "k") -> None:
    upload = {"Bucket": bucket, "Key": key}
    upload["UploadId"] = client.create_multipart_upload(**upload)["UploadId"]
    bodies = [os.urandom(5 * MEBIBYTE), b"end"]
    parts = [
        {"PartNumber": number, "ETag": client.upload_part(**upload, PartNumber=number, Body=body)["ETag"]}
        for number, body in enumerate(bodies, 1)
    ]
    client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})


def test_signed_requests_pass_unchanged(s3_server: S3Server, s3_bucket: Bucket, s3_proxy: FaultProxy) -> None:
    client = proxied(s3_server, s3_proxy)
    body = os.urandom(3 * MEBIBYTE)
    client.put_object(Bucket=s3_bucket.name, Key="a b/ü=1&2", Body=body)
    assert client.get_object(Bucket=s3_bucket.name, Key="a b/ü=1&2")["Body"].read() == body
    assert client.head_object(Bucket=s3_bucket.name, Key="a b/ü=1&2")["ContentLength"] == len(body)
    upload_twice(client, s3_bucket.name)
    assert s3_proxy.operations() == [
        "PutObject", "GetObject", "HeadObject",
        "CreateMultipartUpload", "UploadPart", "UploadPart", "CompleteMultipartUpload",
    ]
    put = s3_proxy.requests[0]
    assert put.path == f"/{s3_bucket.name}/a b/ü=1&2"
    assert (put.body_bytes, put.body_sha256, put.status) == (len(body), hashlib.sha256(body).hexdigest(), 200)
    assert put.headers.get("authorization").startswith("AWS4-HMAC-SHA256 ")
    assert s3_proxy.saw(s3_server.keys.access_key) and not s3_proxy.saw(s3_server.keys.secret_key)
    assert s3_proxy.connections == 1, "the connection was not kept"


def test_wrong_signatures_are_refused_behind_the_proxy(s3_server: S3Server, s3_bucket: Bucket, s3_proxy: FaultProxy) -> None:
    wrong = s3_server.client(endpoint=s3_proxy.endpoint, keys=Keys(s3_server.keys.access_key, "x" * 40))
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        wrong.list_objects_v2(Bucket=s3_bucket.name)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (faults.slow_down(), 503, "SlowDown"),
        (faults.internal_error(), 500, "InternalError"),
        (faults.unavailable_without_body(), 503, "503"),
        (faults.expired_token(), 400, "ExpiredToken"),
        (faults.access_denied(), 403, "AccessDenied"),
        (faults.no_such_bucket(), 404, "NoSuchBucket"),
        (faults.conflict(), 409, "ConditionalRequestConflict"),
        (faults.precondition_failed(), 412, "PreconditionFailed"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_errors_come_as_aws_sends_them(
    s3_server: S3Server, s3_bucket: Bucket, s3_proxy: FaultProxy, fault: Fault, status: int, code: str
) -> None:
    s3_proxy.add(fault, "PutObject")
    client = proxied(s3_server, s3_proxy)
    with pytest.raises(ClientError) as error:
        client.put_object(Bucket=s3_bucket.name, Key="a", Body=b"1" * MEBIBYTE)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert error.value.response["Error"]["Code"] == code
    assert s3_bucket.keys() == [], "the request reached the server"
    client.put_object(Bucket=s3_bucket.name, Key="a", Body=b"1")
    assert [request.fault for request in s3_proxy.requests] == [fault.__name__, None]


@pytest.mark.parametrize(
    ("fault", "stored"),
    [(faults.reset_before_body(), False), (faults.reset_after_body(), False), (faults.reset_instead_of_answer(), True)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_connections_are_reset(
    s3_server: S3Server, s3_bucket: Bucket, s3_proxy: FaultProxy, fault: Fault, stored: bool
) -> None:
    s3_proxy.add(fault, "PutObject")
    with pytest.raises((ConnectionClosedError, HTTPClientError), match="reset|aborted|closed|broken"):
        proxied(s3_server, s3_proxy).put_object(Bucket=s3_bucket.name, Key="a", Body=b"1" * MEBIBYTE)
    assert s3_bucket.keys() == (["a"] if stored else [])
    assert s3_proxy.requests[-1].status is None


def test_half_an_answer(s3_server: S3Server, s3_bucket: Bucket, s3_proxy: FaultProxy) -> None:
    s3_bucket.put("a", b"1" * MEBIBYTE)
    s3_proxy.add(faults.half_answer(), "GetObject")
    client = proxied(s3_server, s3_proxy)
    with pytest.raises((ResponseStreamingError, HTTPClientError)):
        client.get_object(Bucket=s3_bucket.name, Key="a")["Body"].read()
    assert len(client.get_object(Bucket=s3_bucket.name, Key="a")["Body"].read()) == MEBIBYTE


@pytest.mark.parametrize("done", [False, True])
def test_completion_fails_with_status_200(
    s3_server: S3Server, s3_bucket: Bucket, s3_proxy: FaultProxy, done: bool
) -> None:
    fault = faults.done_but_error_in_200() if done else faults.error_in_200()
    s3_proxy.add(fault, "CompleteMultipartUpload")
    with pytest.raises(ClientError, match="InternalError"):
        upload_twice(proxied(s3_server, s3_proxy), s3_bucket.name)
    assert s3_proxy.requests[-1].status == 200
    assert (s3_bucket.keys(), len(s3_bucket.uploads())) == ((["k"], 0) if done else ([], 1))


def test_answers_drip_and_wait(s3_server: S3Server, s3_bucket: Bucket, s3_proxy: FaultProxy) -> None:
    s3_bucket.put("a", b"1" * 500)
    client = proxied(s3_server, s3_proxy)
    s3_proxy.add(faults.drip(bytes_per_second=1000), "GetObject")
    s3_proxy.add(faults.delay(0.5), "HeadObject")
    start = time.monotonic()
    assert len(client.get_object(Bucket=s3_bucket.name, Key="a")["Body"].read()) == 500
    assert 0.4 < time.monotonic() - start < 30
    start = time.monotonic()
    client.head_object(Bucket=s3_bucket.name, Key="a")
    assert 0.5 < time.monotonic() - start < 30


def test_rules_choose_requests(s3_server: S3Server, s3_bucket: Bucket, s3_proxy: FaultProxy) -> None:
    second = s3_proxy.add(faults.slow_down(), "UploadPart", query=r"\bpartNumber=2\b")
    never = s3_proxy.add(faults.slow_down(), method="PUT", path="/other/")
    later = s3_proxy.add(faults.access_denied(), "GetObject", skip=1, times=None)
    client = proxied(s3_server, s3_proxy)
    with pytest.raises(ClientError, match="SlowDown"):
        upload_twice(client, s3_bucket.name)
    upload_twice(client, s3_bucket.name, "again")
    client.get_object(Bucket=s3_bucket.name, Key="again")["Body"].read()
    for _ in range(2):
        with pytest.raises(ClientError, match="AccessDenied"):
            client.get_object(Bucket=s3_bucket.name, Key="again")
    assert (second.met, never.met, later.met) == (1, 0, 2)
    s3_proxy.clear()
    client.get_object(Bucket=s3_bucket.name, Key="again")["Body"].read()


def test_buckets_of_another_region_are_told(s3_server: S3Server, s3_bucket: Bucket, s3_proxy: FaultProxy) -> None:
    """boto3 signs anew for the region it is told."""
    s3_proxy.add(faults.signed_for_other_region("us-west-2"), "ListObjectsV2")
    s3_proxy.add(faults.plain_answer(200, b"<ListBucketResult/>"), "ListObjectsV2")
    proxied(s3_server, s3_proxy).list_objects_v2(Bucket=s3_bucket.name)
    first, second = (request.headers.get("authorization") for request in s3_proxy.matching("ListObjectsV2"))
    assert f"/{REGION}/s3/" in first and "/us-west-2/s3/" in second


def test_a_server_with_another_clock(
    s3_server: S3Server, s3_bucket: Bucket, s3_proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refuses what this machine's clock signs; what is signed by its own clock passes, and was verified behind it."""
    ahead = timedelta(hours=3)
    s3_proxy.add(faults.other_clock(ahead, s3_server.keys), times=None)
    with pytest.raises(ClientError, match="RequestTimeTooSkewed"):
        proxied(s3_server, s3_proxy).put_object(Bucket=s3_bucket.name, Key="a", Body=b"1")
    request = AWSRequest("PUT", f"{s3_proxy.endpoint}/{s3_bucket.name}/b", data=b"2")
    with monkeypatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: datetime.now(timezone.utc) + ahead)
        S3SigV4Auth(Credentials(s3_server.keys.access_key, s3_server.keys.secret_key), "s3", REGION).add_auth(request)
    urllib.request.urlopen(
        urllib.request.Request(request.url, method="PUT", data=b"2", headers=dict(request.headers)), timeout=10
    )
    assert (s3_bucket.keys(), s3_bucket.get("b")) == (["b"], b"2")


def test_temporary_keys(s3_server: S3Server, s3_bucket: Bucket, s3_proxy: FaultProxy) -> None:
    given = Keys(token="a/session+token==")
    s3_proxy.add(faults.temporary_keys(given, s3_server.keys), times=None)
    s3_server.client(endpoint=s3_proxy.endpoint, keys=given).put_object(Bucket=s3_bucket.name, Key="a b=ü", Body=b"1")
    assert s3_bucket.get("a b=ü") == b"1"
    for wrong, code in [
        (Keys(given.access_key, given.secret_key, "another"), "InvalidToken"),
        (Keys(given.access_key, given.secret_key), "InvalidToken"),
        (Keys(given.access_key, "x" * 40, given.token), "SignatureDoesNotMatch"),
        (Keys(token=given.token), "SignatureDoesNotMatch"),
    ]:
        with pytest.raises(ClientError, match=code):
            s3_server.client(endpoint=s3_proxy.endpoint, keys=wrong).list_objects_v2(Bucket=s3_bucket.name)


def test_faults_of_glue(aws_server: AwsServer, aws_proxy: FaultProxy) -> None:
    glue = aws_server.client("glue", endpoint=aws_proxy.endpoint)
    glue.create_database(DatabaseInput={"Name": "shop"})
    aws_proxy.add(faults.json_error("ConcurrentModificationException", "too many"), "GetDatabase")
    aws_proxy.add(faults.json_answer({}), "CreatePartitionIndex")
    with pytest.raises(ClientError, match="ConcurrentModificationException.*: too many"):
        glue.get_database(Name="shop")
    assert glue.get_database(Name="shop")["Database"]["Name"] == "shop"
    glue.create_partition_index(DatabaseName="shop", TableName="t", PartitionIndex={"Keys": ["a"], "IndexName": "i"})
    role = {"RoleArn": "arn:aws:iam::123456789012:role/lake", "RoleSessionName": "test"}
    aws_server.client("sts", endpoint=aws_proxy.endpoint).assume_role(**role)
    assert aws_proxy.operations() == ["CreateDatabase", "GetDatabase", "GetDatabase", "CreatePartitionIndex", "AssumeRole"]


def test_tls(s3_server: S3Server, s3_bucket: Bucket, tls_certificate: Path) -> None:
    with FaultProxy(s3_server.endpoint, certificate=str(tls_certificate)) as proxy:
        assert proxy.endpoint.startswith("https://")
        session = boto3.session.Session()
        options = {
            "endpoint_url": proxy.endpoint, "region_name": REGION,
            "aws_access_key_id": s3_server.keys.access_key, "aws_secret_access_key": s3_server.keys.secret_key,
            "config": botocore.config.Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, proxies={}),
        }
        session.client("s3", verify=str(tls_certificate), **options).list_objects_v2(Bucket=s3_bucket.name)
        with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
            session.client("s3", **options).list_objects_v2(Bucket=s3_bucket.name)
        assert proxy.operations() == ["ListObjectsV2"]


def sdk_keys(env: dict[str, str | None]) -> Keys:
    """The keys that AWS's SDK finds in an environment."""
    program = (
        "import boto3; found = boto3.session.Session().get_credentials().get_frozen_credentials();"
        "print(found.access_key, found.secret_key, found.token)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], env=support.clean_environment(env), capture_output=True, encoding="utf-8",
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return Keys(*result.stdout.split())


def test_instance_metadata_gives_keys_to_the_sdk(tmp_path: Path) -> None:
    keys = Keys(token="session/token+==")
    with InstanceMetadata(keys) as metadata:
        assert sdk_keys({**aws_env(tmp_path), **metadata.env()}) == keys
        assert [request.method for request in metadata.requests] == ["PUT", "GET", "GET"]
        assert metadata.handed_out == 1


def test_container_endpoint_gives_keys_to_the_sdk(tmp_path: Path) -> None:
    keys = Keys(token="session/token+==")
    with ContainerCredentials(keys) as container:
        assert sdk_keys({**aws_env(tmp_path / "1"), **container.env()}) == keys
        env = {**aws_env(tmp_path / "2"), **container.env(token_file=tmp_path / "token")}
        assert sdk_keys(env) == keys


def test_sso_portal_gives_keys_to_the_sdk(tmp_path: Path) -> None:
    keys = Keys(token="session/token+==")
    with SsoPortal(keys) as portal:
        env = aws_env(tmp_path)
        cache = tmp_path / ".aws" / "sso" / "cache"
        cache.mkdir(parents=True)
        (tmp_path / ".aws" / "config").write_text(portal.config())
        (cache / f"{hashlib.sha1(portal.session.encode()).hexdigest()}.json").write_text(portal.cache())
        assert sdk_keys({**env, **portal.env()}) == keys


@pytest.mark.parametrize("way", ["web identity", "role"])
def test_token_service_gives_keys_to_the_sdk(tmp_path: Path, way: str) -> None:
    keys = Keys(token="session/token+==")
    with TokenService(keys) as service:
        env = {**aws_env(tmp_path), **service.env(), "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
        if way == "web identity":
            (tmp_path / "jwt").write_text("header.payload.signature")
            env["AWS_WEB_IDENTITY_TOKEN_FILE"] = str(tmp_path / "jwt")
            env["AWS_ROLE_ARN"] = "arn:aws:iam::123456789012:role/lake"
        else:
            (tmp_path / ".aws").mkdir()
            (tmp_path / ".aws" / "config").write_text(
                "[default]\nrole_arn = arn:aws:iam::123456789012:role/lake\nsource_profile = base\n"
                "[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = base\n"
            )
        assert sdk_keys(env) == keys
        assert "role%2Flake" in service.requests[0].body.decode()


def test_a_failing_test_server_is_noticed() -> None:
    def broken(_: object) -> None:
        raise ValueError("a mistake of the test's own")

    server = HttpServer(broken)
    subprocess.run(["python3", "-c", f"import socket; s = socket.create_connection(('127.0.0.1', {server.port}));"
                    " s.sendall(b'GET / HTTP/1.1\\r\\n\\r\\n'); s.recv(1)"], check=False)
    with pytest.raises(ValueError, match="own"):
        server.stop()
