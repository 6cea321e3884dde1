"""What Redis (or Valkey) keeps for us: copies, guards and counters. All of it may be lost at any time, and all goes on without."""
