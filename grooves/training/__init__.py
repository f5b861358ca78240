"""How a model learns.

Read `objectives` (targets made from the data), `gradient_descent` and `validation` (both for the
NumPy network), `optimizers`, `loop` with `checkpoint` and `data_parallel`, then `lineage`, the one
family of models that the course trains. `mixed_precision` computes in 16 bits; `label_efficiency`
and `linear_probe` are the experiments of chapter 3. `run_log`, `run_control`, `run_folder` and
`run_export` are the files by which a training can be watched, paused and gone on with. The folder
`scaling` asks what a better model would cost (chapter 5), and `distributed` trains with several
processes (chapter 13).
"""
