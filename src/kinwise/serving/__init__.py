"""Serving: a page and a JSON endpoint that put pictures before a trained network, on this machine."""
