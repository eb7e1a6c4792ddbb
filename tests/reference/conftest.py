"""pytest leaves alone what needs PyTorch."""

collect_ignore = ["make.py", "recurrence.py"]
