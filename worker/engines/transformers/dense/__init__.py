"""The pass through a dense Qwen2 or Qwen3 (no experts): in PyTorch, in C, as CUDA graphs."""
