"""``python -m minigrad`` is the ``minigrad`` command."""

from .cli import main

main()
