"""Which pods a selector finds."""

from tests.infra.kuberay.manifests import Manifest

PART_OF = "app.kubernetes.io/part-of"


def labels(group: Manifest) -> dict[str, str]:
    """Return the labels of a group's pods, as far as the manifests say."""
    found: dict[str, str] = group["template"]["metadata"]["labels"]
    return found


def matches(selector: Manifest, own: dict[str, str]) -> bool:
    """Return whether pods with these labels are meant."""
    wanted = selector.get("matchLabels", {})
    return wanted.items() <= own.items() and all(_holds(rule, own) for rule in selector.get("matchExpressions", []))


def _holds(expression: Manifest, own: dict[str, str]) -> bool:
    key, operator = expression["key"], expression["operator"]
    if operator == "Exists":
        return key in own
    if operator == "In":
        return own.get(key) in expression["values"]
    raise ValueError(f"selectors here use Exists and In, not {operator}")
