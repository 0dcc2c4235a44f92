"""Captions of six faces, with two reference captions each, for which trusted programs computed scores."""

FACES = [
    (
        "The young woman is smiling and has long blond hair.",
        "A young woman with long blond hair is smiling at the camera.",
        "The woman has blond hair, rosy cheeks and a big smile.",
    ),
    (
        "An elderly man with gray hair and a moustache is wearing glasses.",
        "An old man with grey hair and a bushy moustache.",
        "He is an elderly man wearing glasses; his hair is grey.",
    ),
    (
        "She has wavy black hair and wears no lipstick.",
        "This person's hair is black and wavy.",
        "She has black, wavy hair and isn't wearing make-up (no lipstick).",
    ),
    (
        "The man has a big nose, a double chin and a 5 o'clock shadow.",
        "He has a 5 o'clock shadow, a double chin and a big nose.",
        "The man is chubby, has a big nose and a 5 o'clock shadow.",
    ),
    (
        "A woman aged 45 who is not smiling.",
        "A middle-aged woman in her mid-40s, she doesn't smile.",
        "The lady looks about 45 years old and is not smiling.",
    ),
    ("A man.", "A bald man with a goatee.", "The man is bald and wears a goatee."),
]
CAPTIONS, GIVEN = [face[0] for face in FACES], [list(face[1:]) for face in FACES]
