"""A small HTTP/1.1 server whose answers a test programs down to the bytes of the connection, and which notes every
request it got: what the fault proxy and the endpoints for credentials are made of."""
from __future__ import annotations

import contextlib
import hashlib
import io
import socket
import socketserver
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from urllib.parse import parse_qsl, unquote

KEPT_BODY_BYTES = 1 << 20
MAX_HEAD_BYTES = 1 << 16
CHUNK_BYTES = 1 << 16


class Headers:
    """In the order and the spelling of the wire; looked up without regard to case."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.pairs = pairs

    def get(self, name: str, default: str = "") -> str:
        return next((value for key, value in self.pairs if key.lower() == name.lower()), default)

    def __contains__(self, name: str) -> bool:
        return any(key.lower() == name.lower() for key, _ in self.pairs)

    def __repr__(self) -> str:
        return repr(self.pairs)


@dataclass
class Request:
    method: str
    target: str
    """Path and query as they came."""
    headers: Headers
    connection: int
    """Requests with the same number came over one connection."""
    time: float = field(default_factory=time.monotonic)
    body: bytes = b""
    """Its first KEPT_BODY_BYTES."""
    body_bytes: int = 0
    body_sha256: str = ""
    status: int | None = None
    """What was answered; None: nothing."""
    fault: str | None = None
    """The name of the fault that it met."""

    @property
    def path(self) -> str:
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def operation(self) -> str:
        """What AWS calls it: `UploadPart` (of path-style S3), `GetTable`, `AssumeRole`."""
        if target := self.headers.get("x-amz-target"):
            return target.rpartition(".")[2]
        if self.headers.get("content-type").startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(self.body.decode(errors="replace"))).get("Action", "")
        return s3_operation(self.method, self.path, self.query)

    def __str__(self) -> str:
        met = f" ({self.fault})" if self.fault else ""
        return f"{self.operation or self.method} {self.target} {self.body_bytes} bytes: {self.status}{met}"


def s3_operation(method: str, path: str, query: dict[str, str]) -> str:
    is_object = path.strip("/").partition("/")[2] != ""
    if "uploadId" in query:
        multipart = {"PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}
        return multipart.get(method, "ListParts")
    if "uploads" in query:
        return "CreateMultipartUpload" if method == "POST" else "ListMultipartUploads"
    if "delete" in query:
        return "DeleteObjects"
    if is_object:
        return {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}.get(method, "")
    if "location" in query:
        return "GetBucketLocation"
    if method == "GET":
        return "ListObjectsV2" if path != "/" else "ListBuckets"
    return {"PUT": "CreateBucket", "HEAD": "HeadBucket", "DELETE": "DeleteBucket"}.get(method, "")


class ConnectionLost(Exception):
    """The connection ends here: the client went, or a fault wants it."""


class Exchange:
    """One request on a connection, and the ways to answer it. Whoever answers reads the body first, or does not."""

    def __init__(
        self, request: Request, connection: socket.socket, reader: io.BufferedReader, state: object = None
    ) -> None:
        self.request = request
        self.state = state
        """The same object for all exchanges of a connection: see HttpServer.connection_state."""
        self._socket = connection
        self._reader = reader
        self._body: bytes | None = None
        self.keep_alive = request.headers.get("connection").lower() != "close"

    def read_body(self, bytes_per_second: float | None = None) -> bytes:
        if self._body is not None:
            return self._body
        request = self.request
        if request.headers.get("expect").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if request.headers.get("transfer-encoding").lower() == "chunked":
            body = self._read_chunks()
        else:
            body = self._read_exactly(int(request.headers.get("content-length", "0")), bytes_per_second)
        self._body = body
        request.body = body[:KEPT_BODY_BYTES]
        request.body_bytes = len(body)
        request.body_sha256 = hashlib.sha256(body).hexdigest()
        return body

    def _read_exactly(self, size_bytes: int, bytes_per_second: float | None = None) -> bytes:
        body = bytearray()
        while len(body) < size_bytes:
            step = min(size_bytes - len(body), max(1, int(bytes_per_second / 10)) if bytes_per_second else CHUNK_BYTES)
            if bytes_per_second:
                time.sleep(0.1)
            read = self._reader.read(step)
            if not read:
                raise ConnectionLost
            body += read
        return bytes(body)

    def _read_chunks(self) -> bytes:
        body = bytearray()
        while size_bytes := int(self._reader.readline().split(b";")[0], 16):
            body += self._read_exactly(size_bytes)
            self._reader.readline()
        while self._reader.readline().strip():
            pass
        return bytes(body)

    def send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise ConnectionLost from error

    def send_head(self, status: int, headers: list[tuple[str, str]], reason: str = "") -> None:
        self.request.status = status
        lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers)]
        if not self.keep_alive:
            lines.append("Connection: close")
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """A whole answer, after the request's body was read, unless that is to be refused: then read_body was not
        called, and the connection ends with the answer."""
        if self._body is None and self.request.headers.get("content-length", "0") != "0":
            self.keep_alive = False
        extra = headers or {}
        sent = {"Date": formatdate(usegmt=True), "x-amz-request-id": "0123456789ABCDEF", **extra}
        if status not in (204, 304):
            sent["Content-Length"] = str(len(body))
        self.send_head(status, list(sent.items()))
        if self.request.method != "HEAD":
            self.send(body)
        if not self.keep_alive:
            raise ConnectionLost

    def close(self) -> None:
        """Ends the connection as a server does that goes away (FIN)."""
        raise ConnectionLost

    def reset(self) -> None:
        """Ends the connection with a TCP reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise ConnectionLost


