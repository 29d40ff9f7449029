"""The report as one web page, ``index.html``: self-contained, without a network, interactive."""
