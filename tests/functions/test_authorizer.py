"""The authorizer, inside Lambda's runtime client: tokens of a real user pool of the emulator, forged ones, and API keys."""

import hashlib
import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, NamedTuple

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.aws import EmulatedAws
from tests.functions.lambda_runtime import FunctionFailed, LambdaFunction

ISSUER = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_tests"
CLIENT = "client-of-tests"
PAY, READ, OPERATE = "payments/pay", "payments/read", "payments/operate"


class Keys(NamedTuple):
    """A published signing key, and one that nobody has published."""

    published: rsa.RSAPrivateKey
    other: rsa.RSAPrivateKey
    url: str


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    """Signing keys behind a server of key sets."""
    published, other = (rsa.generate_private_key(public_exponent=65_537, key_size=2_048) for _ in range(2))
    described = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(published.public_key())) | {
        "kid": "k1",
        "use": "sig",
        "alg": "RS256",
    }

    class KeySet(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"keys": [described]}).encode())

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), KeySet)
    Thread(target=server.serve_forever, daemon=True).start()
    yield Keys(published, other, f"http://127.0.0.1:{server.server_address[1]}/keys")
    server.shutdown()


@pytest.fixture(scope="module")
def table(place: EmulatedAws) -> str:
    """A table of API keys."""
    place.client("dynamodb").create_table(
        TableName="api-keys",
        KeySchema=[{"AttributeName": "key_sha256", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "key_sha256", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return "api-keys"


@pytest.fixture(scope="module")
def authorizer(variables: dict[str, str], place: EmulatedAws, keys: Keys, table: str) -> Iterator[LambdaFunction]:
    """The function, with both roads open."""
    tokens = {"TOKEN_ISSUER": ISSUER, "TOKEN_CLIENTS": f"another,{CLIENT}", "TOKEN_KEYS_URL": keys.url}
    function = LambdaFunction("authorizer", variables | tokens | {"API_KEYS_TABLE": table})
    yield function
    function.close()


def request(headers: dict[str, str], method: str = "POST", path: str = "/v1/payments") -> dict[str, Any]:
    """Return what an HTTP API asks its authorizer."""
    return {
        "version": "2.0",
        "headers": headers,
        "requestContext": {"stage": "$default", "http": {"method": method, "path": path}},
    }


def token(key: rsa.RSAPrivateKey, **claims: Any) -> dict[str, str]:
    """Return the header of a token; `claims` in place of good ones."""
    good = {"iss": ISSUER, "exp": time.time() + 600, "token_use": "access", "client_id": CLIENT, "scope": f"{PAY} openid"}
    return {"Authorization": "Bearer " + jwt.encode(good | claims, key, "RS256", {"kid": "k1"})}


def put_key(place: EmulatedAws, table: str, key: str, **more: Any) -> None:
    """Store an API key that may pay."""
    digest = hashlib.sha256(key.encode()).hexdigest()
    item = {"key_sha256": {"S": digest}, "tenant": {"S": "shop"}, "scopes": {"SS": ["pay"]}}
    place.client("dynamodb").put_item(TableName=table, Item=item | more)


def test_a_good_token_passes_as_its_client_where_its_scope_allows_it(authorizer: LambdaFunction, keys: Keys) -> None:
    good = token(keys.published)
    assert authorizer.invoke(request(good)) == {"isAuthorized": True, "context": {"tenant": "default", "client": CLIENT}}
    assert authorizer.invoke(request(good, "GET", "/v1/accounts/a"))["isAuthorized"]
    assert not authorizer.invoke(request(good, "POST", "/v1/accounts"))["isAuthorized"]
    assert not authorizer.invoke(request(good, "GET", "/v1/webhooks"))["isAuthorized"]
    operator = token(keys.published, scope=f"{OPERATE} {READ}")
    assert authorizer.invoke(request(operator, "GET", "/v1/webhooks"))["isAuthorized"]
    assert not authorizer.invoke(request(operator))["isAuthorized"]


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1_000_000_000},
        {"iss": ISSUER + "x"},
        {"token_use": "id"},
        {"client_id": "somebody"},
        {"scope": ""},
        {"scope": "pay"},
        {"scope": "other/pay"},
    ],
)
def test_a_token_with_another_claim_does_not_pass(claims: dict[str, Any], authorizer: LambdaFunction, keys: Keys) -> None:
    assert authorizer.invoke(request(token(keys.published, **claims))) == {"isAuthorized": False, "context": {}}


