"""How the lines begin that a generator's process prints for people, among what locust prints for its log."""

PREFIX = "loadtest| "
STARTED = "the load has started"
