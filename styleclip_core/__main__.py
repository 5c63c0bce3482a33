"""`python -m styleclip_core`."""

import sys

from styleclip_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
