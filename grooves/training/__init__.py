"""How a model learns.

Read `objectives` (targets made from the data), `gradient_descent` and `validation` (both for the
NumPy network), `optimizers`, `loop` with `checkpoint` and `data_parallel`, then `lineage`, the one
family of models that the course trains. `mixed_precision` computes in 16 bits; `label_efficiency`
and `linear_probe` are the experiments of chapter 3. The folder `distributed` trains with several
processes (chapter 13).
"""
