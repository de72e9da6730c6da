"""Exceptions of the client.

LossServiceError      a call that failed; `status`, `problem` (the RFC 9457 document), `detail`, `request_id`
|-- InvalidRequest    400, 422: the request does not fit the loss; `pointer` names the field
|   |-- InvalidTensor     422: a tensor has the wrong shape, type or values
|   |-- NonFinite         422: the result is infinite, where torch would return inf
|-- UnknownLoss       404: no loss has this name; `did_you_mean` lists the nearest names
|-- Unauthorized      401, 403: the token is missing or wrong
|-- TooLarge          413: a limit of the service is exceeded
|-- Overloaded        429: the queue stayed full until the timeout or the last retry
|-- Unavailable       502, 503: the service is starting, stopping or not reachable behind its proxy
|-- ServiceError      500, 504 and every other response that is not a result
|-- ConnectionLost    no response; `status` is None
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["ConnectionLost", "InvalidRequest", "InvalidTensor", "LossServiceError", "NonFinite", "Overloaded"]
__all__ += ["ServiceError", "TooLarge", "Unauthorized", "Unavailable", "UnknownLoss"]


class LossServiceError(Exception):
    """A call that failed.

    status: None where there was no response. problem: the problem document, empty where there was none. request_id: the id under which the
    service logged the request. pointer: the JSON pointer of the first field at fault, such as /labels/3. did_you_mean: names near an unknown one.
    """

    def __init__(self, detail: str, status: int | None = None, problem: dict[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.detail, self.status, self.problem = detail, status, problem or {}
        self.request_id: str = self.problem.get("request_id", "")
        self.pointer: str = next((error["pointer"] for error in self.problem.get("errors", ())), "")
        self.did_you_mean: list[str] = self.problem.get("did_you_mean", [])


class InvalidRequest(LossServiceError):
    """The request does not fit the loss."""


class InvalidTensor(InvalidRequest):
    """A tensor has the wrong shape, type or values."""


class NonFinite(InvalidRequest):
    """The result is infinite."""


class UnknownLoss(LossServiceError):
    """No loss has this name."""


class Unauthorized(LossServiceError):
    """The token is missing or wrong."""


class TooLarge(LossServiceError):
    """A limit of the service is exceeded."""


class Overloaded(LossServiceError):
    """The queue stayed full."""


class Unavailable(LossServiceError):
    """The service is starting or stopping."""


class ServiceError(LossServiceError):
    """The service failed, or the response is not one of this service."""


class ConnectionLost(LossServiceError):
    """No response arrived."""


_TYPES = {"invalid-tensor": InvalidTensor, "non-finite": NonFinite, "unknown-loss": UnknownLoss}
_STATUSES = {400: InvalidRequest, 422: InvalidRequest, 401: Unauthorized, 403: Unauthorized, 413: TooLarge, 429: Overloaded}
_STATUSES |= {502: Unavailable, 503: Unavailable}


def from_response(status: int, body: bytes | bytearray) -> LossServiceError:
    """The exception of a response that is not a result. Proxies send no problem document: their status is all there is."""
    try:
        problem = json.loads(body)
        kind, detail = problem["type"].rpartition("/")[2], problem["detail"]
    except (ValueError, LookupError, TypeError, AttributeError):
        problem, kind, detail = {}, "", f"HTTP status {status} without a problem document; expected a response of the loss service"
    name = f" (request {problem['request_id']})" if status >= 500 and "request_id" in problem else ""
    return _TYPES.get(kind, _STATUSES.get(status, ServiceError))(f"{detail}{name}", status, problem)
