"""What went wrong with AWS, in one sentence that says what an operator can do."""

import re
from enum import Enum

from botocore import exceptions

ERRORS = (exceptions.BotoCoreError, exceptions.ClientError)
"""What any call of boto3 may raise."""

_TEXT_CHARACTERS = 300
# In AWS's own words: "User: arn:... is not authorized to perform: kinesis:PutRecords on resource: arn:...".
_ACTION = re.compile(r"perform: ([a-z0-9-]+:[A-Za-z0-9]+)")


class Fault(Enum):
    """The kinds of errors that ask for different remedies."""

    EXPIRED = "expired"
    CREDENTIALS = "credentials"
    DENIED = "denied"
    MISSING = "missing"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"
    BROKEN = "broken"
    REFUSED = "refused"


_CODES = {
    Fault.EXPIRED: {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"},
    Fault.CREDENTIALS: {
        "AuthFailure",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    },
    Fault.DENIED: {
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "AllAccessDisabled",
        "AuthorizationError",
        "Forbidden",
        "KMS.AccessDeniedException",
        "KMSAccessDeniedException",
        "NotAuthorized",
        "OptInRequired",
        "UnauthorizedOperation",
    },
    Fault.MISSING: {
        "404",
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "NotFound",
        "NotFoundException",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    },
    Fault.THROTTLED: {
        "KMSThrottlingException",
        "KMS.ThrottlingException",
        "LimitExceededException",
        "OverLimit",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    },
}
_FAULT_OF_CODE = {code: fault for fault, codes in _CODES.items() for code in codes}
_NO_CREDENTIALS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.NoAuthTokenError,
    exceptions.TokenRetrievalError,
    exceptions.SSOError,
    exceptions.ProfileNotFound,
)


def fault_of(error: Exception) -> Fault:
    """Return the kind of an error of boto3."""
    if isinstance(error, exceptions.ClientError):
        by_code = _FAULT_OF_CODE.get(error_code(error))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return by_code or (Fault.BROKEN if status >= 500 else Fault.REFUSED)
    if isinstance(error, _NO_CREDENTIALS):
        return Fault.CREDENTIALS
    # What no answer has come from: no name, no connection, a timeout, a connection that broke.
    if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError):
        return Fault.UNREACHABLE
    return Fault.REFUSED


def error_code(error: Exception) -> str:
    """Return AWS's code of an error, or the exception's name if AWS did not answer."""
    if isinstance(error, exceptions.ClientError):
        code = str(error.response.get("Error", {}).get("Code", "Unknown"))
        # SQS says "AWS.SimpleQueueService.NonExistentQueue" or "com.amazonaws.sqs#QueueDoesNotExist", by protocol.
        return code.rpartition("#")[2]
    return type(error).__name__


def explain(error: Exception, target: str) -> str:
    """Return one sentence about an error of boto3; `target` is what was called, such as `the Kinesis stream payments-events`."""
    code, text = error_code(error), _text(error)
    match fault_of(error):
        case Fault.EXPIRED:
            return f"the AWS credentials for {target} have expired ({code}): renew them, or check the role that gives them"
        case Fault.CREDENTIALS:
            return (
                f"AWS does not know the credentials for {target} ({code}: {text}): check the IAM role of this process, or "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        case Fault.DENIED:
            return f"access to {target} is denied ({code}): allow {_action(error)} to the role of this process"
        case Fault.MISSING:
            return f"{target} does not exist ({code}): check its name, PAYMENTS_AWS_REGION, or make it with `payments aws create`"
        case Fault.THROTTLED:
            return f"{target} is throttled ({code}): what waits goes on by itself; if it stays so, raise its capacity"
        case Fault.UNREACHABLE:
            return f"{target} cannot be reached ({code}: {text}): check the network and PAYMENTS_AWS_ENDPOINT_URL"
        case Fault.BROKEN:
            return f"{target} has an error of its own ({code}: {text}): look at the AWS health dashboard if it stays so"
        case Fault.REFUSED:
            return f"{target} refuses the request ({code}: {text})"


def _action(error: Exception) -> str:
    found = _ACTION.search(str(error))
    return found[1] if found else str(getattr(error, "operation_name", "the action"))


def _text(error: Exception) -> str:
    text = error.response.get("Error", {}).get("Message", "") if isinstance(error, exceptions.ClientError) else str(error)
    line = " ".join(str(text).split())
    return line if len(line) <= _TEXT_CHARACTERS else line[:_TEXT_CHARACTERS] + " ..."
