"""HTML pages: function views, one module for each page group."""
