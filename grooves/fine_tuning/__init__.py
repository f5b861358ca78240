"""A trained model learns something new.

Read `lora` (which weights may change), then `recipes` (the four ways of fine-tuning, and the
settings of each).
"""
