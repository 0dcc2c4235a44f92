"""Result cards: figures with the protocol that they were measured by, so that two of them can be compared, or not.

    protocol     how figures were measured: fingerprints of faces, what differs between two protocols
    slices       figures by group of faces: each age, gender, ethnicity
    confusions   what is answered for what is true
    failures     the faces that a model fails at most

Read first: `protocol`.
"""