def test_a_token_that_nobody_has_signed_as_it_should_be_does_not_pass(authorizer: LambdaFunction, keys: Keys) -> None:
    claims = {"iss": ISSUER, "exp": time.time() + 600, "token_use": "access", "client_id": CLIENT, "scope": PAY}
    with_secret = jwt.encode(claims, "s" * 32, "HS256", {"kid": "k1"})
    unsigned = jwt.encode(claims, None, "none", {"kid": "k1"})
    for bad in (
        token(keys.other)["Authorization"],
        f"Bearer {with_secret}",
        f"Bearer {unsigned}",
        "Bearer a.b.c",
        "Bearer",
        "Basic eA==",
        "",
    ):
        assert not authorizer.invoke(request({"Authorization": bad}))["isAuthorized"]
    assert not authorizer.invoke(request({}))["isAuthorized"]


def test_an_api_key_passes_until_it_is_disabled_or_expires(place: EmulatedAws, table: str, authorizer: LambdaFunction) -> None:
    good, disabled, expired = (f"pk_{name:x<40}" for name in ("good", "disabled", "expired"))
    put_key(place, table, good)
    put_key(place, table, disabled, is_disabled={"BOOL": True})
    put_key(place, table, expired, expires_at={"N": "1000000000"})
    answer = authorizer.invoke(request({"X-Api-Key": good}))
    for authorization in ("Basic eA==", "none", f"Bearer {good}"):
        # Answers are kept by Authorization, so what passes must be told by it alone.
        assert not authorizer.invoke(request({"X-Api-Key": good, "Authorization": authorization}))["isAuthorized"]
    assert (answer["isAuthorized"], answer["context"]["tenant"]) == (True, "shop")
    assert authorizer.invoke(request({"authorization": f"bearer {good}"}))["isAuthorized"]
    for bad in (disabled, expired, good + "y", "pk_short", "pk_" + "x" * 300, "pk_ümlaut" + "x" * 30):
        assert not authorizer.invoke(request({"x-api-key": bad}))["isAuthorized"]


def test_a_rest_api_gets_a_policy_for_the_one_method(authorizer: LambdaFunction, keys: Keys) -> None:
    arn = "arn:aws:execute-api:us-east-1:000000000000:api/prod/POST/v1/payments"
    asked = {"methodArn": arn, "httpMethod": "POST", "path": "/v1/payments", "headers": token(keys.published)}
    allowed = authorizer.invoke(asked)
    assert allowed["policyDocument"]["Statement"] == [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": arn}]
    assert allowed["principalId"] == CLIENT
    refused = authorizer.invoke(asked | {"headers": {}})
    assert refused["policyDocument"]["Statement"][0]["Effect"] == "Deny"


def test_nothing_passes_while_the_keys_cannot_be_read(variables: dict[str, str], place: EmulatedAws, keys: Keys) -> None:
    tokens = {"TOKEN_ISSUER": ISSUER, "TOKEN_CLIENTS": CLIENT, "TOKEN_KEYS_URL": "http://127.0.0.1:9/keys"}
    function = LambdaFunction("authorizer", variables | tokens | {"API_KEYS_TABLE": "no-such-table"})
    try:
        with pytest.raises(FunctionFailed, match="Connection"):
            function.invoke(request(token(keys.published)))
        with pytest.raises(FunctionFailed, match="ResourceNotFound"):
            function.invoke(request({"x-api-key": "pk_" + "x" * 40}))
    finally:
        function.close()


def test_a_token_that_the_user_pool_issues_to_a_machine_passes(variables: dict[str, str], place: EmulatedAws) -> None:
    pools = place.client("cognito-idp")
    pool = pools.create_user_pool(PoolName="payments")["UserPool"]["Id"]
    scopes = [{"ScopeName": "pay", "ScopeDescription": "Make payments"}]
    pools.create_resource_server(UserPoolId=pool, Identifier="payments", Name="payments", Scopes=scopes)
    client = pools.create_user_pool_client(
        UserPoolId=pool, ClientName="shop", GenerateSecret=True, AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthFlows=["client_credentials"], AllowedOAuthScopes=[PAY],
    )["UserPoolClient"]  # fmt: skip
    asked = {
        "grant_type": "client_credentials", "client_id": client["ClientId"], "client_secret": client["ClientSecret"], "scope": PAY,
    }  # fmt: skip
    with urllib.request.urlopen(
        f"{place.endpoint_url}/oauth2/token", urllib.parse.urlencode(asked).encode(), timeout=10
    ) as answer:
        issued = json.load(answer)["access_token"]
    tokens = {
        "TOKEN_ISSUER": jwt.decode(issued, options={"verify_signature": False})["iss"],
        "TOKEN_CLIENTS": client["ClientId"],
        "TOKEN_KEYS_URL": f"{place.endpoint_url}/{pool}/.well-known/jwks.json",
    }
    function = LambdaFunction("authorizer", variables | tokens)
    try:
        answered = function.invoke(request({"authorization": f"Bearer {issued}"}))
    finally:
        function.close()
    assert answered == {"isAuthorized": True, "context": {"tenant": "default", "client": client["ClientId"]}}
