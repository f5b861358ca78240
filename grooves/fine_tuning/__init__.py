"""A trained model learns something new.

Read `lora` (which weights are trainable), `recipes` (the four ways of fine-tuning, and the settings
of each), then `dialogue` (chat templates and loss masking).
"""
