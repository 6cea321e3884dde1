"""A light HTTP client of the payments API: for loads, for the demo and for sending files.

`connection.Connection` is one keep-alive connection that retries what may be retried; `load` keeps many of them busy.
"""
