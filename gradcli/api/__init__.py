"""gradcli from Python: a text becomes an object that is called with numbers or arrays and shows itself."""
