"""One model, several processes.

Read `ranks` (who takes part), `ring` (an all-reduce from send and receive) and `shards` first. Then
what is divided: the batch (`gradient_sync`), the optimizer's state and the gradients (`zero`), the
weights too (`sharded_weights`, with PyTorch's own in `fsdp`), each matrix (`tensor_parallel`), the
layers (`pipeline`). `loop` trains in any of the ways that divide a batch, `saved_state` lets it go
on after a worker was killed, and `train_command` is `grooves train`. `rendezvous` is how processes
find each other, `launch` starts them from Python, `all_reduce_timing` measures the wire, and
`kill_worker` tries what a killed worker costs.
Chapter 13.
"""
