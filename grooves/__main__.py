"""`python -m grooves` is the command `grooves`, where no script is on the path.

Every chapter uses it.
"""

import sys

from grooves.cli import main

if __name__ == "__main__":
    sys.exit(main())
