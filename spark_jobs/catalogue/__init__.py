"""Jobs that people know, each in a folder of its own. docs/catalogue.md lists them."""
