"""`python -m unslow` is the same as `unslow`."""

import sys

from unslow.cli import main

sys.exit(main())
