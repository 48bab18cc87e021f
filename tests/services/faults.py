"""What goes wrong between a client and AWS, as faults for a FaultProxy. Answers have the status, code and headers that
AWS's documentation and SDKs give for them."""
from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from functools import wraps
from xml.sax.saxutils import escape

from services.environment import Keys
from services.fault_proxy import Fault, Passage
from services.signatures import is_signed_with, signed_anew

MAX_SKEW = timedelta(minutes=15)
PASSED_ON: Fault = Passage.pass_on


def named(make: Callable[..., Fault]) -> Callable[..., Fault]:
    @wraps(make)
    def made(*args: object, **options: object) -> Fault:
        fault = make(*args, **options)
        fault.__name__ = make.__name__
        return fault

    return made


@named
def s3_error(
    status: int, code: str, message: str = "", *, headers: dict[str, str] | None = None, more: str = "",
    read_body: bool = True,
) -> Fault:
    """An error in S3's XML; `more` are further elements. Without `read_body` it comes while the client still sends."""
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{escape(message)}</Message>{more}'
        "<RequestId>0123456789ABCDEF</RequestId><HostId>host</HostId></Error>"
    ).encode()

    def fault(passage: Passage) -> None:
        if read_body:
            passage.exchange.read_body()
        passage.exchange.answer(status, body, {"Content-Type": "application/xml", **(headers or {})})

    return fault


@named
def json_error(kind: str, message: str = "", status: int = 400) -> Fault:
    """An error of Glue or Athena."""
    body = json.dumps({"__type": f"com.amazonaws#{kind}", "message": message}).encode()
    return plain_answer(status, body, {"Content-Type": "application/x-amz-json-1.1", "x-amzn-errortype": kind})


@named
def json_answer(document: object) -> Fault:
    """Glue's or Athena's answer to a request that never reaches them."""
    return plain_answer(200, json.dumps(document).encode(), {"Content-Type": "application/x-amz-json-1.1"})


