"""Result cards: figures with the protocol of their measurement, which decides whether two of them can be compared.

    protocol     how figures were measured: fingerprints of faces, what differs between two protocols
    identity     which model was measured, by which program
    record       a part of a card as plain JSON; reading a card
    slices       figures by group of faces: age, gender, ethnicity
    confusions   confusion matrices
    failures     the faces with the worst errors of a model
    sections     what the report shows of the parts
    markdown     a card as markdown, with a model-index block for Hugging Face
    compare      compares cards: which figures are comparable, and how far they differ

Read first: `record.describe`.
"""
