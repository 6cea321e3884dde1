"""The API's description, made of the route table: OpenAPI for programs, a page for people."""
