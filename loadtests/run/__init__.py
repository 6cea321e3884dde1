"""Everything around a load: the instance, locust's processes, a host that is killed, the audit, the result."""
