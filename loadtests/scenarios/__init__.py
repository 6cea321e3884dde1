"""Load-test scenarios: what is sent, to which accounts, and when. Pure: nothing here opens a connection."""
