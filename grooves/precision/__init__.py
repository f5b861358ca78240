"""Number formats and memory.

Read `formats` (numbers down to the bit), `quantize` (weights as integers with scales), `blocks`
(small floats that share a scale), `calibrated` (GPTQ), `activations` (W8A8), `stored_adapters`
(fine-tuned models as 8-bit differences), `qlora` (LoRA beside a base in 4 bits), `memory` (counted
and measured) and `budget` (a model of any size, part by part).
"""
