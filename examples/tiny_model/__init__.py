"""Makes the tiny Qwen3 in `examples/tiny-qwen3` from synthetic invoices."""
