"""Spreadsheets (.xlsx): sheets, and the texts that their cells show."""
