"""A trained model learns something new: from examples (chapter 6), or from feedback (chapter 10).

Chapter 6: read `lora` (which weights are trainable), `recipes` (the four ways of fine-tuning, and
the settings of each), then `dialogue` (chat templates and loss masking).
Chapter 10: read `preferences` (pairs of texts, DPO, IPO), `reward_model` (a number for each text,
learned from pairs), `policy_gradient` (learning from any reward), `own_samples` (training on what a
judge accepts), `kl_estimators` (how far a model has moved), `optimum` and `outcomes` (the best
policy, exactly, and how near each method comes), `judges` (what is true in Stories);
`updates` is the step that they share. Then `raters` (people whose taste and mistakes are known),
`verifiable` (a judge that selects stories, or corrects them word by word), and the loop itself:
`thumbs` (the widget that writes `inference.feedback_file`), `learn` (a few thumbs change the model)
and `learn_command` (`grooves learn FILE`).
"""
