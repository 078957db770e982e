from weir.local.part import properties


def test_a_properties_file_is_ascii() -> None:
    """Java's rules: Latin-1, and a backslash begins an escape."""
    assert properties({"log.dirs": "/My Projects é/😀", "size": 3}) == "log.dirs=/My Projects \\u00e9/\\ud83d\\ude00\nsize=3\n"
    assert properties({"folder": "a\\b"}) == "folder=a\\\\b\n"
