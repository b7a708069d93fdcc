"""A short run of conformance/crash/run."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0])

from crash.cycles import main

main()
