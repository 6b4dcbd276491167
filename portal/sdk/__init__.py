"""JSON spoken by the public @useparagon/connect client. Wire names live only here."""
