"""Keeping claims: the ledger of outcomes, and the thread that writes them and renews leases."""
