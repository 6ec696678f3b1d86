"""Protects from other users of the machine: owners and modes of files, the umask, where Python imports from.

Also how qwenq was installed there.
"""
