"""The domain: catalog, clients, flows, tokens. Knows no request, template or URL."""
