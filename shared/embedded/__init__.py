"""One machine's adapters: SQLite in WAL mode and plain files. The standard library is enough."""
