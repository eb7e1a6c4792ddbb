"""The step-through page: a traced run as one HTML file, gate by gate, forward and then back."""

from .page import Page, build_page

__all__ = ["Page", "build_page"]
