"""`ray start` for one more node on loopback. Ray itself would give such a node the machine's address, and open its ports to the network."""

import ray._private.ray_constants as constants
from ray._private import services
from ray.scripts.scripts import main

# The variable is 0, so that Ray's processes take loopback for this machine's address; here alone it must allow a second node.
constants.ENABLE_RAY_CLUSTER = True
services.get_node_ip_address = lambda address=None: "127.0.0.1"
main()
