"""Checks of lab 15: its name (chapter 15)."""

LAB = "15_choosing"
