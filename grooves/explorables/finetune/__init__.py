"""The explorable `finetune`: what fine-tuning gains and forgets. `widget` shows it in JupyterLab,
`still` draws it."""
