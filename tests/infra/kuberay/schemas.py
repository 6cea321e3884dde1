"""Strict checks by the schemas of those who will read the manifests: KubeRay, Ray Serve."""

import os
import typing
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pydantic
import pytest
import yaml
from ray.serve.schema import ServeDeploySchema

from tests.infra.kuberay.manifests import ROOT, Manifest

_NO_PROPERTIES = ("additionalProperties", "x-kubernetes-preserve-unknown-fields")


@cache
def ray_service_schema() -> jsonschema.Draft202012Validator:
    """Return KubeRay's schema of a RayService, in which an unknown field is an error. An API server would drop it without a word."""
    folder = Path(os.environ.get("KUBERAY_CRDS") or ROOT.parent / "shared" / "kuberay-crds")
    path = folder / "ray.io_rayservices.yaml"
    if not path.exists():
        pytest.skip("KubeRay's custom resource definitions are not here: name their folder in KUBERAY_CRDS")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    definition = yaml.load(path.read_text(), Loader=loader)
    (schema,) = (version["schema"]["openAPIV3Schema"] for version in definition["spec"]["versions"] if version["name"] == "v1")
    strict = _strict(schema)
    strict["properties"]["metadata"] = {"type": "object"}
    return jsonschema.Draft202012Validator(strict)


def ray_service_problems(service: Manifest) -> list[str]:
    """Return what KubeRay's schema has against a RayService."""
    return [f"{error.json_path}: {error.message}" for error in ray_service_schema().iter_errors(service)]


def serve_problems(config: Manifest) -> list[str]:
    """Return what Ray Serve's schema has against a config, and keys that it would overlook."""
    problems = _unknown_keys(ServeDeploySchema, config, "")
    try:
        ServeDeploySchema.model_validate(config)
    except pydantic.ValidationError as error:
        problems += [f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors()]
    return problems


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: _strict(value) for key, value in schema.items() if key not in ("nullable", "x-kubernetes-int-or-string")}
    if schema.get("x-kubernetes-int-or-string") is True:
        strict |= {"type": ["integer", "string"]}
        strict.pop("anyOf", None)
    if isinstance(schema.get("properties"), dict) and not any(key in schema for key in _NO_PROPERTIES):
        strict["additionalProperties"] = False
    if schema.get("nullable") is True and isinstance(strict.get("type"), str):
        strict["type"] = [strict["type"], "null"]
    return strict


def _unknown_keys(model: type[pydantic.BaseModel], value: Any, path: str) -> list[str]:
    problems = []
    for key, part in value.items():
        field = model.model_fields.get(key)
        if field is None:
            problems.append(f"{path}{key}: Ray Serve knows no such key")
            continue
        nested = _models(field.annotation)
        parts = part if isinstance(part, list) else [part]
        for number, item in enumerate(parts):
            if len(nested) == 1 and isinstance(item, dict):
                problems += _unknown_keys(
                    nested[0], item, f"{path}{key}.{number}." if isinstance(part, list) else f"{path}{key}."
                )
    return problems


def _models(annotation: Any) -> list[type[pydantic.BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in _models(part)]
