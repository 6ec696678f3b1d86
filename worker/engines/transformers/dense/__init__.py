"""The pass through a dense Qwen2 or Qwen3, written out: in PyTorch, in C, as CUDA graphs."""
