"""Graphs in words: the chain rule as equations, and the story of a run, gate by gate."""
