"""Lambda authorizer of API Gateway: lets a request pass that carries an access token of the Cognito user pool, or an API key.

Token: `Authorization: Bearer <JWT>`, RS256, checked against the pool's published keys: signature, issuer, expiry, `token_use`, client, and
that its scopes allow the route. Key: `X-Api-Key`, or a bearer that begins with `pk_`; only its SHA-256 is stored, in a DynamoDB
table (key `key_sha256`) with `tenant`, `scopes`, and optionally `expires_at` (epoch seconds) and `is_disabled`.

Answers both forms that API Gateway knows: `isAuthorized` of HTTP APIs (payload 2.0), and a policy for REST APIs (a request with
`methodArn`). Whatever goes wrong on the way to an answer is an error, so that API Gateway refuses the request with 500: nothing passes
because a check could not be made.

Variables: TOKEN_ISSUER, TOKEN_CLIENTS (client ids, with commas between), TOKEN_KEYS_URL (if the keys are not where the issuer has them),
API_KEYS_TABLE. Each road is closed while its variable is empty.
"""

import hashlib
import logging
import os
import re
import time
from functools import cache

import boto3
import jwt
from botocore.config import Config

logger = logging.getLogger()
logger.setLevel(logging.INFO)

SCOPE_PREFIX = "payments/"
KEY_PREFIX = "pk_"
CREDENTIAL_CHARACTERS_MAX = 8_192
_KEY = re.compile(r"[!-~]{20,255}")
_CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
_READS = ("GET", "HEAD")


class Refused(Exception):
    """The request may not pass. The message is for the log, never for the client."""


def handler(event, context):
    """Return whether the request may pass, and as whom."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    try:
        tenant, client_id, scopes = identify(headers)
        method, path = route_of(event)
        if not needed_scope(method, path) & scopes:
            raise Refused(f"{client_id} has the scopes {sorted(scopes)}, which do not allow {method} {path}")
    except Refused as refusal:
        logger.info("refused: %s", refusal)
        return answer(event, is_authorized=False, principal="anonymous", context={})
    return answer(event, is_authorized=True, principal=client_id, context={"tenant": tenant, "client": client_id})


def identify(headers):
    """Return (tenant, client, scopes) of who sends the request. Raises Refused."""
    credential, authorization = headers.get("x-api-key", ""), headers.get("authorization", "")
    if credential and authorization:
        # The gateway keeps answers by Authorization: the next one who sends the same, and no key, would pass as this one.
        raise Refused("both Authorization and X-Api-Key were sent")
    scheme, _, bearer = authorization.partition(" ")
    if scheme.lower() == "bearer":
        credential = bearer.strip()
    if not credential or len(credential) > CREDENTIAL_CHARACTERS_MAX:
        raise Refused("neither a token nor a key was sent")
    if credential.startswith(KEY_PREFIX):
        return by_key(credential)
    return by_token(credential)


def by_token(token):
    """Return who the access token is for. Raises Refused."""
    issuer = os.environ.get("TOKEN_ISSUER", "")
    clients = [client_id for client_id in os.environ.get("TOKEN_CLIENTS", "").split(",") if client_id]
    if not issuer or not clients:
        raise Refused("tokens are not taken here")
    try:
        key = signing_keys(os.environ.get("TOKEN_KEYS_URL") or f"{issuer}/.well-known/jwks.json").get_signing_key_from_jwt(token)
        # Cognito's access tokens name their client in `client_id` and have no audience.
        claims = jwt.decode(
            token, key, algorithms=["RS256"], issuer=issuer, leeway=5, options={"require": ["exp", "iss"], "verify_aud": False}
        )
    except jwt.PyJWKClientConnectionError:
        raise
    except jwt.PyJWTError as error:
        raise Refused(f"the token is not good: {error}") from error
    if claims.get("token_use") != "access" or claims.get("client_id") not in clients:
        raise Refused("the token is not an access token of one of our clients")
    scopes = {scope.removeprefix(SCOPE_PREFIX) for scope in claims.get("scope", "").split() if scope.startswith(SCOPE_PREFIX)}
    return claims.get("custom:tenant", "default"), claims["client_id"], scopes


def by_key(key):
    """Return who the API key is for. Raises Refused."""
    table = os.environ.get("API_KEYS_TABLE", "")
    if not table or not _KEY.fullmatch(key):
        raise Refused("keys are not taken here" if not table else "the key does not look like one")
    digest = hashlib.sha256(key.encode()).hexdigest()
    item = dynamodb().get_item(TableName=table, Key={"key_sha256": {"S": digest}}).get("Item")
    if item is None or item.get("is_disabled", {}).get("BOOL"):
        raise Refused(f"no key in use has the digest {digest[:12]}")
    if "expires_at" in item and int(item["expires_at"]["N"]) <= time.time():
        raise Refused(f"the key with the digest {digest[:12]} has expired")
    return item["tenant"]["S"], f"key-{digest[:12]}", set(item["scopes"]["SS"])


def route_of(event):
    """Return the request's method and path, in either form of API Gateway's event."""
    if "methodArn" in event:
        return event["httpMethod"], event["path"]
    http = event["requestContext"]["http"]
    # A stage other than $default is part of the path.
    stage = event["requestContext"].get("stage", "$default")
    path = http["path"]
    return http["method"], path.removeprefix(f"/{stage}") if stage != "$default" else path


def needed_scope(method, path):
    """Return the scopes of which one is needed: to read, to pay, or to operate."""
    if path.startswith(("/v1/webhooks", "/v1/dead-letters", "/v1/bridges")):
        return {"operate"}
    if method in _READS:
        return {"read", "pay", "operate"}
    if path.startswith("/v1/payments"):
        return {"pay"}
    return {"operate"}


def answer(event, is_authorized, principal, context):
    """Return the answer in the form that the event asks for."""
    if "methodArn" not in event:
        return {"isAuthorized": is_authorized, "context": context}
    effect = "Allow" if is_authorized else "Deny"
    # For this method and path alone: API Gateway may keep the answer, and scopes differ from route to route.
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
    return {"principalId": principal, "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}, "context": context}


@cache
def signing_keys(url):
    """Return the issuer's keys, read when they are needed and kept for a few minutes."""
    return jwt.PyJWKClient(url, cache_keys=True, lifespan=300, timeout=3)


@cache
def dynamodb():
    """Return the client, made at its first use and kept while the function stays warm."""
    return boto3.client("dynamodb", config=_CONFIG)
