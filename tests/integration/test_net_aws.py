"""The AWS client before a server that verifies signatures, with the faults of networks and clouds between."""
from __future__ import annotations

import json
import ssl
import subprocess
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import support
from services import faults
from services.environment import REGION, Keys
from services.fault_proxy import Fault, FaultProxy, Passage
from services.http_server import Exchange, HttpServer
from services.s3_server import Bucket, S3Server

from net_probe import probe

Env = dict[str, str | None]


@pytest.fixture
def proxied_env(s3_env: Env, s3_server: S3Server, s3_proxy: FaultProxy) -> Env:
    return {**s3_env, **s3_server.env(endpoint=s3_proxy.endpoint)}


def send(env: Env, *requests: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    return probe("aws", list(requests), env=env, service="s3", **options)


def put(bucket: Bucket, key: str = "k", body: str = "value", **more: Any) -> dict[str, Any]:
    return {"method": "PUT", "url": f"/{bucket.name}/{key}", "body": body, "action": f"put object {key}", **more}


def test_objects_are_written_read_listed_and_deleted(s3_env: Env, s3_bucket: Bucket) -> None:
    key = "%20a%2Bb/%C3%BC%3D%26%3F%25//../."
    path = f"/{s3_bucket.name}/{key}"
    written, read, listed, deleted, gone = send(
        s3_env,
        {"method": "PUT", "url": path, "body_size": 20_000_000, "headers": [["x-amz-meta-a", "b  c"], ["Content-Type", "x/y"]]},
        {"url": path, "headers": [["Range", "bytes=5-9"]]},
        {"url": f"/{s3_bucket.name}?list-type=2&prefix=%20a%2Bb%2F&delimiter=%2F&max-keys=5"},
        {"method": "DELETE", "url": path},
        {"method": "HEAD", "url": path, "accepted": [404]},
    )
    assert [a["status"] for a in (written, read, listed, deleted, gone)] == [200, 206, 200, 204, 404]
    assert (read["body"], written["attempts"]) == ("xxxxx", 1)
    assert "<Prefix> a+b/</Prefix>" in listed["body"]


@pytest.mark.threads
def test_threads_share_a_client(s3_env: Env, s3_bucket: Bucket) -> None:
    answers = send(s3_env, *[put(s3_bucket, f"k{i}", f"v{i}") for i in range(40)], threads=4)
    assert [answer["status"] for answer in answers] == [200] * 40
    assert all(s3_bucket.get(f"k{i}") == b"v%d" % i for i in range(40))


PASSING: list[tuple[Fault, int]] = [
    (faults.slow_down(), 2),
    (faults.internal_error(), 2),
    (faults.unavailable_without_body(), 2),
    (faults.request_timeout(), 2),
    (faults.reset_before_body(), 2),
    (faults.reset_after_body(), 2),
    (faults.reset_instead_of_answer(), 2),
    (faults.plain_answer(502, b"<html>bad gateway</html>"), 2),
    (faults.plain_answer(429), 2),
    (faults.plain_answer(500, b"\x00" * 200_000), 2),
    (faults.moved_to_region(REGION), 1),
    (faults.signed_for_other_region(REGION), 1),
]


@pytest.mark.asan
@pytest.mark.parametrize(("fault", "times"), PASSING, ids=lambda value: getattr(value, "__name__", str(value)))
def test_what_passes_is_sent_again(proxied_env: Env, s3_bucket: Bucket, s3_proxy: FaultProxy, fault: Fault, times: int) -> None:
    s3_proxy.add(fault, times=times)
    region = {"AWS_REGION": "us-west-2"} if "region" in fault.__name__ else {}
    answer = send({**proxied_env, **region}, put(s3_bucket))[0]
    assert (answer.get("status"), answer["attempts"]) == (200, times + 1), answer
    assert s3_bucket.get("k") == b"value"
    dates = [request.headers.get("authorization") for request in s3_proxy.requests]
    assert len(dates) == times + 1


def test_half_of_an_object_is_not_taken_for_it(proxied_env: Env, s3_bucket: Bucket, s3_proxy: FaultProxy) -> None:
    s3_bucket.put("k", b"x" * 100_000)
    s3_proxy.add(faults.half_answer(), "GetObject", times=2)
    answer = send(proxied_env, {"url": f"/{s3_bucket.name}/k"})[0]
    assert (answer["status"], answer["attempts"], answer["body_size"]) == (200, 3, 100_000)


@pytest.mark.asan
@pytest.mark.parametrize(
    ("fault", "code", "said", "hint"),
    [
        (faults.access_denied(), "AccessDenied", "credentials of environment variables", "permission"),
        (faults.no_such_bucket(), "NoSuchBucket", "does not exist", ""),
        (faults.conflict(), "ConditionalRequestConflict", "conflict", ""),
        (faults.precondition_failed(), "PreconditionFailed", "did not hold", ""),
        (faults.no_such_upload(), "NoSuchUpload", "does not exist", ""),
        (faults.moved_to_region("no region!"), "PermanentRedirect", "specified endpoint", "check the region"),
        (faults.plain_answer(418, b"<html>tea"), "", "HTTP status 418", ""),
        (faults.plain_answer(403), "", "HTTP status 403", "permission"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_does_not_pass_is_told_once(
    proxied_env: Env, s3_bucket: Bucket, s3_proxy: FaultProxy, fault: Fault, code: str, said: str, hint: str
) -> None:
    s3_proxy.add(fault, times=None)
    answer = send(proxied_env, put(s3_bucket))[0]
    assert (answer["error"], answer["aws_code"], answer["attempts"]) == ("lake", code, 1), answer
    assert answer["message"].startswith("put object k: ") and said in answer["message"]
    assert hint in answer["hint"]


def test_attempts_end(proxied_env: Env, s3_bucket: Bucket, s3_proxy: FaultProxy) -> None:
    s3_proxy.add(faults.slow_down(), times=None)
    answer = send(proxied_env, put(s3_bucket, max_attempts=3))[0]
    assert (answer["class"], answer["attempts"], answer["aws_code"]) == ("retryable", 3, "SlowDown")
    assert answer["message"].endswith("(3 attempts)") and "later" in answer["hint"]


def test_accepted_statuses_bring_their_document(proxied_env: Env, s3_bucket: Bucket) -> None:
    missing, no_bucket, small = send(
        proxied_env,
        {"url": f"/{s3_bucket.name}/k", "accepted": [404]},
        {"url": "/no-such-bucket-at-all/k", "accepted": [404]},
        {"url": f"/{s3_bucket.name}/k", "accepted": [404], "body_max": 10},
    )
    assert "<Code>NoSuchKey</Code>" in missing["body"] and "<Code>NoSuchBucket</Code>" in no_bucket["body"]
    assert small["body_size"] == 10


def test_the_service_may_ask_for_time(proxied_env: Env, s3_bucket: Bucket, s3_proxy: FaultProxy) -> None:
    s3_proxy.add(faults.plain_answer(503, b"", {"Retry-After": "1"}))
    assert send(proxied_env, put(s3_bucket))[0]["attempts"] == 2
    first, second = s3_proxy.requests
    assert second.time - first.time >= 1
    assert first.headers.get("authorization") != second.headers.get("authorization"), "it was not signed anew"


@pytest.mark.parametrize("body", ["", "<CompleteMultipartUploadResult/>", '<?xml version="1.0"?>\n<CopyObjectResult><ETag>1</ETag></CopyObjectResult>'])
def test_a_success_without_an_error_in_it_is_one(aws_home: Env, body: str) -> None:
    with fixed_server(200, body.encode()) as (server, env):
        assert send({**aws_home, **env}, {"method": "POST", "url": "/b/k", "error_in_success": True})[0]["body"] == body
        assert len(server.requests) == 1


@pytest.mark.parametrize("fault", [faults.error_in_200(), faults.plain_answer(200, b"<CompleteMultipartUploadResult><ETag>"), faults.plain_answer(200, b"   \n")], ids=["error", "half", "blanks"])
def test_an_error_in_a_success_is_none(proxied_env: Env, s3_bucket: Bucket, s3_proxy: FaultProxy, fault: Fault) -> None:
    s3_proxy.add(fault, times=2)
    answer = send(proxied_env, put(s3_bucket, error_in_success=True))[0]
    assert (answer["status"], answer["attempts"]) == (200, 3)
    s3_proxy.add(fault, times=None)
    answer = send(proxied_env, put(s3_bucket, error_in_success=True, max_attempts=2))[0]
    assert (answer["class"], answer["http_status"]) == ("retryable", 500)


class TestClock:
    @pytest.mark.parametrize("hours", [-3, 5])
    @pytest.mark.parametrize("method", ["PUT", "HEAD"])
    def test_a_wrong_clock_is_corrected_for_good(
        self, proxied_env: Env, s3_server: S3Server, s3_bucket: Bucket, s3_proxy: FaultProxy, hours: int, method: str
    ) -> None:
        s3_bucket.put("k", b"v")
        s3_proxy.add(faults.other_clock(timedelta(hours=hours), s3_server.keys), times=None)
        request = {"method": method, "url": f"/{s3_bucket.name}/k", **({"body": "x"} if method == "PUT" else {})}
        answers = send(proxied_env, request, request)
        assert [(answer["status"], answer["attempts"]) for answer in answers] == [(200, 2), (200, 1)]

    def test_a_clock_that_stays_wrong_is_told(self, aws_home: Env) -> None:
        body = b"<Error><Code>RequestTimeTooSkewed</Code><Message>too large</Message></Error>"
        with fixed_server(403, body, {"Date": "Mon, 01 Jan 2024 00:00:00 GMT"}) as (server, env):
            answer = send({**aws_home, **env}, {"url": "/b/k"})[0]
            assert answer["aws_code"] == "RequestTimeTooSkewed" and len(server.requests) == 2
            assert server.requests[1].headers.get("x-amz-date").startswith("20240101T0000")

    @pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Jan 2024 00:00:00 GMT"])
    def test_a_date_that_is_none_changes_nothing(self, aws_home: Env, date: str) -> None:
        body = b"<Error><Code>RequestTimeTooSkewed</Code><Message>too large</Message></Error>"
        with fixed_server(403, body, {"Date": date}) as (server, env):
            assert send({**aws_home, **env}, {"url": "/b/k"})[0]["attempts"] == 1


class TestCredentials:
    def test_a_session_token_is_signed(self, aws_home: Env, s3_server: S3Server, s3_bucket: Bucket, s3_proxy: FaultProxy) -> None:
        given = Keys(token="FwoGZXIvYXdzE+/=" * 20)
        s3_proxy.add(faults.temporary_keys(given, s3_server.keys), times=None)
        env = {**aws_home, **s3_server.env(endpoint=s3_proxy.endpoint, keys=given)}
        assert send(env, put(s3_bucket))[0]["status"] == 200
        assert s3_bucket.get("k") == b"value"

    @pytest.mark.parametrize("method", ["PUT", "HEAD"])
    def test_an_expired_token_is_renewed_once(self, proxied_env: Env, s3_bucket: Bucket, s3_proxy: FaultProxy, method: str) -> None:
        expired = faults.expired_token() if method == "PUT" else faults.plain_answer(400)
        s3_proxy.add(expired, times=None)
        env = {**proxied_env, "AWS_SESSION_TOKEN": "old-session-token"}
        answer = send(env, {"method": method, "url": f"/{s3_bucket.name}/k"})[0]
        assert (answer["attempts"], answer["http_status"]) == (2, 400)
        if method == "PUT":
            assert answer["class"] == "credentials" and "has expired" in answer["hint"]

    def test_wrong_keys_are_told_with_their_source(self, s3_env: Env, s3_bucket: Bucket) -> None:
        secret = "wrong+secret/" * 3
        unknown = send({**s3_env, "AWS_ACCESS_KEY_ID": "AKIAUNKNOWNUNKNOWN12"}, put(s3_bucket))[0]
        wrong = send({**s3_env, "AWS_SECRET_ACCESS_KEY": secret}, put(s3_bucket))[0]
        assert (unknown["aws_code"], wrong["aws_code"]) == ("InvalidAccessKeyId", "SignatureDoesNotMatch")
        for answer in (unknown, wrong):
            assert answer["class"] == "credentials" and answer["attempts"] == 1
            assert "environment variables" in answer["message"] and answer["hint"]
            assert secret not in json.dumps(answer)

    @pytest.mark.asan
    @pytest.mark.parametrize("kind", ["xml", "json"])
    def test_nothing_secret_that_a_service_quotes_is_told(self, aws_home: Env, kind: str) -> None:
        keys = Keys(token="session+token/quoted=")

        def quote(exchange: Exchange) -> None:
            exchange.read_body()
            authorization = exchange.request.headers.get("authorization")
            said = f"you sent {keys.token} with Authorization={authorization}"
            said += f" The Canonical String for this request should have been x-amz-security-token:{keys.token}"
            if kind == "xml":
                body = f"<Error><Code>AccessDenied</Code><Message>{said}</Message><StringToSign>{authorization}</StringToSign></Error>"
            else:
                body = json.dumps({"__type": "a#AccessDeniedException", "Message": said})
            exchange.answer(403, body.encode())

        with HttpServer(quote) as server:
            env = {**aws_home, **keys.env(), "AWS_REGION": REGION, "AWS_ENDPOINT_URL": server.endpoint}
            answer = send(env, {"url": "/b/k?X-Amz-Signature=0123456789abcdef"})[0]
            told = answer["message"] + answer["hint"]
            assert "you sent" in told
            signature = server.requests[0].headers.get("authorization").rpartition("=")[2]
            assert not any(text in told for text in (keys.secret_key, keys.token, signature, "0123456789abcdef"))


@pytest.mark.asan
class TestJson:
    def call(self, env: Env, target: str, given: dict[str, Any] | None = None, service: str = "glue") -> dict[str, Any]:
        return probe("aws", [{"target": target, "input": given or {}}], env=env, service=service)[0]

    def test_moto_takes_the_calls(self, aws_services_env: Env) -> None:
        made = self.call(aws_services_env, "AWSGlue.CreateDatabase", {"DatabaseInput": {"Name": "d"}})
        got = self.call(aws_services_env, "AWSGlue.GetDatabase", {"Name": "d"})
        assert made["output"] == {} and got["output"]["Database"]["Name"] == "d"

    def test_an_exception_has_its_bare_name(self, aws_services_env: Env) -> None:
        answer = self.call(aws_services_env, "AWSGlue.GetTable", {"DatabaseName": "d", "Name": "t"})
        assert answer["aws_code"] == "EntityNotFoundException" and answer["class"] == "fatal"
        assert answer["message"].startswith("GetTable: ")

    @pytest.mark.parametrize(
        "fault",
        [
            faults.json_error("ThrottlingException", "Rate exceeded"),
            faults.json_error("OperationTimeoutException"),
            faults.json_error("InternalServiceException", status=500),
            faults.plain_answer(400, b"", {"x-amzn-ErrorType": "ThrottlingException:http://internal.amazon.com/coral/"}),
            faults.reset_instead_of_answer(),
        ],
        ids=["throttled", "timeout", "internal", "header", "reset"],
    )
    def test_what_passes_is_called_again(self, aws_services_env: Env, aws_server: Any, aws_proxy: FaultProxy, fault: Fault) -> None:
        aws_proxy.add(fault, "GetDatabases", times=2)
        env = {**aws_services_env, **aws_server.env(endpoint=aws_proxy.endpoint)}
        assert "output" in self.call(env, "AWSGlue.GetDatabases")
        assert len(aws_proxy.matching("GetDatabases")) == 3

    def test_a_wrong_clock_is_corrected(self, aws_services_env: Env, aws_server: Any, aws_proxy: FaultProxy) -> None:
        def skewed(passage: Passage) -> None:
            passage.exchange.read_body()
            body = {"__type": "InvalidSignatureException", "message": "Signature not yet current: x is still later than y"}
            passage.exchange.answer(400, json.dumps(body).encode(), {"Date": "Mon, 01 Jan 2024 00:00:00 GMT"})

        aws_proxy.add(skewed)
        env = {**aws_services_env, **aws_server.env(endpoint=aws_proxy.endpoint)}
        assert "output" in self.call(env, "AWSGlue.GetDatabases")
        assert aws_proxy.requests[1].headers.get("x-amz-date").startswith("20240101")

    @pytest.mark.parametrize("body", [b"<html>", b"{", b"\xff\xfe", b'{"a": "\\ud800"}'])
    def test_an_answer_that_is_no_json_is_an_error(self, aws_home: Env, body: bytes) -> None:
        with fixed_server(200, body) as (_, env):
            answer = self.call({**aws_home, **env}, "AWSGlue.GetDatabases")
            assert "the answer is no JSON" in answer["message"]


class TestRegionAndEndpoint:
    def test_the_buckets_region_is_learnt(self, s3_env: Env, s3_bucket: Bucket) -> None:
        for method in ("PUT", "HEAD"):
            first, second = send({**s3_env, "AWS_REGION": "us-west-2"}, put(s3_bucket), {"method": method, "url": f"/{s3_bucket.name}/k"})
            assert [(a["status"], a["attempts"], a["region"]) for a in (first, second)] == [(200, 2, REGION), (200, 1, REGION)]

    def test_a_region_that_changes_with_every_answer_ends(self, proxied_env: Env, s3_bucket: Bucket, s3_proxy: FaultProxy) -> None:
        s3_proxy.add(faults.moved_to_region("eu-west-1"))
        s3_proxy.add(faults.moved_to_region("eu-west-2"))
        answer = send(proxied_env, put(s3_bucket))[0]
        assert (answer["aws_code"], answer["attempts"]) == ("PermanentRedirect", 2)
        assert "set the region eu-west-2" in answer["hint"]

    @pytest.mark.parametrize(
        ("service", "env", "message"),
        [
            ("glue", {}, "no AWS region is known for glue"),
            ("glue", {"AWS_REGION": "Frankfurt am Main"}, "is no name of an AWS region"),
            ("s3", {"AWS_ENDPOINT_URL_S3": "s3.example.com"}, "is no URL of a server"),
            ("s3", {"AWS_ENDPOINT_URL_S3": "https://s3.example.com/path"}, "is no URL of a server"),
            ("s3", {"AWS_ENDPOINT_URL_S3": "https://"}, "is no URL of a server"),
            ("s3", {"AWS_ENDPOINT_URL_S3": "https://name:geheim@s3.example.com"}, "may not hold a name or password"),
        ],
    )
    def test_what_cannot_be_is_refused_at_once(self, aws_home: Env, service: str, env: Env, message: str) -> None:
        keys = Keys().env()
        with pytest.raises(RuntimeError, match=message) as refused:
            probe("aws", [], env={**aws_home, **keys, **env}, service=service)
        assert "geheim" not in str(refused.value)

    def test_a_wrong_endpoint_is_named(self, s3_env: Env, s3_bucket: Bucket) -> None:
        answer = send({**s3_env, "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1/"}, put(s3_bucket, max_attempts=2))[0]
        assert answer["message"].startswith("put object k: 127.0.0.1:1: no connection") and "endpoint" in answer["hint"]


@pytest.mark.threads
class TestCancellation:
    """By the request's own flag or the client's, during a transfer and between attempts."""

    @pytest.mark.parametrize("whose", ["request", "client"])
    @pytest.mark.parametrize("when", ["transfer", "pause"])
    def test_it_ends_a_request(self, aws_home: Env, whose: str, when: str) -> None:
        def answer(exchange: Exchange) -> None:
            exchange.read_body()
            if when == "transfer":
                time.sleep(5)
                exchange.close()
            exchange.answer(503, b"", {"Retry-After": "15"})

        with HttpServer(answer) as server:
            env = {**aws_home, **Keys().env(), "AWS_REGION": REGION, "AWS_ENDPOINT_URL": server.endpoint}
            in_a_moment = {"cancel_after_ms": 300}
            start = time.monotonic()
            got = send(env, {"url": "/b/k", **(in_a_moment if whose == "request" else {})}, **(in_a_moment if whose == "client" else {}))
            assert got[0]["error"] == "interrupted"
            assert time.monotonic() - start < 4


class Tunnel(HttpServer):
    """An HTTPS proxy that plays all of AWS: buckets are in eu-west-3, whichever region is asked first."""

    NAMES = ("s3.us-east-1", "*.s3.us-east-1", "s3.eu-west-3", "*.s3.eu-west-3")

    def __init__(self, directory: Path) -> None:
        self.certificate = directory / "amazonaws.pem"
        self.hosts: list[str] = []
        key = directory / "key.pem"
        subprocess.run(
            [
                support.require_tool("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=aws",
                "-addext", "subjectAltName=" + ",".join(f"DNS:{name}.amazonaws.com" for name in self.NAMES),
                "-keyout", key, "-out", self.certificate,
            ],
            check=True, capture_output=True,
        )
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(self.certificate, key)
        super().__init__(self._connect)

    def _connect(self, exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\n\r\n")
        with self._tls.wrap_socket(exchange._socket, server_side=True) as connection:
            reader = connection.makefile("rb")
            while line := reader.readline():
                lines = [line]
                while (line := reader.readline()).strip():
                    lines.append(line)
                host = next(line.split()[1].decode() for line in lines if line.lower().startswith(b"host:"))
                self.hosts.append(host)
                scope = next(line.decode() for line in lines if line.startswith(b"Authorization:"))
                if ".eu-west-3." in host and "/eu-west-3/s3/" in scope:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                else:
                    connection.sendall(b"HTTP/1.1 301 Moved\r\nx-amz-bucket-region: eu-west-3\r\nContent-Length: 0\r\n\r\n")
        exchange.close()


@pytest.mark.parametrize("place", ["https://bucket.s3.us-east-1.amazonaws.com/k", "https://s3.us-east-1.amazonaws.com/bucket/k"])
def test_requests_go_to_the_endpoint_of_the_buckets_region(aws_home: Env, tmp_path: Path, place: str) -> None:
    with Tunnel(tmp_path) as tunnel:
        env = {**aws_home, **Keys().env(), "https_proxy": tunnel.endpoint, "AWS_CA_BUNDLE": str(tunnel.certificate)}
        answers = send(env, {"url": place}, {"url": place, "method": "HEAD"})
        assert [(a.get("status"), a["attempts"], a["region"]) for a in answers] == [(200, 2, "eu-west-3"), (200, 1, "eu-west-3")]
        first = place.split("/")[2]
        there = first.replace("us-east-1", "eu-west-3")
        assert tunnel.hosts == [first, there, there]


class fixed_server:
    """Answers every request alike; with it comes the environment of a client of it."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        def answer(exchange: Exchange) -> None:
            exchange.read_body()
            exchange.answer(status, body, headers)

        self._server = HttpServer(answer)

    def __enter__(self) -> tuple[HttpServer, Env]:
        env = {**Keys().env(), "AWS_REGION": REGION, "AWS_ENDPOINT_URL": self._server.endpoint}
        return self._server, env

    def __exit__(self, *_: object) -> None:
        self._server.stop()
