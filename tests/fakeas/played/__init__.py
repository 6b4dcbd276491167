"""Any provider of the catalog, played from its file: strict, in this process, without a socket."""
