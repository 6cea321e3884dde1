import sys

from deploy.failover.command import main

sys.exit(main(sys.argv[1:]))
