"""Kubernetes' quantities."""

_MEBIBYTES = {"Ki": 1 / 1024, "Mi": 1.0, "Gi": 1024.0, "Ti": 1024.0 * 1024}


def mebibytes(quantity: str) -> float:
    """Return how much memory or storage `512Mi` or `4Gi` is."""
    return float(quantity[:-2]) * _MEBIBYTES[quantity[-2:]]


def cores(quantity: str) -> float:
    """Return how many cores `500m` or `2` are."""
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)