@named
def plain_answer(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Fault:
    def fault(passage: Passage) -> None:
        passage.exchange.read_body()
        passage.exchange.answer(status, body, headers)

    return fault


@named
def slow_down() -> Fault:
    return s3_error(503, "SlowDown", "Please reduce your request rate.")


@named
def internal_error() -> Fault:
    return s3_error(500, "InternalError", "We encountered an internal error. Please try again.")


@named
def unavailable_without_body() -> Fault:
    return plain_answer(503)


@named
def request_timeout() -> Fault:
    return s3_error(400, "RequestTimeout", "Your socket connection to the server was not read from or written to.")


@named
def reset_before_body() -> Fault:
    return lambda passage: passage.exchange.reset()


@named
def reset_after_body() -> Fault:
    """The server has the whole request but did nothing with it."""

    def fault(passage: Passage) -> None:
        passage.exchange.read_body()
        passage.exchange.reset()

    return fault


@named
def reset_instead_of_answer() -> Fault:
    """The server did what it was asked, and nobody hears of it."""

    def fault(passage: Passage) -> None:
        passage.ask().read()
        passage.exchange.reset()

    return fault


@named
def half_answer() -> Fault:
    """Half of the answer's body, then the connection ends."""
    return lambda passage: passage.relay(passage.ask(), share=0.5)


@named
def error_in_200(code: str = "InternalError", message: str = "We encountered an internal error.") -> Fault:
    """As CompleteMultipartUpload answers when it fails late: 200, blanks to keep the connection, then the error."""
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n   \n  <Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return plain_answer(200, body.encode(), {"Content-Type": "application/xml"})


@named
def done_but_error_in_200(code: str = "InternalError") -> Fault:
    """The same, after the server has completed the upload."""

    def fault(passage: Passage) -> None:
        passage.ask().read()
        error_in_200(code)(passage)

    return fault


@named
def drip(bytes_per_second: float) -> Fault:
    """The answer comes slowly."""
    return lambda passage: passage.relay(passage.ask(), bytes_per_second=bytes_per_second)


@named
def slow_read(bytes_per_second: float) -> Fault:
    """The request's body is taken slowly."""

    def fault(passage: Passage) -> None:
        passage.exchange.read_body(bytes_per_second)
        passage.pass_on()

    return fault


@named
def stall(seconds: float) -> Fault:
    """Nothing comes for `seconds`, then the connection ends."""

    def fault(passage: Passage) -> None:
        passage.exchange.read_body()
        time.sleep(seconds)
        passage.exchange.close()

    return fault


@named
def delay(seconds: float) -> Fault:
    """The server's answer, later."""

    def fault(passage: Passage) -> None:
        time.sleep(seconds)
        passage.pass_on()

    return fault


@named
def expired_token() -> Fault:
    return s3_error(400, "ExpiredToken", "The provided token has expired.")


@named
def access_denied(message: str = "Access Denied") -> Fault:
    return s3_error(403, "AccessDenied", message)


@named
def no_such_bucket(name: str = "bucket") -> Fault:
    more = f"<BucketName>{escape(name)}</BucketName>"
    return s3_error(404, "NoSuchBucket", "The specified bucket does not exist", more=more)


@named
def no_such_upload() -> Fault:
    return s3_error(404, "NoSuchUpload", "The specified upload does not exist.")


@named
def moved_to_region(region: str) -> Fault:
    """A bucket of another region, as path-style requests hear of it."""
    return s3_error(
        301, "PermanentRedirect", "The bucket you are attempting to access must be addressed using the specified endpoint.",
        headers={"x-amz-bucket-region": region}, more=f"<Endpoint>s3.{region}.amazonaws.com</Endpoint>",
    )


@named
def signed_for_other_region(region: str) -> Fault:
    """The same, as a signature for the wrong region hears of it."""
    return s3_error(
        400, "AuthorizationHeaderMalformed",
        f"The authorization header is malformed; the region is wrong; expecting '{region}'",
        headers={"x-amz-bucket-region": region}, more=f"<Region>{region}</Region>",
    )


@named
def conflict() -> Fault:
    return s3_error(409, "ConditionalRequestConflict", "The conditional request cannot succeed due to a conflict.")


@named
def precondition_failed() -> Fault:
    return s3_error(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")


@named
def other_clock(ahead: timedelta, keys: Keys) -> Fault:
    """A server whose clock is `ahead` of this machine's: it refuses what is signed for a time too far from its own,
    and has the rest signed anew with `keys` for the server behind, whose clock is right."""

    def fault(passage: Passage) -> None:
        request, exchange = passage.request, passage.exchange
        now = datetime.now(timezone.utc) + ahead
        signed = datetime.strptime(request.headers.get("x-amz-date"), "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        body = exchange.read_body()
        if abs(signed - now) > MAX_SKEW:
            date = {"Date": format_datetime(now, usegmt=True)}
            if "x-amz-target" in request.headers:
                kind, message = "InvalidSignatureException", f"Signature expired: {signed} is now earlier than {now}"
                exchange.answer(400, json.dumps({"__type": kind, "message": message}).encode(), date)
                return
            s3_error(403, "RequestTimeTooSkewed", "The difference between the request time and the current time is"
                     " too large.", headers=date)(passage)
            return
        passage.relay(passage.ask(signed_anew(request, body, keys)))

    return fault


@named
def temporary_keys(given: Keys, behind: Keys) -> Fault:
    """A server that knows the temporary keys `given`, before one that has only lasting ones: what is signed with
    `given`, its token included, passes, signed anew with the keys `behind`. Not until then is it a fault: for a rule
    with times=None."""

    def fault(passage: Passage) -> None:
        request = passage.request
        body = passage.exchange.read_body()
        if request.headers.get("x-amz-security-token") != given.token:
            s3_error(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")(passage)
        elif not is_signed_with(request, body, given):
            s3_error(403, "SignatureDoesNotMatch", "The request signature does not match.")(passage)
        else:
            passage.relay(passage.ask(signed_anew(request, body, behind)))

    return fault
