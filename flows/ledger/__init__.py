"""The ledger: evidence of what was built and measured, imported, kept in the store, and held against predictions."""
