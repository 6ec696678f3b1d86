"""Holds rows to what a tenant demands: bounds, no markup that could run in a browser."""
