"""The HTTP client against a server that answers as a test wants, down to the bytes of the connection."""
from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from services.environment import aws_env
from services.http_server import Exchange, HttpServer

from net_probe import probe

pytestmark = pytest.mark.asan

Answer = Callable[[Exchange], None]
MEBIBYTE = 1 << 20


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str | None]:
    none = dict.fromkeys(("CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"))
    return {**aws_env(tmp_path / "home"), **none}


@contextmanager
def serving(answer: Answer, **options: Any) -> Iterator[HttpServer]:
    with HttpServer(answer, **options) as server:
        yield server


def greet(exchange: Exchange) -> None:
    exchange.read_body()
    exchange.answer(200, b"hello")


def raw(data: bytes) -> Answer:
    def answer(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.send(data)
        exchange.close()

    return answer


def ask(server: HttpServer, env: dict[str, str | None], path: str = "/", *, options: dict[str, Any] | None = None, **request: Any) -> dict[str, Any]:
    return probe("http", [{"url": server.endpoint + path, **request}], env=env, **(options or {}))[0]


def test_one_connection_serves_requests_one_after_the_other(env: dict[str, str | None]) -> None:
    with serving(greet) as server:
        answers = probe("http", [{"url": server.endpoint + "/"}] * 50, env=env)
        assert [answer["body"] for answer in answers] == ["hello"] * 50
        assert server.connections == 1


@pytest.mark.threads
def test_threads_share_a_client_and_its_connections(env: dict[str, str | None]) -> None:
    with serving(greet) as server:
        requests = [{"url": f"{server.endpoint}/{i}", "method": "PUT", "body": f"{i}"} for i in range(200)]
        answers = probe("http", requests, env=env, threads=4)
        assert [answer["status"] for answer in answers] == [200] * 200
        assert server.connections <= 4
        assert {request.target: request.body for request in server.requests} == {f"/{i}": b"%d" % i for i in range(200)}


def test_a_connection_that_the_server_closed_meanwhile_is_no_error(env: dict[str, str | None]) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.keep_alive = True
        exchange.send_head(200, [("Content-Length", "2")])
        exchange.send(b"ok")
        exchange.close()

    with serving(answer) as server:
        requests = [{"url": server.endpoint + "/", "method": "PUT", "body": "x" * 1000}] * 5
        assert [answer.get("body") for answer in probe("http", requests, env=env)] == ["ok"] * 5
        assert all(request.body_bytes == 1000 for request in server.requests)


def test_path_and_query_go_out_byte_for_byte(env: dict[str, str | None]) -> None:
    target = "/a/../b//./c%2f%2F~!$'()*/?x=%41&uploads&y=a+b&z=="
    with serving(greet) as server:
        assert ask(server, env, target)["status"] == 200
        assert server.requests[0].target == target


@pytest.mark.parametrize(
    ("method", "body"), [("GET", 0), ("HEAD", 0), ("DELETE", 0), ("PUT", 0), ("POST", 0), ("PUT", 10), ("POST", 3 * MEBIBYTE), ("PUT", 20 * MEBIBYTE)]
)
def test_methods_send_their_bodies(env: dict[str, str | None], method: str, body: int) -> None:
    with serving(greet) as server:
        answer = ask(server, env, method=method, **({"body_size": body} if body else {}))
        request = server.requests[0]
        assert (answer["status"], request.method, request.body_bytes) == (200, method, body)
        assert request.body_sha256 == hashlib.sha256(b"x" * body).hexdigest() or method in ("GET", "HEAD", "DELETE")
        assert answer["body_size"] == (0 if method == "HEAD" else 5)
        assert request.headers.get("content-length", "0") == str(body)
        assert "content-type" not in request.headers and "transfer-encoding" not in request.headers
        assert request.headers.get("user-agent").startswith("lakehaul/")
        assert ("expect" in request.headers) == (body > MEBIBYTE)


def test_headers_are_sent_as_given_and_those_of_the_answer_read(env: dict[str, str | None]) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.answer(200, b"", {"ETag": '"a:b"', "x-empty": "", "X-Spaced": "  v v \t"})

    with serving(answer) as server:
        got = ask(server, env, headers=[["X-A", "1"], ["X-Empty", ""], ["Content-Type", "text/x"], ["X-A", "2"]])
        assert [pair for pair in server.requests[0].headers.pairs if pair[0].startswith(("X-", "Content-Type"))] == [
            ("X-A", "1"), ("X-Empty", ""), ("Content-Type", "text/x"), ("X-A", "2"),
        ]
        assert {name: value for name, value in got["headers"] if name in ("ETag", "x-empty", "X-Spaced")} == {
            "ETag": '"a:b"', "x-empty": "", "X-Spaced": "v v",
        }


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb"])
def test_a_line_break_in_a_header_is_refused(env: dict[str, str | None], value: str) -> None:
    with serving(greet) as server:
        got = ask(server, env, headers=[["X-A", value]])
        assert "line break" in got["message"] and "evil" not in got["message"].lower()
        assert not server.requests


def test_only_the_final_response_counts(env: dict[str, str | None]) -> None:
    data = b"HTTP/1.1 100 Continue\r\nX-First: 1\r\n\r\nHTTP/1.1 200 OK\r\nX-Last: 1\r\nContent-Length: 0\r\n\r\n"
    with serving(raw(data)) as server:
        names = [name for name, _ in ask(server, env)["headers"]]
        assert "X-Last" in names and "X-First" not in names


def test_chunked_bodies_are_put_together(env: dict[str, str | None]) -> None:
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nX-Trailer: t\r\n\r\n"
    with serving(raw(data)) as server:
        assert ask(server, env)["body"] == "abc0123456789"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", "the response ends early"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nabc", "the response ends early"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "the response ends early"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "the "),
        (b"", "the connection was closed without a response"),
    ],
    ids=["content-length", "chunk", "last-chunk", "headers", "nothing"],
)
def test_what_ends_early_is_worth_another_attempt(env: dict[str, str | None], data: bytes, message: str) -> None:
    with serving(raw(data)) as server:
        got = ask(server, env, "/secret-path?token=secret")
        assert (got["error"], got["class"]) == ("lake", "retryable"), got
        assert got["message"].startswith(f"127.0.0.1:{server.port}: {message}")
        assert "secret" not in got["message"]


