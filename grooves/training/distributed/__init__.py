"""One model, several processes.

Read `ranks` (who takes part) and `ring` (an all-reduce from send and receive) first. Then what is
divided: the batch (`gradient_sync`), the optimizer's state and the gradients (`zero`), the weights
too (`sharded_weights`, with PyTorch's own in `fsdp`), each matrix (`tensor_parallel`), the layers
(`pipeline`). `loop` trains in any of these ways that divide a batch, `saved_state` lets it go on
after a worker was killed, and `train_command` is `grooves train`. `launch` starts processes from
Python, `all_reduce_timing` measures the wire, `kill_worker` tries what a killed worker costs.
Chapter 13.
"""
