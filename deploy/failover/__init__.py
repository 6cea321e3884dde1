"""The failover to the second region: what README.md says, as steps that can be read, tried out and repeated."""
