"""How surely a person was identified: ID-porten's levels, lowest first, in both vocabularies."""

_ASCENDING = (
    frozenset({"idporten-loa-low"}),
    frozenset({"idporten-loa-substantial", "Level3"}),
    frozenset({"idporten-loa-high", "Level4"}),
)


def levels_from(least: str) -> frozenset[str]:
    """The values of ``acr`` that are at least ``least``.

    TokenX writes Level3 and Level4 for the upper two. A value that is not ID-porten's (another provider in its
    place) is compared for equality alone.
    """
    for rank, names in enumerate(_ASCENDING):
        if least in names:
            return frozenset().union(*_ASCENDING[rank:])
    return frozenset({least})
