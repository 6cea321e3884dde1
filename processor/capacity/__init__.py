"""What a load needs, on paper: from measured costs to shards, hosts, AWS sizes and a monthly price."""
