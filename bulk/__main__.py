"""`python -m bulk`; all else is in modules that the workers can import by name."""

from bulk.command import main

main()
