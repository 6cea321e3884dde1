"""A failed call of AWS, for those who must not load boto3 to know it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from processor.aws.errors import Fault


class AwsFailed(Exception):
    """A call has failed, after the client's own attempts. The message is one sentence that says what an operator can do about it.

    `fault` is the kind of the error, `code` AWS's own word for it.
    """

    def __init__(self, message: str, fault: "Fault", code: str) -> None:
        super().__init__(message)
        self.fault = fault
        self.code = code
