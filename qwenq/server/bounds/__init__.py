"""Holds callers to their bounds: how often they may ask."""