class _TcpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


class HttpServer:
    """Calls `answer` in a thread per connection for each request. With `certificate` (a PEM file with its key) it
    speaks TLS."""

    def __init__(self, answer: Callable[[Exchange], None], certificate: str | None = None) -> None:
        self.requests: list[Request] = []
        self.errors: list[BaseException] = []
        """What went wrong in `answer` itself: stop() raises the first."""
        self.connections = 0
        self._answer = answer
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._context: ssl.SSLContext | None = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate)
        server = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                server._serve(self.request)

        self._server = _TcpServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}"

    def matching(self, operation: str | None = None, **conditions: object) -> list[Request]:
        """Requests so far, by their operation and other attributes."""
        with self._lock:
            requests = list(self.requests)
        return [
            request
            for request in requests
            if (operation is None or request.operation == operation)
            and all(getattr(request, name) == value for name, value in conditions.items())
        ]

    def operations(self) -> list[str]:
        return [request.operation for request in self.matching()]

    def forget(self) -> None:
        with self._lock:
            self.requests.clear()

    def saw(self, text: str) -> bool:
        """Whether any request so far held `text`, in whatever part."""
        return any(
            text in request.target or text in repr(request.headers) or text.encode() in request.body
            for request in self.matching()
        )

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        with self._lock:
            left = list(self._open)
        for connection in left:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        if self.errors:
            raise self.errors[0]

    def __enter__(self) -> HttpServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self.connections += 1
            number = self.connections
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
        except OSError:  # the client does not trust the certificate
            return
        with self._lock:
            self._open.add(connection)
        reader = connection.makefile("rb")
        try:
            with self.connection_state() as state:
                for request in self._read_requests(reader, number):
                    with self._lock:
                        self.requests.append(request)
                    exchange = Exchange(request, connection, reader, state)
                    self._answer(exchange)
                    if not exchange.keep_alive:
                        break
        except (ConnectionLost, ConnectionError, TimeoutError, ssl.SSLError):
            pass
        except BaseException as error:
            self.errors.append(error)
        finally:
            with self._lock:
                self._open.discard(connection)
            # The reader holds the connection open; only with both closed does a reset go out.
            with contextlib.suppress(OSError):
                reader.close()
            with contextlib.suppress(OSError):
                connection.close()

    @contextlib.contextmanager
    def connection_state(self) -> Iterator[object]:
        """Makes what exchanges find as their `state`."""
        yield None

    @staticmethod
    def _read_requests(reader: io.BufferedReader, connection: int) -> Iterator[Request]:
        while line := reader.readline(MAX_HEAD_BYTES):
            if not line.strip():
                continue
            words = line.decode("latin-1").strip("\r\n").split(" ")
            if len(words) != 3:  # no HTTP: TLS, for one
                return
            method, target, _ = words
            pairs = []
            while (line := reader.readline(MAX_HEAD_BYTES).decode("latin-1")).strip():
                name, _, value = line.partition(":")
                pairs.append((name, value.strip()))
            yield Request(method, target, Headers(pairs), connection)
