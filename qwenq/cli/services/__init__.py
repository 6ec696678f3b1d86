"""Commands that run or check services."""
