"""A model of throughput over many machines, fed with costs that `payments bench` has measured on one."""
