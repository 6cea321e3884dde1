"""What runs in the peers' server processes. Nothing here knows that it is measured."""