def test_a_reset_is_worth_another_attempt(env: dict[str, str | None]) -> None:
    with serving(lambda exchange: exchange.reset()) as server:
        got = ask(server, env, method="PUT", body_size=8 * MEBIBYTE)
        assert (got["error"], got["class"]) == ("lake", "retryable"), got


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % i for i in range(1000)) + b"Content-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 2 * MEBIBYTE + b"\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"a" * 50_000) for i in range(100)) + b"Content-Length: 0\r\n\r\n",
    ],
    ids=["many", "long", "both"],
)
def test_endless_headers_are_refused(env: dict[str, str | None], data: bytes) -> None:
    with serving(raw(data)) as server:
        assert ask(server, env)["error"] == "lake"


@pytest.mark.parametrize("data", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x01\x00\x02\x02\x50", b"<html>no HTTP</html>"])
def test_other_protocols_are_refused(env: dict[str, str | None], data: bytes) -> None:
    with serving(raw(data)) as server:
        got = ask(server, env)
        assert (got["error"], got["class"]) == ("lake", "fatal"), got


def test_a_body_past_its_maximum_is_an_error(env: dict[str, str | None]) -> None:
    with serving(lambda exchange: exchange.answer(200, b"x" * 1000)) as server:
        assert ask(server, env, body_max=1000)["body_size"] == 1000
        got = ask(server, env, body_max=999)
        assert (got["error"], got["class"]) == ("lake", "fatal") and "999 bytes" in got["message"]


def test_redirects_are_not_followed(env: dict[str, str | None]) -> None:
    with serving(lambda exchange: exchange.answer(307, b"", {"Location": "/elsewhere"})) as server:
        assert ask(server, env)["status"] == 307
        assert len(server.requests) == 1


def test_a_large_body_is_not_sent_to_a_server_that_refuses_it(env: dict[str, str | None]) -> None:
    with serving(lambda exchange: exchange.answer(403, b"no")) as server:
        start = time.monotonic()
        got = ask(server, env, method="PUT", body_size=50 * MEBIBYTE)
        assert (got["status"], got["body"]) == (403, "no")
        assert time.monotonic() - start < 10


def test_a_server_that_ignores_expect_gets_the_body_a_second_later(env: dict[str, str | None]) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.request.headers.pairs[:] = [pair for pair in exchange.request.headers.pairs if pair[0] != "Expect"]
        greet(exchange)

    with serving(answer) as server:
        assert ask(server, env, method="PUT", body_size=2 * MEBIBYTE)["status"] == 200
        assert server.requests[0].body_bytes == 2 * MEBIBYTE


def stall(exchange: Exchange) -> None:
    exchange.read_body()
    time.sleep(4)
    exchange.close()


def test_a_request_has_its_time(env: dict[str, str | None]) -> None:
    with serving(stall) as server:
        start = time.monotonic()
        got = ask(server, env, timeout_ms=300)
        assert time.monotonic() - start < 3
        assert got["class"] == "retryable" and "no answer in time" in got["message"]


def test_a_transfer_that_is_too_slow_ends(env: dict[str, str | None]) -> None:
    def drip(exchange: Exchange) -> None:
        exchange.send_head(200, [("Content-Length", "1000")])
        for _ in range(40):
            exchange.send(b"x")
            time.sleep(0.1)

    with serving(drip) as server:
        start = time.monotonic()
        got = ask(server, env, options={"slow_timeout_ms": 1000})
        assert time.monotonic() - start < 4
        assert got["class"] == "retryable" and "in time" in got["message"]


def test_a_server_that_never_begins_ends_the_connecting(env: dict[str, str | None]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"https://127.0.0.1:{server.getsockname()[1]}/"
        got = probe("http", [{"url": url}], env=env, connect_timeout_ms=300)[0]
        assert got["class"] == "retryable" and "no connection in time" in got["message"]


@pytest.mark.threads
def test_a_request_can_be_cancelled(env: dict[str, str | None]) -> None:
    with serving(stall) as server:
        start = time.monotonic()
        got = ask(server, env, cancel_after_ms=200)
        assert time.monotonic() - start < 3
        assert got["error"] == "interrupted"


@pytest.mark.parametrize(
    ("url", "what", "error_class"),
    [
        ("http://127.0.0.1:1/", "no connection", "retryable"),
        ("http://no-such-host.invalid/", "the name has no address", "retryable"),
        ("ftp://127.0.0.1/x", "no server or URL of HTTP", "fatal"),
        ("file:///etc/passwd", "no server or URL of HTTP", "fatal"),
        ("http://name:password@127.0.0.1:1/", "", "fatal"),
        ("http://[::bad/", "no server or URL of HTTP", "fatal"),
    ],
)
def test_what_cannot_be_reached_is_named(env: dict[str, str | None], url: str, what: str, error_class: str) -> None:
    got = probe("http", [{"url": url}], env=env)[0]
    assert (got["error"], got["class"]) == ("lake", error_class), got
    assert what in got["message"] and "password" not in got["message"] + got["hint"]


class TestTls:
    def test_an_unknown_authority_is_fatal_and_says_how_to_name_it(self, env: dict[str, str | None], tls_certificate: Path) -> None:
        with serving(greet, certificate=str(tls_certificate)) as server:
            got = ask(server, env)
            assert (got["error"], got["class"]) == ("lake", "fatal")
            assert "certificate does not verify" in got["message"] and "AWS_CA_BUNDLE" in got["hint"]
            assert not server.requests

    @pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
    def test_an_authority_can_be_named(self, env: dict[str, str | None], tls_certificate: Path, variable: str) -> None:
        with serving(greet, certificate=str(tls_certificate)) as server:
            assert ask(server, {**env, variable: str(tls_certificate)})["body"] == "hello"

    def test_aws_names_it_before_curl_does(self, env: dict[str, str | None], tls_certificate: Path) -> None:
        with serving(greet, certificate=str(tls_certificate)) as server:
            both = {"CURL_CA_BUNDLE": "/nowhere.pem", "AWS_CA_BUNDLE": str(tls_certificate)}
            assert ask(server, {**env, **both})["body"] == "hello"

    def test_a_file_that_cannot_be_read_is_named(self, env: dict[str, str | None], tls_certificate: Path) -> None:
        with serving(greet, certificate=str(tls_certificate)) as server:
            got = ask(server, {**env, "AWS_CA_BUNDLE": "/nowhere.pem"})
            assert got["class"] == "fatal" and "/nowhere.pem" in got["message"] and "AWS_CA_BUNDLE" in got["hint"]

    def test_the_name_has_to_be_the_certificates(self, env: dict[str, str | None], tls_certificate: Path) -> None:
        with serving(greet, certificate=str(tls_certificate)) as server:
            url = f"https://127.0.0.2:{server.port}/"
            got = probe("http", [{"url": url}], env={**env, "AWS_CA_BUNDLE": str(tls_certificate)})[0]
            assert got["class"] in ("fatal", "retryable") and "error" in got
            with socket.socket() as probe_socket:
                if probe_socket.connect_ex(("127.0.0.2", server.port)) == 0:
                    assert got["class"] == "fatal"

    def test_a_server_that_speaks_no_tls_is_an_error(self, env: dict[str, str | None]) -> None:
        def answer_at_once(listener: socket.socket) -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(ConnectionError):
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass

        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=answer_at_once, args=(listener,))
            thread.start()
            port = listener.getsockname()[1]
            got = probe("http", [{"url": f"https://127.0.0.1:{port}/"}], env=env)[0]
            thread.join()
        assert got["error"] == "lake" and "TLS" in got["message"]


class TestProxy:
    def test_plain_requests_go_through_it(self, env: dict[str, str | None]) -> None:
        with serving(greet) as proxy:
            got = probe("http", [{"url": "http://far.example/a/../b?x=1"}], env={**env, "http_proxy": proxy.endpoint})[0]
            assert got["body"] == "hello"
            assert proxy.requests[0].target == "http://far.example/a/../b?x=1"

    def test_hosts_can_be_reached_without_it(self, env: dict[str, str | None]) -> None:
        with serving(greet) as server:
            proxied = {**env, "http_proxy": "http://127.0.0.1:1", "no_proxy": "127.0.0.1"}
            assert ask(server, proxied)["body"] == "hello"
            without = {**env, "http_proxy": "http://127.0.0.1:1"}
            assert ask(server, without, options={"no_proxy": True})["body"] == "hello"
            assert "error" in ask(server, without)

    @pytest.mark.parametrize(("status", "error_class"), [(407, "fatal"), (403, "fatal"), (503, "retryable")])
    def test_a_tunnel_that_is_refused_is_said_so(self, env: dict[str, str | None], status: int, error_class: str) -> None:
        with serving(lambda exchange: exchange.answer(status)) as proxy:
            address = proxy.endpoint.replace("http://", "http://name:password@")
            got = probe("http", [{"url": "https://far.example/"}], env={**env, "https_proxy": address})[0]
            assert got["class"] == error_class and f"status {status}" in got["message"]
            assert proxy.requests[0].method == "CONNECT"
            assert "password@" not in got["message"] and "secret" not in got["message"]

    def test_a_wrong_proxy_is_not_quoted(self, env: dict[str, str | None]) -> None:
        proxied = {**env, "https_proxy": "bogus://name:geheim@127.0.0.1:1"}
        got = probe("http", [{"url": "https://far.example/"}], env=proxied)[0]
        assert "error" in got and "geheim" not in got["message"] + got["hint"]
