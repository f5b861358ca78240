"""Shared by several explorables: widgets, drawing, controls, the story model in the browser."""
