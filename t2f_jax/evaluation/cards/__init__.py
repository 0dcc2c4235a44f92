"""Result cards: figures with the protocol that they were measured by, so that two of them can be compared, or not.

    protocol     how figures were measured: fingerprints of faces, what differs between two protocols
    identity     which model was measured, by which program
    record       a part of a card as plain JSON; a card that is read again
    slices       figures by group of faces: each age, gender, ethnicity
    confusions   what is answered for what is true
    failures     the faces that a model fails at most
    sections     parts -> what the report shows of them
    markdown     a card as markdown, with a model-index block for Hugging Face
    compare      cards side by side: which figures may be, and how far they differ

Read first: `record.describe`.
"""
