"""Names as SQL writes them."""


def quoted(name: str) -> str:
    """`schema.table` or `table`, each part in quotation marks."""
    return ".".join(quoted_column(part) for part in name.split(".", 1))


def quoted_column(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
