"""The bodies of requests and answers as types: msgspec checks requests against them, OpenAPI is generated from them."""
