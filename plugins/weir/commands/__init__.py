"""The commands of `weir`, by what they are about. Each imports what it needs when it runs, so that `weir --help` is quick."""
