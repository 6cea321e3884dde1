"""Clients of AWS services, made alike for everything that uses them."""
