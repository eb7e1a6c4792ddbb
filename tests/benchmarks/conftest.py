"""pytest collects the quick check of our own cases, and no file that needs a peer."""

from pathlib import Path

collect_ignore = [
    file.name for file in Path(__file__).parent.glob("*.py") if not file.name.startswith("test_")
]
