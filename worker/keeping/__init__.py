"""Keeping claims while they are answered: the ledger of a turn, and the keeper that writes it to the store."""
