"""Settings for every test: Hypothesis tries the same examples each time, on any machine."""

from hypothesis import settings

settings.register_profile("minigrad", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("minigrad")
