"""A proxy that stands as an endpoint before an S3 server or moto and makes the faults of networks and clouds where a
test wants them. Requests pass as they are, the Host header too, so that signatures hold behind it."""
from __future__ import annotations

import contextlib
import http.client
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from services.http_server import CHUNK_BYTES, Exchange, HttpServer, Request

UPSTREAM_TIMEOUT_SECONDS = 60
HOP_BY_HOP = ("connection", "keep-alive", "expect", "transfer-encoding")

Fault = Callable[["Passage"], None]
"""Answers the request in its own way; faults.py has them. Its name is noted in the requests that met it."""


class Passage:
    """What a fault gets: the exchange with the client, and the server behind."""

    def __init__(self, exchange: Exchange, upstream: http.client.HTTPConnection) -> None:
        self.exchange = exchange
        self.request = exchange.request
        self._upstream = upstream

    def ask(self, headers: list[tuple[str, str]] | None = None) -> http.client.HTTPResponse:
        """The server's answer, whose body has not been read."""
        body = self.exchange.read_body()
        try:
            return self._send(body, headers)
        except (http.client.RemoteDisconnected, ConnectionError, http.client.CannotSendRequest):
            self._upstream.close()  # it had been idle for too long
            return self._send(body, headers)

    def _send(self, body: bytes, headers: list[tuple[str, str]] | None) -> http.client.HTTPResponse:
        request, upstream = self.request, self._upstream
        upstream.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers if headers is not None else request.headers.pairs:
            if name.lower() not in HOP_BY_HOP:
                upstream.putheader(name, value)
        if body and "content-length" not in request.headers:
            upstream.putheader("Content-Length", str(len(body)))
        upstream.endheaders(body or None)
        return upstream.getresponse()

    def relay(self, answer: http.client.HTTPResponse, *, share: float = 1, bytes_per_second: float | None = None) -> None:
        """Hands the server's answer on; with a `share` below 1 the connection ends after that part of the body."""
        exchange = self.exchange
        size_bytes = answer.length
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP]
        if size_bytes is None and exchange.request.method != "HEAD":
            body = answer.read()
            size_bytes = len(body)
            headers.append(("Content-Length", str(size_bytes)))
            chunks: Iterator[bytes] = iter([body])
        else:
            chunks = iter(lambda: answer.read(CHUNK_BYTES), b"")
        exchange.send_head(answer.status, headers, answer.reason)
        left = int((size_bytes or 0) * share)
        for chunk in chunks:
            self._send_slowly(chunk[:left], bytes_per_second)
            left -= min(left, len(chunk))
            if share < 1 and left == 0:
                break
        if share < 1:
            self._upstream.close()
            exchange.close()

    def _send_slowly(self, data: bytes, bytes_per_second: float | None) -> None:
        if not bytes_per_second:
            self.exchange.send(data)
            return
        step = max(1, int(bytes_per_second / 10))
        for start in range(0, len(data), step):
            self.exchange.send(data[start : start + step])
            time.sleep(step / bytes_per_second)

    def pass_on(self) -> None:
        self.relay(self.ask())


@dataclass
class Rule:
    fault: Fault
    operation: str | None
    method: str | None
    path: re.Pattern[str] | None
    query: re.Pattern[str] | None
    where: Callable[[Request], bool] | None
    skip: int
    times: int | None
    met: int = 0
    """How many requests it was applied to."""

    def matches(self, request: Request) -> bool:
        return (
            (self.operation is None or request.operation == self.operation)
            and (self.method is None or request.method == self.method)
            and (self.path is None or self.path.search(request.path) is not None)
            and (self.query is None or self.query.search(request.target.partition("?")[2]) is not None)
            and (self.where is None or self.where(request))
        )


class FaultProxy(HttpServer):
    """Passes everything on until rules are added."""

    def __init__(self, upstream: str, certificate: str | None = None) -> None:
        self.upstream = upstream
        self._rules: list[Rule] = []
        self._rules_lock = threading.Lock()
        super().__init__(self._handle, certificate)

    def add(
        self,
        fault: Fault,
        operation: str | None = None,
        *,
        method: str | None = None,
        path: str | None = None,
        query: str | None = None,
        where: Callable[[Request], bool] | None = None,
        skip: int = 0,
        times: int | None = 1,
    ) -> Rule:
        """`fault` meets requests that match all of: the operation by AWS's name (UploadPart, GetTable), the method,
        regular expressions for path and query, a function; but for the first `skip`, and `times` of them (None: all).
        The first rule that matches and is not used up counts."""
        rule = Rule(
            fault, operation, method, re.compile(path) if path else None, re.compile(query) if query else None, where,
            skip, times,
        )
        with self._rules_lock:
            self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """No more faults; requests noted so far stay."""
        with self._rules_lock:
            self._rules.clear()

    @contextlib.contextmanager
    def connection_state(self) -> Iterator[http.client.HTTPConnection]:
        address = urlsplit(self.upstream)
        upstream = http.client.HTTPConnection(address.hostname, address.port, timeout=UPSTREAM_TIMEOUT_SECONDS)
        try:
            yield upstream
        finally:
            upstream.close()

    def _handle(self, exchange: Exchange) -> None:
        if exchange.request.headers.get("content-type").startswith("application/x-www-form-urlencoded"):
            exchange.read_body()  # the operation is in it
        fault = self._choose(exchange.request)
        passage = Passage(exchange, exchange.state)
        if fault is None:
            passage.pass_on()
            return
        exchange.request.fault = getattr(fault, "__name__", repr(fault))
        fault(passage)

    def _choose(self, request: Request) -> Fault | None:
        with self._rules_lock:
            for rule in self._rules:
                if not rule.matches(request):
                    continue
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                if rule.times is not None and rule.met >= rule.times:
                    continue
                rule.met += 1
                return rule.fault
        return None
