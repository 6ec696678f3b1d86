"""How the service listens: processes, TLS, and clients that are slow or send no HTTP."""
