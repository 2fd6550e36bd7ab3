"""`python -m unslow` is the same as `unslow`."""

from unslow.cli import main

main()
